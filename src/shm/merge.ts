/**
 * The pure merges over producers: what is shown depends on the last word of each producer alone, not on the order in which the words of
 * different ones came. Values per producer lie slot by slot, so that those of one endpoint are in one place.
 *
 * Words come as the place of a record's time in an array, with a, b and c behind it: fractions that are handed from function to function one by
 * one would each be an object on the heap.
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

  /** A whole number. */
  set(slot: number, producer: number, value: number): void {
    const at = slot * this.#producers + producer
    this.sums[slot]! += value - this.#last[at]!
    this.#last[at] = value
  }

  /** Any number: `values[from]`. */
  take(slot: number, producer: number, values: Float64Array, from: number): void {
    const at = slot * this.#producers + producer
    this.sums[slot]! += values[from]! - this.#last[at]!
    this.#last[at] = values[from]!
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
  readonly #ats: Float64Array
  readonly #decayMs: Float64Array
  /** ln c + at/τ per producer; -Infinity: never. */
  readonly #ranks: Float64Array
  readonly #winner: Int32Array
  readonly #producers: number
  /** Above the highest that ever took one, but for the last, which is no shard. */
  #end = 0

  constructor(slots: number, producers: number) {
    this.cost = new Float64Array(slots)
    this.atMs = new Float64Array(slots).fill(-1)
    this.#costs = new Float64Array(slots * producers)
    this.#ats = new Float64Array(slots * producers)
    this.#ranks = new Float64Array(slots * producers)
    this.#decayMs = new Float64Array(slots)
    this.#winner = new Int32Array(slots)
    this.#producers = producers
  }

  /** The producer's cost is `words[from + 3]` as of `words[from]`, a time above 0. */
  take(slot: number, producer: number, words: Float64Array, from: number): void {
    if (producer >= this.#end && producer < this.#producers - 1) this.#end = producer + 1
    const at = slot * this.#producers + producer
    const cost = words[from + 3]!
    const atMs = words[from]!
    const rank = Math.log(Math.max(LEAST_COST, cost)) + atMs / this.#decayMs[slot]!
    const winner = this.#winner[slot]!
    const best = winner < 0 ? -Infinity : this.#ranks[slot * this.#producers + winner]!
    this.#costs[at] = cost
    this.#ats[at] = atMs
    this.#ranks[at] = rank
    if (rank > best || (rank === best && producer <= winner)) this.#crown(slot, producer)
    else if (producer === winner) this.#search(slot)
  }

  /** Forget everybody's; from now on costs decay by `decayMs`. To be called before the first. */
  clear(slot: number, decayMs: number): void {
    const from = slot * this.#producers
    this.#ranks.fill(-Infinity, from, from + this.#producers)
    this.#decayMs[slot] = decayMs > 0 ? decayMs : 1
    this.#winner[slot] = -1
    this.cost[slot] = 0
    this.atMs[slot] = -1
  }

  #search(slot: number): void {
    const from = slot * this.#producers
    let best = 0
    for (let producer = 1; producer < this.#end; producer++)
      if (this.#ranks[from + producer]! > this.#ranks[from + best]!) best = producer
    const last = this.#producers - 1
    this.#crown(slot, this.#ranks[from + last]! > this.#ranks[from + best]! ? last : best)
  }

  #crown(slot: number, producer: number): void {
    const at = slot * this.#producers + producer
    this.#winner[slot] = producer
    this.cost[slot] = this.#costs[at]!
    this.atMs[slot] = this.#ats[at]!
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

  /** A word of `producer` of the time `words[from]` (0: none): is it the one that counts? */
  wins(slot: number, producer: number, words: Float64Array, from: number): boolean {
    const atMs = words[from]!
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
