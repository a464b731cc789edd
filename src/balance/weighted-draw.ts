import type { Rng } from '../base/random.ts'

/**
 * Draws an index with a probability in exact proportion to its weight, from one random number: prefix sums with a guide table into them
 * (H.-C. Chen, Y. Asau, "On generating random variates from an empirical distribution", 1974), O(1) on average and O(log n) at worst. Unlike an
 * alias table it keeps the order of the line, which drawing without replacement needs (`DistinctDraw`).
 *
 * What is no weight (≤ 0, NaN, ∞) counts as 0 and is not drawn; if none has any, all are alike.
 */
export class WeightedDraw {
  size = 0
  /** Length of the line on which every index has a span as long as its weight. */
  sum = 0
  /** All weights are the same. */
  equal = true
  /** How many can be drawn. */
  drawable = 0
  /** Where the span of each ends. */
  #ends: Float64Array = new Float64Array(0)
  /** For each of `size` stretches of the line of one length, the index at its beginning. */
  #guide: Int32Array = new Int32Array(1)
  #stretchesPerUnit = 0

  rebuild(weights: Float64Array): void {
    const size = weights.length
    if (this.size !== size) {
      this.size = size
      this.#ends = new Float64Array(size)
      this.#guide = new Int32Array(size + 1)
    }
    this.#measure(weights)
    if (this.drawable === 0) this.#alike()
    else if (!this.equal) this.#makeGuide()
  }

  #measure(weights: Float64Array): void {
    const ends = this.#ends
    let sum = 0
    this.drawable = 0
    this.equal = true
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i]!
      if (weight > 0 && weight < Infinity) {
        sum += weight
        this.drawable++
      }
      if (weight !== weights[0]) this.equal = false
      ends[i] = sum
    }
    this.sum = sum
  }

  #alike(): void {
    for (let i = 0; i < this.size; i++) this.#ends[i] = i + 1
    this.sum = this.size
    this.drawable = this.size
    this.equal = true
  }

  #makeGuide(): void {
    const { size, sum } = this
    const ends = this.#ends
    const guide = this.#guide
    const stretch = sum / size
    let index = 0
    for (let at = 0; at < size; at++) {
      while (index < size - 1 && !(ends[index]! > at * stretch)) index++
      guide[at] = index
    }
    while (index < size - 1 && ends[index]! < sum) index++
    guide[size] = index
    this.#stretchesPerUnit = size / sum
  }

  /** Which index's span holds `point`, in 0…`sum` of the line. */
  at(point: number): number {
    const stretch = Math.min(Math.trunc(point * this.#stretchesPerUnit), this.size - 1)
    const ends = this.#ends
    let from = this.#guide[stretch]!
    let to = this.#guide[stretch + 1]!
    while (from < to) {
      const middle = (from + to) >>> 1
      if (ends[middle]! > point) to = middle
      else from = middle + 1
    }
    return from
  }

  /** Where the span of `index` begins. */
  start(index: number): number {
    return index === 0 ? 0 : this.#ends[index - 1]!
  }

  /** Length of the span of `index`. */
  weight(index: number): number {
    return this.#ends[index]! - this.start(index)
  }

  /** An index; there must be one. */
  draw(rng: Rng): number {
    return this.equal ? rng.below(this.size) : this.at(rng.next() * this.sum)
  }

  /** Probability of `index` in one draw. */
  share(index: number): number {
    return this.equal ? 1 / this.size : this.weight(index) / this.sum
  }
}
