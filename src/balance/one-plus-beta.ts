import type { Rng } from '../base/random.ts'
import { ChooseSome } from './choose-some.ts'
import { InFlightLoad } from './load.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'

/**
 * The (1+β) choice: with probability β the less loaded of two, else one at random. Where what is seen of the load is stale, or many balancers act
 * on the same view at once, it beats two choices: they would all run to the same few that looked idle (D. Los, T. Sauerwald, arXiv 2302.04399).
 */
export class OnePlusBeta implements Policy {
  readonly heedsWeights = true
  readonly reads = 'noted'
  readonly #two: ChooseSome = new ChooseSome(new InFlightLoad(), 2)
  readonly #beta: number

  constructor(beta: number) {
    this.#beta = Math.min(Math.max(beta, 0), 1)
  }

  rebuild(view: ClusterView): void {
    this.#two.rebuild(view)
  }

  reweigh(view: ClusterView): void {
    this.#two.reweigh(view)
  }

  pick(view: ClusterView, key: number, rng: Rng): number {
    return rng.next() < this.#beta ? this.#two.pick(view, key, rng) : this.#two.pickOne(view, rng)
  }

  propensity(view: ClusterView, key: number, index: number): number {
    const ofTwo = this.#two.propensity(view, key, index)
    return this.#beta * ofTwo + (1 - this.#beta) * this.#two.share(index)
  }
}
