import type { Rng } from '../base/random.ts'
import { DistinctDraw, MAX_CHOICES } from './distinct-draw.ts'
import type { LoadMetric } from './load.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'
import { WeightedDraw } from './weighted-draw.ts'

/**
 * The power of d choices: d different endpoints are drawn, the least loaded is picked, of equally loaded ones the one drawn first
 * (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
 *
 * Weights: candidates are drawn by weight, and bear load by weight (`levelOf`; bins of different sizes: U. Wieder, "Balanced allocations with
 * heterogenous bins", 2007). So without load the shares are exactly the weights', even 1 in 10⁶, and under load everyone is filled alike for its
 * size. Were they drawn evenly, the light ones would get nothing while the heavy ones are idle, or too much.
 */
export class ChooseSome implements Policy {
  readonly heedsWeights = true
  readonly reads = 'noted'
  readonly #load: LoadMetric
  readonly #choices: number
  readonly #line: WeightedDraw = new WeightedDraw()
  readonly #draw: DistinctDraw = new DistinctDraw(this.#line)

  constructor(load: LoadMetric, choices: number) {
    this.#load = load
    this.#choices = Math.min(Math.max(Math.trunc(choices), 1), MAX_CHOICES)
  }

  rebuild(view: ClusterView): void {
    this.#line.rebuild(view.weights)
    this.#load.rebuild(view)
  }

  reweigh(view: ClusterView): void {
    this.#line.rebuild(view.weights)
    this.#load.reweigh(view)
  }

  pick(view: ClusterView, _key: number, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    const { considered } = view
    const draws = Math.min(this.#choices, this.#line.drawable)
    let best = this.#draw.first(rng)
    let least = this.#load.of(view, best)
    considered.note(best, least)
    for (let drawn = 1; drawn < draws; drawn++) {
      const index = this.#draw.another(rng)
      const load = this.#load.of(view, index)
      considered.note(index, load)
      this.#load.learn(view, index)
      if (load < least) {
        least = load
        best = index
      }
    }
    return best
  }

  /** One by weight, with nothing compared. */
  pickOne(view: ClusterView, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    const index = this.#line.draw(rng)
    view.considered.note(index, this.#load.of(view, index))
    return index
  }

  /** Probability of `pickOne`. */
  share(index: number): number {
    return this.#line.share(index)
  }

  propensity(view: ClusterView, _key: number, index: number): number {
    const line = this.#line
    if (this.#choices === 1 || line.drawable === 1) return line.share(index)
    const own = this.#load.of(view, index)
    if (line.equal) return this.#byCounting(view, own)
    if (this.#choices >= line.drawable) return this.#amongEqualLoads(view, own, index)
    return this.#choices === 2 ? this.#ofTwo(view, own, index) : Number.NaN
  }

  save(state: Float64Array): number {
    const learned = this.#load.state
    if (learned.length > state.length) return -1
    state.set(learned)
    return learned.length
  }

  restore(state: Float64Array): void {
    const learned = this.#load.state
    for (let i = 0; i < learned.length; i++) learned[i] = state[i]!
  }

  /**
   * With equal weights: as likely as the draw holds one with this load and none with less, shared by those with this load.
   * Of n, g have more and e as much: (C(g+e, d) − C(g, d)) / C(n, d) / e.
   */
  #byCounting(view: ClusterView, own: number): number {
    let more = 0
    let alike = 0
    for (let i = 0; i < view.size; i++) {
      const load = this.#load.of(view, i)
      if (load > own) more++
      else if (load === own) alike++
    }
    const draws = Math.min(this.#choices, view.size)
    let noneLess = 1
    let allMore = 1
    for (let i = 0; i < draws; i++) {
      noneLess *= Math.max(0, more + alike - i) / (view.size - i)
      allMore *= Math.max(0, more - i) / (view.size - i)
    }
    return (noneLess - allMore) / alike
  }

  /** All are compared: the first drawn of the least loaded. Drawn by weight, one by one, that is each by its weight among them. */
  #amongEqualLoads(view: ClusterView, own: number, index: number): number {
    let alike = 0
    for (let i = 0; i < view.size; i++) {
      const weight = this.#line.weight(i)
      if (weight === 0) continue
      const load = this.#load.of(view, i)
      if (load < own) return 0
      if (load === own) alike += weight
    }
    return this.#line.weight(index) / alike
  }

  /** Over the others: drawn before one that is not less loaded, or after one that is more loaded. */
  #ofTwo(view: ClusterView, own: number, index: number): number {
    const line = this.#line
    const { sum } = line
    const weight = line.weight(index)
    let chance = 0
    for (let i = 0; i < view.size; i++) {
      const other = line.weight(i)
      if (i === index || other === 0) continue
      const load = this.#load.of(view, i)
      if (load >= own) chance += ((weight / sum) * other) / (sum - weight)
      if (load > own) chance += ((other / sum) * weight) / (sum - other)
    }
    return chance
  }
}
