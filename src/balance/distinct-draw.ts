import type { Rng } from '../base/random.ts'
import type { WeightedDraw } from './weighted-draw.ts'

/** Most that are drawn for one pick. */
export const MAX_CHOICES = 16

/**
 * Several different indexes, one after the other, each by weight among those that are left: a point is drawn on what is left of the line and
 * moved past the spans taken before. Exact, without a second try: taking "the next one" where two draws meet would favour some (for equal weights the
 * second of two is drawn from n − 1 and moved past the first).
 */
export class DistinctDraw {
  readonly #line: WeightedDraw
  /** Drawn so far, ascending. */
  readonly #taken: Int32Array = new Int32Array(MAX_CHOICES)
  #count = 0

  constructor(line: WeightedDraw) {
    this.#line = line
  }

  /** The first; there must be one. */
  first(rng: Rng): number {
    const index = this.#line.draw(rng)
    this.#taken[0] = index
    this.#count = 1
    return index
  }

  /** Another; there must be one (`drawable`), and no more than `MAX_CHOICES` are drawn. */
  another(rng: Rng): number {
    const index = this.#line.equal ? this.#alike(rng) : this.#weighted(rng)
    this.#insert(index)
    return index
  }

  #alike(rng: Rng): number {
    const taken = this.#taken
    let index = rng.below(this.#line.size - this.#count)
    for (let i = 0; i < this.#count && index >= taken[i]!; i++) index++
    return index
  }

  #weighted(rng: Rng): number {
    const line = this.#line
    const taken = this.#taken
    let left = line.sum
    for (let i = 0; i < this.#count; i++) left -= line.weight(taken[i]!)
    let point = rng.next() * left
    for (let i = 0; i < this.#count && point >= line.start(taken[i]!); i++) point += line.weight(taken[i]!)
    let index = line.at(point)
    // On a border, rounding may lead to one that is taken.
    while (this.#isTaken(index) || line.weight(index) === 0) index = index + 1 === line.size ? 0 : index + 1
    return index
  }

  #isTaken(index: number): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#taken[i] === index) return true
    return false
  }

  #insert(index: number): void {
    const taken = this.#taken
    let at = this.#count++
    for (; at > 0 && taken[at - 1]! > index; at--) taken[at] = taken[at - 1]!
    taken[at] = index
  }
}
