import type { Rng } from '../base/random.ts'
import { NO_PICK } from './policy.ts'
import type { ClusterView, Policy } from './policy.ts'

/**
 * Smooth weighted round robin (nginx): everyone's current weight grows by its weight, the largest is picked and set back by the sum.
 * No bursts: weights 5 and 1 never give five in a row after each other's turn is due. Equal weights, the common case, are a plain rotation.
 *
 * Every instance starts at a random point of the cycle: shards that began at the same endpoint would send their first requests to it together (envoy #31378).
 */
export class RoundRobin implements Policy {
  #current: Float64Array = new Float64Array(0)
  #sum = 0
  #equal = true
  #next = 0

  rebuild(view: ClusterView, rng: Rng): void {
    const { size, weights } = view
    this.#sum = 0
    this.#equal = true
    this.#current = new Float64Array(size)
    for (let i = 0; i < size; i++) {
      this.#sum += weights[i]!
      if (weights[i] !== weights[0]) this.#equal = false
      this.#current[i] = rng.next() * weights[i]!
    }
    this.#next = size > 0 ? rng.below(size) : 0
  }

  pick(view: ClusterView): number {
    if (view.size === 0) return NO_PICK
    return this.#equal ? this.#rotate(view.size) : this.#smooth(view)
  }

  #rotate(size: number): number {
    const index = this.#next
    this.#next = index + 1 === size ? 0 : index + 1
    return index
  }

  #smooth(view: ClusterView): number {
    const current = this.#current
    const { size, weights } = view
    let best = 0
    let bestCurrent = -Infinity
    for (let i = 0; i < size; i++) {
      const grown = current[i]! + weights[i]!
      current[i] = grown
      if (grown > bestCurrent) {
        bestCurrent = grown
        best = i
      }
    }
    current[best] = bestCurrent - this.#sum
    return best
  }
}
