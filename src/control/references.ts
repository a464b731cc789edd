import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { codeOf, messageOf } from '../actor/errors.ts'
import type { StickyConfig } from '../config/balance.ts'
import type { Diagnostic } from '../config/diagnostic.ts'
import type { Position } from '../config/lines.ts'
import type { Path } from '../config/plain.ts'
import { showPath } from '../config/plain.ts'
import type { Config } from '../config/schema/root.ts'
import type { StickySpec } from '../config/snapshot.ts'
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

/** A secret longer than this is no secret but the wrong file. */
const MAX_SECRET_FILE = 65_536

type Complain = (path: Path, message: string) => void

export type Fetched = { readonly references: References; readonly diagnostics: readonly Diagnostic[] }

/** Never rejects: what cannot be had is a diagnostic, and none of them holds a secret. */
export async function fetchReferences(config: Config, context: ReferenceContext): Promise<Fetched> {
  const { file, locate } = context
  const diagnostics: Diagnostic[] = []
  const complain: Complain = (path, message) =>
    diagnostics.push({ file, ...locate(path), severity: 'error', message: `${showPath(path)}: ${message}` })
  const stickyKeys = new Map<string, StickySpec['key']>()
  for (const [name, { sticky }] of config.clusters) {
    if (sticky === 'off') continue
    const secret = await secretOf(name, sticky, context, complain)
    if (secret !== undefined) stickyKeys.set(name, keyOf(secret))
  }
  return { references: { stickyKeys, modules: new Map() }, diagnostics }
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
    const bytes = await readFile(path)
    if (bytes.length > MAX_SECRET_FILE) throw new Error('is longer than a secret')
    return bytes.toString('utf8').trim()
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
