import { codeOf, messageOf } from '../actor/errors.ts'
import { namesToResolve } from '../config/names.ts'
import { compileConfig } from '../config/compile.ts'
import { formatDiagnostic, hasErrors, readFailure, sortDiagnostics } from '../config/diagnostic.ts'
import type { Diagnostic } from '../config/diagnostic.ts'
import { parseConfig } from '../config/parse.ts'
import type { ParseResult } from '../config/parse.ts'
import type { Config } from '../config/schema/root.ts'
import { SlotTable, SlotsExhausted } from '../config/slots.ts'
import type { Snapshot } from '../config/snapshot.ts'
import { Refusal } from './failure.ts'
import { fetchReferences, machineSeed } from './references.ts'
import type { References } from './references.ts'
import type { Names } from './known-names.ts'
import { unresolvedWarning } from './warnings.ts'

/** Where the configuration comes from. */
export type ConfigSource = {
  /** For diagnostics. */
  readonly name: string
  readonly read: () => Promise<string>
  /** Where relative paths in it start. Absent: the working directory. */
  readonly directory?: string
}

export type Loaded = {
  readonly config: Config
  readonly snapshot: Snapshot
  readonly warnings: readonly string[]
}

/** How long a start or reload waits for names. A late answer is taken over when it comes. */
export const NAMES_MS = 3000

/** Read and parse; a file that cannot be read is a diagnostic, too. */
export async function readConfig(source: ConfigSource): Promise<ParseResult> {
  let text: string
  try {
    text = await source.read()
  } catch (thrown) {
    const failure = readFailure(source.name, codeOf(thrown) ?? messageOf(thrown))
    return { diagnostics: [failure], locate: () => failure }
  }
  return parseConfig(text, source.name)
}

/** A configuration with what it refers to. */
export type WholeConfig = {
  /** Absent exactly when a diagnostic is an error. */
  readonly config?: Config
  readonly references?: References
  readonly diagnostics: readonly Diagnostic[]
}

/** The same with what the configuration refers to. `drawn` is the secret that stands in for those nobody gave. */
export async function readWholeConfig(source: ConfigSource, drawn: string): Promise<WholeConfig> {
  const { config, diagnostics, locate } = await readConfig(source)
  if (config === undefined) return { diagnostics }
  const fetched = await fetchReferences(config, {
    file: source.name,
    directory: source.directory ?? '.',
    locate,
    drawn,
    environment: process.env,
  })
  const all = sortDiagnostics([...diagnostics, ...fetched.diagnostics])
  return hasErrors(all) ? { diagnostics: all } : { config, references: fetched.references, diagnostics: all }
}

/** Text → snapshot, names resolved: a first one, for whoever publishes it as a later one knows which. */
export class Loader {
  readonly slots: SlotTable = new SlotTable()
  readonly #source: ConfigSource
  readonly #names: Names
  readonly #availableCores: number
  /** The secret of the program, for keys nobody gave. */
  readonly #drawn: string
  readonly #machineSeed = machineSeed()
  /** As they were when the configuration was read: a later reading, refused maybe, does not change them. */
  readonly #references = new WeakMap<Config, References>()

  constructor(source: ConfigSource, names: Names, availableCores: number, drawn: string) {
    this.#drawn = drawn
    this.#source = source
    this.#names = names
    this.#availableCores = availableCores
  }

  /** Throws a Refusal with every problem. `previous` stays resolved until `keepNames` says otherwise. */
  async load(previous?: Config): Promise<Loaded> {
    const { config, references, diagnostics } = await readWholeConfig(this.#source, this.#drawn)
    const lines = diagnostics.map(formatDiagnostic)
    if (config === undefined || references === undefined) throw new Refusal(lines)
    this.#references.set(config, references)
    this.#names.want([...hostsOf(config), ...(previous === undefined ? [] : hostsOf(previous))])
    await this.#names.settled(NAMES_MS)
    const hosts = new Set(hostsOf(config))
    const unresolved = this.#names.unresolved().filter(({ host }) => hosts.has(host))
    const warnings = unresolved.map(({ host, reason }) => unresolvedWarning(host, reason))
    return { config, snapshot: this.compile(config), warnings: [...lines, ...warnings] }
  }

  /** With the addresses known now. */
  compile(config: Config): Snapshot {
    const resolved = (hostPort: string): readonly string[] => addressesOf(this.#names, hostPort)
    const references = this.#references.get(config)
    if (references === undefined) throw new Error('a configuration is compiled that was not loaded')
    const context = {
      version: 1,
      availableCores: this.#availableCores,
      slots: this.slots,
      resolved,
      machineSeed: this.#machineSeed,
      module: (path: string) => present(references.modules.get(path)),
      stickyKey: (cluster: string) => present(references.stickyKeys.get(cluster)),
    }
    try {
      return compileConfig(config, context)
    } catch (thrown) {
      if (thrown instanceof SlotsExhausted) throw new Refusal([`${this.#source.name}: ${thrown.message}`])
      throw thrown
    }
  }

  /** This configuration is the one that runs: forget other names. */
  keepNames(config: Config): void {
    this.#names.want(hostsOf(config))
  }
}

function present<T>(reference: T | undefined): T {
  if (reference === undefined) throw new Error('a reference of the configuration was not fetched')
  return reference
}

function hostsOf(config: Config): readonly string[] {
  return [...new Set(namesToResolve(config).map((hostPort) => split(hostPort).host))]
}

function addressesOf(names: Names, hostPort: string): readonly string[] {
  const { host, port } = split(hostPort)
  return names.addressesOf(host).map((ip) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`))
}

function split(hostPort: string): { readonly host: string; readonly port: string } {
  const colon = hostPort.lastIndexOf(':')
  return { host: hostPort.slice(0, colon), port: hostPort.slice(colon + 1) }
}
