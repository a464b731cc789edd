import { beginPair, finishPair, scramble, unitOf } from '../base/hash.ts'
import type { Rng } from '../base/random.ts'
import { identitiesOf, keyOrAny } from './identity.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'

/**
 * Rendezvous hashing, highest random weight (D. Thaler, C. Ravishankar, 1998): every endpoint draws by the key, the best draw has it. With
 * weights the draw u becomes -ln(u) / weight, exponentially distributed, and the least wins with a probability of exactly weight / sum
 * (C. Schindelhauer, G. Schomaker, 2005). When an endpoint goes exactly its keys move, to the others by weight; no table, O(n) a pick.
 */
export class Rendezvous implements Policy {
  readonly followsKey = true
  readonly reads = 'noted'
  #begun: Int32Array = new Int32Array(0)
  #perWeight: Float64Array = new Float64Array(0)
  #sum = 0
  #equal = true

  rebuild(view: ClusterView): void {
    const { baseWeights } = view
    this.#begun = Int32Array.from(identitiesOf(view), beginPair)
    this.#perWeight = Float64Array.from(baseWeights, (weight) => 1 / weight)
    this.#sum = baseWeights.reduce((sum, weight) => sum + weight, 0)
    this.#equal = baseWeights.every((weight) => weight === baseWeights[0])
  }

  pick(view: ClusterView, key: number, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    const scrambled = scramble(keyOrAny(key, rng))
    const index = this.#equal ? this.#least(scrambled) : this.#lightest(scrambled)
    const { considered } = view
    considered.note(index, this.#score(index, scrambled))
    considered.looked += view.size - 1
    return index
  }

  /** Equal weights: the least hash is the least score. No two are equal, for the identities are not. */
  #least(scrambled: number): number {
    const begun = this.#begun
    let best = 0
    let least = 2 ** 32
    for (let i = 0; i < begun.length; i++) {
      const hash = finishPair(begun[i]!, scrambled) >>> 0
      if (hash < least) {
        least = hash
        best = i
      }
    }
    return best
  }

  /** The logarithm is taken of those only who could win: -ln(1 - t) ≥ t, so most are out before. */
  #lightest(scrambled: number): number {
    const begun = this.#begun
    const perWeight = this.#perWeight
    let best = 0
    let least = Infinity
    for (let i = 0; i < begun.length; i++) {
      const draw = unitOf(finishPair(begun[i]!, scrambled))
      if (draw * perWeight[i]! >= least) continue
      const score = -Math.log1p(-draw) * perWeight[i]!
      if (score < least) {
        least = score
        best = i
      }
    }
    return best
  }

  #score(index: number, scrambled: number): number {
    return -Math.log1p(-unitOf(finishPair(this.#begun[index]!, scrambled))) * this.#perWeight[index]!
  }

  /** Of a key: certain. Of no key: its share of the weights. */
  propensity(view: ClusterView, key: number, index: number): number {
    if (view.size === 0) return 0
    if (key === 0) return view.baseWeights[index]! / this.#sum
    const scrambled = scramble(key)
    return (this.#equal ? this.#least(scrambled) : this.#lightest(scrambled)) === index ? 1 : 0
  }
}
