import { availableParallelism } from 'node:os'
import { randomInt } from 'node:crypto'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Piscina } from 'piscina'
import { messageOf } from '../actor/errors.ts'
import { POLICY_DEFAULTS } from '../balance/options.ts'
import { suggestion } from '../config/suggest.ts'
import { fileKind } from '../io/file-kind.ts'
import { checkTypes } from './policy-types.ts'

/** `weir policy test`: every law of the laboratory tried on one policy, each in a worker that is ended if it takes too long. */
export type PolicyTrial = {
  /** A path to a module, or the name of a built-in policy. */
  readonly subject: string
  /** Of all chance; undefined: drawn. */
  readonly seed: number | undefined
  /** The laboratory's worker. */
  readonly lab: URL
  readonly print: (text: string) => void
  readonly complain: (line: string) => void
}

type Verdict = {
  readonly law: string
  readonly excludes: string
  readonly holds: 'yes' | 'no' | 'exempt'
  readonly why: string
}

/** A law takes a few seconds at most; a policy that loops for ever takes longer. */
const LAW_MS = 60_000
const HEAP_MB = 512

const isPath = (subject: string): boolean => /[/\\]|\.[cm]?[jt]s$/.test(subject)

/** Exit code: 0 all hold, 1 some do not, 2 there is nothing to try. */
export async function testPolicy(trial: PolicyTrial): Promise<number> {
  const { subject, complain, lab, print } = trial
  const known = Object.keys(POLICY_DEFAULTS)
  if (!isPath(subject) && !known.includes(subject)) {
    complain(
      `weir: no built-in policy ${subject}${suggestion(subject, known)}; a module is given by its path`,
    )
    return 2
  }
  const kind = isPath(subject) ? await fileKind(subject) : 'a regular file'
  if (kind !== 'a regular file' && kind !== 'a symbolic link') {
    complain(`weir: ${subject} is ${kind ?? 'not there'}`)
    return 2
  }
  const pool = new Piscina({
    filename: lab.href,
    maxThreads: availableParallelism(),
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    atomics: 'disabled',
  })
  try {
    const laws = (await pool.run(undefined, { name: 'lawNames' })) as readonly string[]
    const seed = trial.seed ?? randomInt(1e9)
    print(`${subject}, seed ${seed}\n\n`)
    const typed = isPath(subject) ? await typesOf(subject, print) : true
    const verdicts = await tryAll(pool, laws, (name, law) => tryOne(pool, subject, { name, law, seed }))
    for (const verdict of verdicts) print(line(verdict))
    return conclude(verdicts, print) && typed ? 0 : 1
  } finally {
    await pool.destroy()
  }
}

/** Whether nothing is wrong with its types, as far as that can be known. */
async function typesOf(path: string, print: (text: string) => void): Promise<boolean> {
  const { errors, warning } = await checkTypes(path)
  for (const { file, line: row, column, message } of errors) print(`${file}:${row}:${column}: ${message}\n`)
  if (warning !== '') print(`warning: ${warning}\n`)
  if (errors.length > 0 || warning !== '') print('\n')
  return errors.length === 0
}

/** As many at once as there are workers: the time a law has begins when it does. */
async function tryAll(
  pool: Piscina,
  laws: readonly string[],
  tryLaw: (name: string, law: number) => Promise<Verdict>,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = []
  const queue = laws.entries()
  const work = async (): Promise<void> => {
    for (const [law, name] of queue) verdicts[law] = await tryLaw(name, law)
  }
  await Promise.all(Array.from({ length: pool.maxThreads }, work))
  return verdicts
}

async function tryOne(
  pool: Piscina,
  subject: string,
  { name, law, seed }: { readonly name: string; readonly law: number; readonly seed: number },
): Promise<Verdict> {
  const module = isPath(subject) ? pathToFileURL(subject).href : undefined
  const task = { name: module === undefined ? subject : basename(subject), module, options: {}, law, seed }
  const signal = AbortSignal.timeout(LAW_MS)
  try {
    return (await pool.run(task, { name: 'trial', signal })) as Verdict
  } catch (thrown) {
    const why = signal.aborted ? `it was not done after ${LAW_MS / 1000} s: ended` : messageOf(thrown)
    return { law: name, excludes: '', holds: 'no', why }
  }
}

const MARKS = { yes: 'holds ', no: 'BROKEN', exempt: '  –   ' } as const

function line({ law, excludes, holds, why }: Verdict): string {
  const bug = excludes === '' ? '' : ` (${excludes})`
  const reason = why === '' ? '' : `\n         ${why.replaceAll(/\s+/g, ' ')}`
  return `${MARKS[holds]}  ${law}${bug}${reason}\n`
}

/** Whether all laws hold. */
function conclude(verdicts: readonly Verdict[], print: (text: string) => void): boolean {
  const count = (holds: Verdict['holds']): number =>
    verdicts.filter((verdict) => verdict.holds === holds).length
  print(`\n${count('yes')} laws hold, ${count('no')} are broken, ${count('exempt')} do not apply\n`)
  return count('no') === 0
}
