import type { Rng } from '../base/random.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'
import { WeightedDraw } from './weighted-draw.ts'

/** Each with a probability in proportion to its weight, whatever came before. */
export class WeightedRandom implements Policy {
  readonly heedsWeights = true
  readonly reads = 'noted'
  readonly #line: WeightedDraw = new WeightedDraw()

  rebuild(view: ClusterView): void {
    this.#line.rebuild(view.weights)
  }

  reweigh(view: ClusterView): void {
    this.#line.rebuild(view.weights)
  }

  pick(view: ClusterView, _key: number, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    const index = this.#line.draw(rng)
    view.considered.note(index, 0)
    return index
  }

  propensity(_view: ClusterView, _key: number, index: number): number {
    return this.#line.share(index)
  }
}
