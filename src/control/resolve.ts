import { codeOf, messageOf } from '../actor/errors.ts'
import type { Timers } from '../actor/timers.ts'
import type { Rng } from '../base/random.ts'
import type { Resolver } from '../io/dns.ts'

/**
 * Endpoints that are names: asked for at once, again as the answer's time to live says, the last good answer kept for as
 * long as nobody knows better. One question per name is under way at any time; nobody waits for it longer than he said.
 *
 * A dual-stack host is one machine: its IPv4 addresses are used if it has any, else its IPv6 ones. Taking both would count
 * it twice, and a host without a working IPv6 path would fail every other request.
 */
export type Names = {
  /** The names wanted from now on; those no longer wanted are forgotten, new ones asked for at once. */
  readonly want: (hosts: Iterable<string>) => void
  /** Resolves when every wanted name has been answered or has failed once, or after `timeoutMs`. */
  readonly settled: (timeoutMs: number) => Promise<void>
  /** IP literals, sorted; empty: never answered yet. */
  readonly addressesOf: (host: string) => readonly string[]
  /** Wanted names without any answer so far, with the reason. */
  readonly unresolved: () => readonly { readonly host: string; readonly reason: string }[]
  readonly stop: () => void
}

export type NamesPorts = {
  readonly resolver: Resolver
  readonly timers: Timers
  readonly rng: Rng
  /** A wanted name's addresses changed (the first answer counts unless somebody was waiting for it in `settled`). */
  readonly onChange: (host: string, addresses: readonly string[]) => void
  /** A name stopped or began to be answered again: once per change of state. */
  readonly onFailure: (host: string, reason: string) => void
}

/** A TTL of 0 must not make us a flood, one of a day not blind to a move. */
const SHORTEST_MS = 1000
const LONGEST_MS = 5 * 60_000
/** Asking again after failures: doubles from the shortest up to this. */
const LONGEST_RETRY_MS = 30_000
/** Up to this share earlier than due, so that names that were asked for together do not stay together. */
const JITTER = 0.1

/** Milliseconds until a name is asked for again. `failures` in a row so far (0: `ttlMs` is a good answer's); `random` in [0, 1). */
export function nextLookupMs(ttlMs: number, failures: number, random: number): number {
  const bounded = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ttlMs))
  const due = failures === 0 ? bounded : Math.min(LONGEST_RETRY_MS, SHORTEST_MS * 2 ** (failures - 1))
  return Math.max(SHORTEST_MS, due * (1 - JITTER * random))
}

/** One family of a host: IPv4 if there is any. */
export function oneFamily(addresses: readonly string[]): readonly string[] {
  const v4 = addresses.filter((address) => !address.includes(':'))
  return (v4.length > 0 ? v4 : addresses).toSorted()
}

type Name = {
  readonly host: string
  addresses: readonly string[]
  failures: number
  reason: string
  /** Settles when the first question was answered or failed. */
  readonly first: Promise<void>
  cancel: () => void
  wanted: boolean
}

export function createNames(ports: NamesPorts): Names {
  const names = new Map<string, Name>()
  return {
    want(hosts) {
      const wanted = new Set(hosts)
      for (const [host, name] of names) if (!wanted.has(host)) forget(names, name)
      for (const host of wanted) if (!names.has(host)) names.set(host, begin(ports, host))
    },
    async settled(timeoutMs) {
      const first = Promise.all([...names.values()].map((name) => name.first))
      const late = Promise.withResolvers<void>()
      const cancel = ports.timers.after(timeoutMs, late.resolve)
      await Promise.race([first, late.promise])
      cancel()
    },
    addressesOf: (host) => names.get(host)?.addresses ?? [],
    unresolved: () =>
      [...names.values()]
        .filter((name) => name.addresses.length === 0)
        .map(({ host, reason }) => ({ host, reason })),
    stop() {
      for (const name of names.values()) forget(names, name)
    },
  }
}

function begin(ports: NamesPorts, host: string): Name {
  const first = Promise.withResolvers<void>()
  const name: Name = {
    host,
    addresses: [],
    failures: 0,
    reason: 'no answer yet',
    first: first.promise,
    cancel: noop,
    wanted: true,
  }
  void look(ports, name).then(first.resolve)
  return name
}

/** Ask once and plan the next time. Never rejects. */
async function look(ports: NamesPorts, name: Name): Promise<void> {
  let ttlMs = 0
  try {
    const answer = await ports.resolver.resolve(name.host)
    if (!name.wanted) return
    ttlMs = answer.ttlMs
    onAnswer(ports, name, oneFamily(answer.addresses))
  } catch (thrown) {
    if (!name.wanted) return
    onFailure(ports, name, codeOf(thrown) ?? messageOf(thrown))
  }
  const delayMs = nextLookupMs(ttlMs, name.failures, ports.rng.next())
  name.cancel = ports.timers.after(delayMs, () => void look(ports, name))
}

function onAnswer(ports: NamesPorts, name: Name, addresses: readonly string[]): void {
  name.failures = 0
  name.reason = ''
  if (addresses.join() === name.addresses.join()) return
  name.addresses = addresses
  ports.onChange(name.host, addresses)
}

function onFailure(ports: NamesPorts, name: Name, reason: string): void {
  name.failures++
  name.reason = reason
  if (name.failures === 1) ports.onFailure(name.host, reason)
}

function forget(names: Map<string, Name>, name: Name): void {
  name.wanted = false
  name.cancel()
  names.delete(name.host)
}

function noop(): void {}
