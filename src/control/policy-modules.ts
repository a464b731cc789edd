import { codeOf, messageOf } from '../actor/errors.ts'
import type { ChosenOptions } from '../config/schema/types.ts'
import { moduleUrl } from '../io/policy-loader.ts'
import { startThread } from '../io/thread.ts'
import { checkTypes } from './policy-types.ts'
import type { TypeCheck } from './policy-types.ts'

/** What the thread of `workers/policy.ts` is asked: import, and say what is wrong; '' if nothing is. */
export interface PolicyAudit {
  audit(url: string, options: ChosenOptions): string | Promise<string>
}

/** For the first import and a few picks, type stripping included, on a slow machine. */
const AUDIT_MS = 5000
/** Three small clusters take no memory to speak of. */
const AUDIT_HEAP_MB = 256

export type ModuleVerdict = {
  /** Under which it is imported: another one when the file is. undefined if it is refused. */
  readonly url: string | undefined
  /** What is wrong with it, beside its types; '' if nothing is. */
  readonly problem: string
  /** With which of the options: their index; -1 whatever they are. */
  readonly culprit: number
  readonly types: TypeCheck
}

const NO_TYPES: TypeCheck = { errors: [], warning: '' }

/**
 * Is the module at `path` a policy? Its types are compared with the `Policy` interface, then it runs in a thread of its own, with each of these options, `auditMs` long at most each time.
 * Never rejects.
 */
export async function verifyModule(
  path: string,
  options: readonly ChosenOptions[],
  auditMs: number = AUDIT_MS,
): Promise<ModuleVerdict> {
  let url: string
  try {
    url = await moduleUrl(path)
  } catch (thrown) {
    return { url: undefined, problem: readProblem(thrown), culprit: -1, types: NO_TYPES }
  }
  const types = await checkTypes(path)
  if (types.errors.length > 0) return { url: undefined, problem: '', culprit: -1, types }
  const { problem, culprit } = await auditIn(url, options, auditMs)
  if (problem !== '') return { url: undefined, problem, culprit, types }
  const now = await moduleUrl(path).catch(() => undefined)
  return now === url
    ? { url, problem, culprit, types }
    : { url: undefined, problem: 'changed while it was looked at', culprit: -1, types }
}

type Finding = Pick<ModuleVerdict, 'problem' | 'culprit'>

async function auditIn(url: string, options: readonly ChosenOptions[], auditMs: number): Promise<Finding> {
  const door = new URL('../../workers/policy.ts', import.meta.url)
  const { ref, ended, terminate } = startThread<PolicyAudit>({
    name: 'policy',
    url: door,
    seed: {},
    heapMb: AUDIT_HEAP_MB,
  })
  try {
    for (const [culprit, given] of options.entries()) {
      const problem = await ref.within(auditMs).audit(url, given)
      if (problem !== '') return { problem, culprit }
    }
    return { problem: '', culprit: -1 }
  } catch (thrown) {
    return { problem: auditProblem(thrown, auditMs), culprit: -1 }
  } finally {
    terminate()
    await ended
  }
}

function auditProblem(thrown: unknown, auditMs: number): string {
  const code = codeOf(thrown)
  if (code === 'WEIR_ACTOR_TIMEOUT') return `was not done after ${auditMs / 1000} s: does it loop for ever?`
  const story = messageOf(thrown).split('\n')[0]!.slice(0, 300)
  return code === 'WEIR_ACTOR_DIED'
    ? `ended the thread it was tried in: ${story}`
    : `cannot be imported: ${story}`
}

const READ_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
}

function readProblem(thrown: unknown): string {
  const code = codeOf(thrown)
  if (code === undefined) return messageOf(thrown)
  return READ_FAILURES[code] ?? `cannot be read (${code})`
}
