import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { codeOf, messageOf } from '../actor/errors.ts'
import type { StickyConfig } from '../config/balance.ts'
import type { Diagnostic, Severity } from '../config/diagnostic.ts'
import type { Position } from '../config/lines.ts'
import type { Path } from '../config/plain.ts'
import { showPath } from '../config/plain.ts'
import { isBuiltIn } from '../config/schema/policy.ts'
import type { Config } from '../config/schema/root.ts'
import type { ChosenOptions } from '../config/schema/types.ts'
import type { StickySpec } from '../config/snapshot.ts'
import { readBounded } from '../io/bounded-file.ts'
import { verifyModule } from './policy-modules.ts'
import { FORMATS } from '../config/schema/formats.ts'

/** What a configuration names outside of itself, fetched: keys by cluster, modules by path as written. */
export type References = {
  readonly stickyKeys: ReadonlyMap<string, StickySpec['key']>
  readonly modules: ReadonlyMap<string, string>
}

export type ReferenceContext = {
  /** Of the configuration, for diagnostics. */
  readonly file: string
  /** Where relative paths start. */
  readonly directory: string
  readonly locate: (path: Path) => Position
  /** What keys are drawn from that nobody gave: the same for the life of the process, so that sessions survive a reload. */
  readonly drawn: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** A file longer than this holds no secret: it is the wrong one. */
const MAX_SECRET_FILE = 65_536

type Complain = (path: Path, message: string, severity?: Severity) => void

export type Fetched = { readonly references: References; readonly diagnostics: readonly Diagnostic[] }

/** Never rejects: what cannot be had is a diagnostic, and none of them holds a secret. */
export async function fetchReferences(config: Config, context: ReferenceContext): Promise<Fetched> {
  const { file, locate } = context
  const diagnostics: Diagnostic[] = []
  const complain: Complain = (path, message, severity = 'error') =>
    diagnostics.push({ file, ...locate(path), severity, message: `${showPath(path)}: ${message}` })
  const stickyKeys = new Map<string, StickySpec['key']>()
  for (const [name, { sticky }] of config.clusters) {
    if (sticky === 'off') continue
    const secret = await secretOf(name, sticky, context, complain)
    if (secret !== undefined) stickyKeys.set(name, keyOf(secret))
  }
  const modules = new Map<string, string>()
  for (const [written, uses] of modulesOf(config)) {
    const url = await fetchModule(written, uses, { context, complain, diagnostics })
    if (url !== undefined) modules.set(written, url)
  }
  return { references: { stickyKeys, modules }, diagnostics }
}

/** Where a module is named, and with which options. */
type Use = { readonly path: Path; readonly options: ChosenOptions }

/** By path as written. */
function modulesOf(config: Config): ReadonlyMap<string, readonly Use[]> {
  const modules = new Map<string, Use[]>()
  for (const [name, cluster] of config.clusters) {
    for (const key of ['policy', 'shadow'] as const) {
      const chosen = cluster[key]
      if (chosen === undefined || isBuiltIn(chosen.name)) continue
      const use: Use = { path: ['clusters', name, key], options: chosen.options }
      modules.set(chosen.name, [...(modules.get(chosen.name) ?? []), use])
    }
  }
  return modules
}

type Reporting = {
  readonly context: ReferenceContext
  readonly complain: Complain
  readonly diagnostics: Diagnostic[]
}

/** What the compiler finds is said of the module's own lines, everything else of the place that names it. */
async function fetchModule(
  written: string,
  uses: readonly Use[],
  { context, complain, diagnostics }: Reporting,
): Promise<string | undefined> {
  const file = written.startsWith('/') ? written : join(context.directory, written)
  const verdict = await verifyModule(
    resolve(file),
    uses.map(({ options }) => options),
  )
  for (const problem of verdict.types.errors) {
    const own = problem.file === resolve(file) ? file : problem.file
    diagnostics.push({ ...problem, file: own, severity: 'error' })
  }
  for (const [at, { path }] of uses.entries()) {
    const blamed = verdict.culprit === -1 || verdict.culprit === at
    if (verdict.problem !== '' && blamed) complain(path, `${written} ${verdict.problem}`)
    if (verdict.types.warning !== '') complain(path, `${written}: ${verdict.types.warning}`, 'warning')
  }
  return verdict.url
}

/** What `subset.seed: auto` means on this machine. */
export function machineSeed(): number {
  return createHash('sha256').update(hostname()).digest().readUInt32LE(0)
}

async function secretOf(
  cluster: string,
  { key, keyFile, keyEnv }: StickyConfig,
  { directory, drawn, environment }: ReferenceContext,
  complain: Complain,
): Promise<string | undefined> {
  if (key !== undefined) return key
  const at = ['clusters', cluster, 'sticky', keyFile === undefined ? 'keyEnv' : 'keyFile']
  try {
    if (keyFile !== undefined) return checked(await readSecret(resolve(directory, keyFile)))
    if (keyEnv === undefined) return `${drawn} ${cluster}`
    const value = environment[keyEnv]
    if (value === undefined) throw new Error(`there is no variable ${keyEnv}`)
    return checked(value)
  } catch (thrown) {
    complain(at, messageOf(thrown))
    return undefined
  }
}

async function readSecret(path: string): Promise<string> {
  try {
    return (await readBounded(path, MAX_SECRET_FILE)).toString('utf8').trim()
  } catch (thrown) {
    const code = codeOf(thrown)
    throw code === undefined ? thrown : new Error(`cannot be read (${code})`)
  }
}

function checked(secret: string): string {
  const parsed = FORMATS.secret.parse(secret)
  if (!parsed.ok) throw new Error(parsed.why)
  return secret
}

function keyOf(secret: string): StickySpec['key'] {
  const digest = createHash('sha256').update('weir sticky\0').update(secret).digest()
  return [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)]
}
