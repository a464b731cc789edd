import { codeOf, messageOf } from '../actor/errors.ts'
import type { Timers } from '../actor/timers.ts'
import type { Rng } from '../base/random.ts'
import type { Resolver } from '../io/dns.ts'

/**
 * Endpoints that are names: asked for at once, again as the answer's time to live says. One question per name is under way at any time. What is known of
 * them meanwhile, and kept when nobody knows better, is main's (`known-names.ts`).
 *
 * A dual-stack host is one machine: its IPv4 addresses are used if it has any, else its IPv6 ones. Taking both would count
 * it twice, and a host without a working IPv6 path would fail every other request.
 */
export type Lookups = {
  /** The names wanted from now on; those no longer wanted are forgotten, new ones asked for at once. */
  readonly want: (hosts: Iterable<string>) => void
}

export type LookupPorts = {
  readonly resolver: Resolver
  readonly timers: Timers
  readonly rng: Rng
  /** A wanted name is answered for the first time, otherwise than before, or again after failures. IP literals, sorted. */
  readonly onAnswer: (host: string, addresses: readonly string[]) => void
  /** A name is not answered, or not any more: once per change of state. */
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
  cancel: () => void
  wanted: boolean
}

export function createLookups(ports: LookupPorts): Lookups {
  const names = new Map<string, Name>()
  return {
    want(hosts) {
      const wanted = new Set(hosts)
      for (const [host, name] of names) if (!wanted.has(host)) forget(names, name)
      for (const host of wanted) if (!names.has(host)) names.set(host, begin(ports, host))
    },
  }
}

function begin(ports: LookupPorts, host: string): Name {
  const name: Name = { host, addresses: [], failures: 0, cancel: noop, wanted: true }
  void look(ports, name)
  return name
}

/** Ask once and plan the next time. Never rejects. */
async function look(ports: LookupPorts, name: Name): Promise<void> {
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

function onAnswer(ports: LookupPorts, name: Name, addresses: readonly string[]): void {
  const isNews = name.failures > 0 || addresses.join() !== name.addresses.join()
  name.failures = 0
  name.addresses = addresses
  if (isNews) ports.onAnswer(name.host, addresses)
}

function onFailure(ports: LookupPorts, name: Name, reason: string): void {
  name.failures++
  if (name.failures === 1) ports.onFailure(name.host, reason)
}

function forget(names: Map<string, Name>, name: Name): void {
  name.wanted = false
  name.cancel()
  names.delete(name.host)
}

function noop(): void {}
