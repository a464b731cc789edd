/**
 * Whose turn it is, in proportion to weight: the k-th turn (from 0) of an endpoint is due at k / weight, the earliest is next, of equals the
 * first in `order`. A binary heap of places in `order`; equal weights need none, they go round.
 */
export class TurnQueue {
  readonly #order: Int32Array
  readonly #heap: Int32Array
  readonly #due: Float64Array
  readonly #periods: Float64Array
  readonly #turns: Float64Array
  readonly #equal: boolean
  #round = 0

  /** `order`: the indexes, at least one. */
  constructor(order: Int32Array, weights: Float64Array) {
    this.#order = order
    this.#periods = Float64Array.from(order, (index) => 1 / weights[index]!)
    this.#equal = this.#periods.every((period) => period === this.#periods[0])
    this.#heap = Int32Array.from(order, (_, place) => place)
    this.#due = new Float64Array(order.length)
    this.#turns = new Float64Array(order.length)
  }

  /** Takes a turn; returns the index of who has it. */
  next(): number {
    if (this.#equal) {
      const place = this.#round
      this.#round = place + 1 === this.#order.length ? 0 : place + 1
      return this.#order[place]!
    }
    const place = this.#heap[0]!
    // By multiplication: a sum of periods would gather errors.
    this.#due[place] = ++this.#turns[place]! * this.#periods[place]!
    this.#sink(place)
    return this.#order[place]!
  }

  /** The root is `place`, which is due later than it was. */
  #sink(place: number): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++
      if (this.#before(place, heap[child]!)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = place
  }

  #before(a: number, b: number): boolean {
    const difference = this.#due[a]! - this.#due[b]!
    return difference === 0 ? a < b : difference < 0
  }
}
