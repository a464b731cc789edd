import type { Fleet } from './fleet.ts'
import { GAUGE, GAUGE_WORDS } from './layout.ts'

type GaugeTable = 'listenerGauges' | 'clusterGauges' | 'endpointGauges'

/** Retries of a claim that was refused only because another shard claimed at the same moment. */
const RETRIES = 4

/**
 * A count limited over all shards without a lock and without a shared word: each shard adds to its own stripe, and a claim counts as
 * granted only if the sum of all stripes, read after adding, is within the limit.
 *
 * Law: granted and unreleased claims never exceed the limit (while all claim under the same limit). Proof: Atomics are sequentially
 * consistent, so adds have one order. Were G > max claims held at some moment, consider the one added last. Each of the others was added
 * before it and not released since, so every stripe, when that claimer read it after its own add, stood at least at the number of
 * claims held in it: the sum was at least G > max, and the claim was refused. Hence no such moment.
 *
 * A refusal may be spurious: claimers that add at once see each other, and each withdraws. They retry a few times at once;
 * beyond that, one who waits for a place must ask again now and then, as it must anyway to notice places freed by other shards.
 *
 * Of more shards than before the number is raised before the first of them claims anything: who read the number before that read it, and so
 * added, before any of their adds, and they see it.
 *
 * A crash costs nothing for ever: the dead shard's stripe is zeroed (`zeroStripe`), whatever it was in the midst of.
 */
export class SharedCount {
  readonly #fleet: Fleet
  readonly #stripes: readonly Int32Array[]
  readonly #own: Int32Array
  readonly #gauge: number

  /** `gauge`: the column, `GAUGE.open` or `GAUGE.admitted`. */
  constructor(fleet: Fleet, table: GaugeTable, shard: number, gauge: number = GAUGE.open) {
    this.#gauge = gauge
    this.#fleet = fleet
    this.#stripes = fleet.stripes.map((stripe) => stripe[table])
    this.#own = fleet.stripe(shard)[table]
  }

  /** Claim one of at most `max` of row `row` (0: unlimited, only counted). */
  claim(row: number, max: number): boolean {
    const at = row * GAUGE_WORDS + this.#gauge
    for (let attempt = 0; ; attempt++) {
      Atomics.add(this.#own, at, 1)
      if (max === 0 || this.#sum(at) <= max) return true
      Atomics.sub(this.#own, at, 1)
      if (attempt === RETRIES || this.#sum(at) >= max) return false
    }
  }

  /** Give back one that was claimed by this shard. */
  release(row: number): void {
    Atomics.sub(this.#own, row * GAUGE_WORDS + this.#gauge, 1)
  }

  /** Claims of all shards, those being withdrawn included. */
  count(row: number): number {
    return this.#sum(row * GAUGE_WORDS + this.#gauge)
  }

  #sum(at: number): number {
    let sum = 0
    const shards = this.#fleet.shardCount
    for (let i = 0; i < shards; i++) sum += Atomics.load(this.#stripes[i]!, at)
    return sum
  }
}

/** What refused a pool claim. */
export const REFUSED = { nothing: 0, host: 1, total: 2 } as const

/** Upstream connections: so many to one endpoint, so many to all endpoints of its cluster, over all shards. */
export class PoolClaim {
  /** Which limit refused the last claim (`REFUSED`). */
  refusedBy = 0
  readonly #hosts: SharedCount
  readonly #totals: SharedCount

  constructor(fleet: Fleet, shard: number) {
    this.#hosts = new SharedCount(fleet, 'endpointGauges', shard)
    this.#totals = new SharedCount(fleet, 'clusterGauges', shard)
  }

  /** Claim a connection; both or none. `limits`: 0 is unlimited. */
  claim(
    endpoint: number,
    cluster: number,
    limits: { readonly maxPerHost: number; readonly maxTotal: number },
  ): boolean {
    this.refusedBy = REFUSED.nothing
    if (!this.#hosts.claim(endpoint, limits.maxPerHost)) {
      this.refusedBy = REFUSED.host
      return false
    }
    if (this.#totals.claim(cluster, limits.maxTotal)) return true
    this.#hosts.release(endpoint)
    this.refusedBy = REFUSED.total
    return false
  }

  release(endpoint: number, cluster: number): void {
    this.#totals.release(cluster)
    this.#hosts.release(endpoint)
  }
}
