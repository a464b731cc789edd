import type { Rng } from '../base/random.ts'

/** Virtual time goes back to 0 here, long before a double is too coarse for it: only differences matter. */
const REBASE_AT = 2 ** 30

/**
 * Turns by earliest deadline first (a binary heap, O(log n)): who had a turn has its next one after its period, so that in the long run
 * turns are in proportion to 1 / period and never come in bursts. Equal deadlines go by index.
 *
 * Start: who comes first is drawn in proportion to 1 / period, everyone else's first deadline falls anywhere in its period. Balancers that began
 * at the same endpoint would send their first requests to it together (envoy #31378).
 */
export class EarliestDeadline {
  /** By index. */
  #deadlines: Float64Array = new Float64Array(0)
  /** Indexes; each is due no later than those at 2i + 1 and 2i + 2. */
  #heap: Int32Array = new Int32Array(0)
  #now = 0
  /** Mean of the periods at the start: deadlines are kept in units of it, whatever the size of the weights. */
  #unit = 1

  /** Begin. `periods`, > 0, by index. */
  start(periods: Float64Array, rng: Rng): void {
    const size = periods.length
    let turns = 0
    for (let i = 0; i < size; i++) turns += 1 / periods[i]!
    this.#unit = size > 0 ? size / turns : 1
    this.#now = 0
    this.#deadlines = new Float64Array(size)
    this.#heap = new Int32Array(size)
    let point = rng.next() * turns
    let first = 0
    while (first < size - 1 && point >= 1 / periods[first]!) point -= 1 / periods[first++]!
    for (let i = 0; i < size; i++)
      this.#deadlines[i] = i === first ? 0 : (rng.next() * periods[i]!) / this.#unit
    this.#heapify()
  }

  /** Whose turn it is; `again` must follow. There must be one. */
  next(): number {
    return this.#heap[0]!
  }

  /** Its next turn is due after `period`. */
  again(period: number): void {
    const deadlines = this.#deadlines
    const index = this.#heap[0]!
    this.#now = Math.max(this.#now, deadlines[index]!)
    deadlines[index] = this.#now + period / this.#unit
    this.#sink(0)
    if (this.#now > REBASE_AT) this.#rebase()
  }

  /** Periods changed by a factor each: what is left to the next turn changes by it. */
  stretch(factors: Float64Array): void {
    const deadlines = this.#deadlines
    for (let i = 0; i < deadlines.length; i++) {
      deadlines[i] = this.#now + (deadlines[i]! - this.#now) * factors[i]!
    }
    this.#heapify()
  }

  #rebase(): void {
    for (let i = 0; i < this.#deadlines.length; i++) this.#deadlines[i]! -= this.#now
    this.#now = 0
  }

  #heapify(): void {
    const heap = this.#heap
    for (let i = 0; i < heap.length; i++) heap[i] = i
    for (let i = (heap.length >> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  #sink(from: number): void {
    const heap = this.#heap
    const deadlines = this.#deadlines
    const size = heap.length
    const index = heap[from]!
    const deadline = deadlines[index]!
    let at = from
    for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && this.#before(heap[child + 1]!, heap[child]!)) child++
      const below = heap[child]!
      const due = deadlines[below]!
      if (due > deadline || (due === deadline && below > index)) break
      heap[at] = below
      at = child
    }
    heap[at] = index
  }

  #before(one: number, other: number): boolean {
    const first = this.#deadlines[one]!
    const second = this.#deadlines[other]!
    return first < second || (first === second && one < other)
  }

  /** Writes to `state` from `at` on; how many numbers, -1 if they do not fit. */
  save(state: Float64Array, at: number): number {
    const length = this.#deadlines.length + 2
    if (at + length > state.length) return -1
    state[at] = this.#now
    state[at + 1] = this.#unit
    state.set(this.#deadlines, at + 2)
    return length
  }

  restore(state: Float64Array, at: number): void {
    this.#now = state[at]!
    this.#unit = state[at + 1]!
    for (let i = 0; i < this.#deadlines.length; i++) this.#deadlines[i] = state[at + 2 + i]!
    this.#heapify()
  }
}
