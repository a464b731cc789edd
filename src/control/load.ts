import { codeOf, messageOf } from '../actor/errors.ts'
import { namesToResolve } from '../config/names.ts'
import { compileConfig } from '../config/compile.ts'
import { formatDiagnostic, readFailure } from '../config/diagnostic.ts'
import { parseConfig } from '../config/parse.ts'
import type { ParseResult } from '../config/parse.ts'
import type { Config } from '../config/schema/root.ts'
import { SlotTable, SlotsExhausted } from '../config/slots.ts'
import type { Snapshot } from '../config/snapshot.ts'
import { Refusal } from './failure.ts'
import type { Names } from './resolve.ts'
import { unresolvedWarning } from './warnings.ts'

/** Where the configuration comes from. */
export type ConfigSource = {
  /** For diagnostics. */
  readonly name: string
  readonly read: () => Promise<string>
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
    return { diagnostics: [readFailure(source.name, codeOf(thrown) ?? messageOf(thrown))] }
  }
  return parseConfig(text, source.name)
}

/**
 * Text → snapshot, names resolved. Versions count up with every snapshot made, published or not.
 */
export class Loader {
  readonly slots: SlotTable = new SlotTable()
  readonly #source: ConfigSource
  readonly #names: Names
  readonly #availableCores: number
  #version = 0

  constructor(source: ConfigSource, names: Names, availableCores: number) {
    this.#source = source
    this.#names = names
    this.#availableCores = availableCores
  }

  /** Throws a Refusal with every problem. `previous` stays resolved until `keepNames` says otherwise. */
  async load(previous?: Config): Promise<Loaded> {
    const { config, diagnostics } = await readConfig(this.#source)
    const lines = diagnostics.map(formatDiagnostic)
    if (config === undefined) throw new Refusal(lines)
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
    const context = {
      version: ++this.#version,
      availableCores: this.#availableCores,
      slots: this.slots,
      resolved,
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
