import type { Rng } from '../base/random.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'

/** Picks, per endpoint, to look ahead at most for the place to start. */
const LOOK_AHEAD = 4

/**
 * Smooth weighted round robin (nginx): everyone's current weight grows by its weight, the largest is picked and set back by the sum.
 * No bursts: weights 5 and 1 never give five in a row after each other's turn is due. Equal weights, the common case, are a plain rotation.
 *
 * Every instance starts at a random point of the cycle, its first pick drawn by weight: shards that began at the same endpoint would
 * send their first requests to it together (envoy #31378).
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
    if (!this.#equal) this.#start(view, rng)
  }

  /** From somewhere on, go to where an endpoint drawn by weight is next. A very light one may be too far off: then to where the looking ended. */
  #start(view: ClusterView, rng: Rng): void {
    const current = this.#current
    const { size, weights } = view
    let left = rng.next() * this.#sum
    let first = 0
    while (first < size - 1 && left >= weights[first]!) left -= weights[first++]!
    const most = size * LOOK_AHEAD
    for (let skips = rng.below(Math.min(Math.ceil(this.#sum), most)); skips > 0; skips--) this.#smooth(view)
    let picked = this.#smooth(view)
    for (let looks = most; looks > 0 && picked !== first; looks--) picked = this.#smooth(view)
    // Take the last pick back.
    for (let i = 0; i < size; i++) current[i]! -= weights[i]!
    current[picked]! += this.#sum
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
