/**
 * The pure merges over producers: what is shown depends on the last word of each producer alone, not on the order in which the words of
 * different ones came. Values per producer lie slot by slot, so that those of one endpoint are in one place.
 */

/** A sum over producers of what each said last. Exact, and so the same on every shard, while the values are (`wholeGrain`). */
export class SumMerge {
  readonly sums: Float64Array
  readonly #last: Float64Array
  readonly #producers: number

  constructor(slots: number, producers: number) {
    this.sums = new Float64Array(slots)
    this.#last = new Float64Array(slots * producers)
    this.#producers = producers
  }

  set(slot: number, producer: number, value: number): void {
    const at = slot * this.#producers + producer
    this.sums[slot]! += value - this.#last[at]!
    this.#last[at] = value
  }

  clear(slot: number): void {
    this.sums[slot] = 0
    this.#last.fill(0, slot * this.#producers, (slot + 1) * this.#producers)
  }
}

/** A cost below this counts as this: 0 would never decay to anything. */
const LEAST_COST = 1e-9

/**
 * The largest cost at equal time. All costs of an endpoint decay alike, c·e^{-(t - at)/τ}, so which is the largest is told by ln c + at/τ,
 * whatever t; of equal ones that of the lowest producer. Shown as that producer's (cost, at); at -1: nobody ever took one.
 */
export class CostMerge {
  readonly cost: Float64Array
  readonly atMs: Float64Array
  readonly #costs: Float64Array
  /** 0: never. */
  readonly #ats: Float64Array
  readonly #decayMs: Float64Array
  readonly #winner: Int32Array
  readonly #rank: Float64Array
  readonly #producers: number

  constructor(slots: number, producers: number) {
    this.cost = new Float64Array(slots)
    this.atMs = new Float64Array(slots).fill(-1)
    this.#costs = new Float64Array(slots * producers)
    this.#ats = new Float64Array(slots * producers)
    this.#decayMs = new Float64Array(slots).fill(1)
    this.#winner = new Int32Array(slots).fill(-1)
    this.#rank = new Float64Array(slots).fill(-Infinity)
    this.#producers = producers
  }

  /** `atMs` 0: the producer has none. */
  set(slot: number, producer: number, cost: number, atMs: number): void {
    const at = slot * this.#producers + producer
    this.#costs[at] = cost
    this.#ats[at] = atMs
    const rank = this.#rankOf(slot, producer)
    const winner = this.#winner[slot]!
    if (rank > this.#rank[slot]! || (rank === this.#rank[slot]! && producer <= winner)) {
      this.#crown(slot, producer, rank)
    } else if (producer === winner) this.#search(slot)
  }

  /** Forget everybody's; from now on costs decay by `decayMs`. */
  clear(slot: number, decayMs: number): void {
    this.#costs.fill(0, slot * this.#producers, (slot + 1) * this.#producers)
    this.#ats.fill(0, slot * this.#producers, (slot + 1) * this.#producers)
    this.#decayMs[slot] = decayMs > 0 ? decayMs : 1
    this.#crown(slot, -1, -Infinity)
  }

  #rankOf(slot: number, producer: number): number {
    const at = slot * this.#producers + producer
    const atMs = this.#ats[at]!
    if (!(atMs > 0)) return -Infinity
    return Math.log(Math.max(LEAST_COST, this.#costs[at]!)) + atMs / this.#decayMs[slot]!
  }

  #search(slot: number): void {
    let best = -1
    let bestRank = -Infinity
    for (let producer = 0; producer < this.#producers; producer++) {
      const rank = this.#rankOf(slot, producer)
      if (rank <= bestRank) continue
      best = producer
      bestRank = rank
    }
    this.#crown(slot, best, bestRank)
  }

  #crown(slot: number, producer: number, rank: number): void {
    this.#winner[slot] = producer
    this.#rank[slot] = rank
    const at = slot * this.#producers + producer
    this.cost[slot] = producer < 0 ? 0 : this.#costs[at]!
    this.atMs[slot] = producer < 0 ? -1 : this.#ats[at]!
  }
}

/** Whose word is the newest: of equally new ones that of the lowest producer. Each producer's own times never go back. */
export class NewestMerge {
  /** -1: nobody ever said anything. */
  readonly atMs: Float64Array
  readonly #winner: Int32Array

  constructor(slots: number) {
    this.atMs = new Float64Array(slots).fill(-1)
    this.#winner = new Int32Array(slots).fill(-1)
  }

  /** A word of `producer` of that time: is it the one that counts? */
  wins(slot: number, producer: number, atMs: number): boolean {
    const newest = this.atMs[slot]!
    if (!(atMs > 0) || atMs < newest || (atMs === newest && producer > this.#winner[slot]!)) return false
    this.atMs[slot] = atMs
    this.#winner[slot] = producer
    return true
  }

  clear(slot: number): void {
    this.atMs[slot] = -1
    this.#winner[slot] = -1
  }
}
