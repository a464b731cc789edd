import type { Fleet } from '../shm/fleet.ts'
import { SHARD_TABLE } from '../telemetry/catalogue.ts'

type Sample = { readonly atMs: number; readonly busyMs: readonly number[] }

/** Shorter windows say more about the asking than about the load. */
const WINDOW_MS = 1000

/** How busy each shard was lately: over the time since somebody last asked, but at least the last second. Needs no timer. */
export class Utilisation {
  readonly #fleet: Fleet
  #before: Sample
  #last: Sample

  constructor(fleet: Fleet, nowMs: number) {
    this.#fleet = fleet
    this.#before = this.#sample(nowMs)
    this.#last = this.#before
  }

  /** Share of the time, 0…1, by shard. */
  measure(nowMs: number): readonly number[] {
    const now = this.#sample(nowMs)
    if (nowMs - this.#last.atMs >= WINDOW_MS) {
      this.#before = this.#last
      this.#last = now
    }
    const since = this.#before
    const elapsedMs = Math.max(1, nowMs - since.atMs)
    return now.busyMs.map((busyMs, shard) =>
      Math.min(1, Math.max(0, (busyMs - (since.busyMs[shard] ?? 0)) / elapsedMs)),
    )
  }

  #sample(atMs: number): Sample {
    const busyMs = this.#fleet.stripes.map((stripe) => stripe.counters[SHARD_TABLE.column.busyMs] ?? 0)
    return { atMs, busyMs }
  }
}
