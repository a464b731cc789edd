import type { Timers } from '../actor/timers.ts'
import type { NamesControl } from './discovery-protocol.ts'

/** What endpoints that are names mean, as main knows it. */
export type Names = {
  /** The names wanted from now on; those no longer wanted are forgotten, new ones asked for at once. */
  readonly want: (hosts: Iterable<string>) => void
  /** Resolves when every wanted name has been answered or has failed once, or after `timeoutMs`. */
  readonly settled: (timeoutMs: number) => Promise<void>
  /** IP literals, sorted; empty: never answered yet. */
  readonly addressesOf: (host: string) => readonly string[]
  /** Wanted names without any answer so far, with the reason. */
  readonly unresolved: () => readonly { readonly host: string; readonly reason: string }[]
}

export type KnownNamesPorts = {
  readonly timers: Timers
  /** All names that are wanted now. */
  readonly ask: (hosts: readonly string[]) => void
  /** A wanted name's addresses changed, the first answer included. */
  readonly onChange: (host: string) => void
  /** A name stopped being answered: once per change of state, whoever asks. */
  readonly onFailure: (host: string, reason: string) => void
}

type Name = {
  addresses: readonly string[]
  reason: string
  failing: boolean
  /** Settles when it was answered or failed once. */
  readonly first: PromiseWithResolvers<void>
}

/**
 * The last good answer of every name is kept for as long as nobody knows better, also while the actor that asks is dead: its successor asks anew, and
 * what it hears is compared with what is known here. Nobody waits for an answer longer than he said.
 */
export class KnownNames implements Names, NamesControl {
  readonly #names = new Map<string, Name>()
  readonly #ports: KnownNamesPorts

  constructor(ports: KnownNamesPorts) {
    this.#ports = ports
  }

  want(hosts: Iterable<string>): void {
    const wanted = new Set(hosts)
    for (const [host, { first }] of this.#names) {
      if (wanted.has(host)) continue
      first.resolve()
      this.#names.delete(host)
    }
    for (const host of wanted) if (!this.#names.has(host)) this.#names.set(host, unknown())
    this.#ports.ask(this.hosts())
  }

  async settled(timeoutMs: number): Promise<void> {
    const first = Promise.all([...this.#names.values()].map((name) => name.first.promise))
    const late = Promise.withResolvers<void>()
    const cancel = this.#ports.timers.after(timeoutMs, late.resolve)
    await Promise.race([first, late.promise])
    cancel()
  }

  hosts(): readonly string[] {
    return [...this.#names.keys()]
  }

  addressesOf(host: string): readonly string[] {
    return this.#names.get(host)?.addresses ?? []
  }

  unresolved(): readonly { readonly host: string; readonly reason: string }[] {
    return [...this.#names]
      .filter(([, { addresses }]) => addresses.length === 0)
      .map(([host, { reason }]) => ({ host, reason }))
  }

  answered(host: string, addresses: readonly string[]): void {
    const name = this.#names.get(host)
    if (name === undefined) return
    const changed = addresses.join() !== name.addresses.join()
    name.addresses = addresses
    name.reason = ''
    name.failing = false
    name.first.resolve()
    if (changed) this.#ports.onChange(host)
  }

  failed(host: string, reason: string): void {
    const name = this.#names.get(host)
    if (name === undefined) return
    const isNews = !name.failing
    name.reason = reason
    name.failing = true
    name.first.resolve()
    if (isNews) this.#ports.onFailure(host, reason)
  }
}

function unknown(): Name {
  return { addresses: [], reason: 'no answer yet', failing: false, first: Promise.withResolvers<void>() }
}
