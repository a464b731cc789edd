import type { Fleet, Stripe } from '../shm/fleet.ts'
import { VITAL } from '../shm/vitals.ts'
import { LISTENER_TABLE } from '../telemetry/catalogue.ts'
import { OUTCOMES } from '../telemetry/outcome.ts'
import { engineStat } from './stripe-totals.ts'

/** Of each shard, over a window. */
export type ShardRates = {
  /** Share of the time it was busy, 0…1. */
  readonly utilisation: readonly number[]
  /** Requests ended, and bytes received and sent, per second. */
  readonly requests: readonly number[]
  readonly bytes: readonly number[]
}

type Reading = {
  readonly atMs: number
  readonly busyMs: readonly number[]
  readonly requests: readonly number[]
  readonly bytes: readonly number[]
}

/** Shorter windows say more about the asking than about the load. */
const WINDOW_MS = 1000

/** How much each shard did lately: over the time since somebody last asked, but at least the last second. Needs no timer. */
export class RateMeter {
  readonly #fleet: Fleet
  #before: Reading
  #last: Reading

  /** `nowMs`: the clock of the fleet memory. */
  constructor(fleet: Fleet, nowMs: number) {
    this.#fleet = fleet
    this.#before = this.#read(nowMs)
    this.#last = this.#before
  }

  measure(nowMs: number): ShardRates {
    const now = this.#read(nowMs)
    if (nowMs - this.#last.atMs >= WINDOW_MS) {
      this.#before = this.#last
      this.#last = now
    }
    const since = this.#before
    const elapsedMs = Math.max(1, nowMs - since.atMs)
    // What began anew with another life counts from there.
    const perMs = (what: 'busyMs' | 'requests' | 'bytes'): readonly number[] =>
      now[what].map((value, shard) => Math.max(0, value - (since[what][shard] ?? 0)) / elapsedMs)
    return {
      utilisation: perMs('busyMs').map((share) => Math.min(1, share)),
      requests: perMs('requests').map((rate) => rate * 1000),
      bytes: perMs('bytes').map((rate) => rate * 1000),
    }
  }

  #read(atMs: number): Reading {
    const { stripes } = this.#fleet
    return {
      atMs,
      busyMs: stripes.map(({ shard }) => this.#fleet.vitals(shard)[VITAL.busyMs]!),
      requests: stripes.map(requestsOf),
      bytes: stripes.map((stripe) => engineStat(stripe, 'bytesIn') + engineStat(stripe, 'bytesOut')),
    }
  }
}

/** Exchanges that ended, however. */
export function requestsOf(stripe: Stripe): number {
  const { column, width } = LISTENER_TABLE
  let sum = 0
  for (let row = 0; row < stripe.listeners.length; row += width) {
    for (let outcome = 0; outcome < OUTCOMES.length; outcome++)
      sum += stripe.listeners[row + column.exchanges + outcome] ?? 0
  }
  return sum
}
