/**
 * A quantile of the last `window` numbers, exact: they are kept in order of coming and in order of size. Adding one moves at most `window` numbers; for
 * some dozens that is less than any sketch.
 */
export class SlidingQuantile {
  readonly #window: number
  readonly #recent: Float64Array
  readonly #sorted: Float64Array
  #count = 0
  #oldest = 0

  constructor(window: number) {
    this.#window = window
    this.#recent = new Float64Array(window)
    this.#sorted = new Float64Array(window)
  }

  add(value: number): void {
    if (this.#count === this.#window) this.#remove(this.#recent[this.#oldest]!)
    const sorted = this.#sorted
    let at = this.#count++
    for (; at > 0 && sorted[at - 1]! > value; at--) sorted[at] = sorted[at - 1]!
    sorted[at] = value
    this.#recent[this.#oldest] = value
    this.#oldest = this.#oldest + 1 === this.#window ? 0 : this.#oldest + 1
  }

  #remove(value: number): void {
    const sorted = this.#sorted
    let at = 0
    while (sorted[at]! < value) at++
    sorted.copyWithin(at, at + 1, this.#count)
    this.#count--
  }

  /** The smallest that a share `q`, 0…1, of the numbers does not exceed; -∞ if there are none. */
  at(q: number): number {
    if (this.#count === 0) return -Infinity
    return this.#sorted[Math.min(Math.max(Math.ceil(q * this.#count) - 1, 0), this.#count - 1)]!
  }

  /** Writes, oldest first, from `at` on; how many numbers, -1 if they do not fit. */
  save(state: Float64Array, at: number): number {
    if (at + this.#count + 1 > state.length) return -1
    state[at] = this.#count
    const first = this.#oldest - this.#count + this.#window
    for (let i = 0; i < this.#count; i++) state[at + 1 + i] = this.#recent[(first + i) % this.#window]!
    return this.#count + 1
  }

  /** How many numbers were read. */
  restore(state: Float64Array, at: number): number {
    const count = state[at]!
    this.#count = 0
    this.#oldest = 0
    for (let i = 0; i < count; i++) this.add(state[at + 1 + i]!)
    return count + 1
  }
}
