import type { Rng } from '../base/random.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'

/** Picks, per endpoint, to look ahead at most for the place to start. */
const LOOK_AHEAD = 4
/** Of more endpoints the start is not looked for: each pick looks at all, so that would take seconds. */
const LOOK_AMONG = 256
/** That much, of a pick, it takes to come first for certain. */
const AHEAD = 1e-9

/**
 * Smooth weighted round robin (nginx): everyone's current weight grows by its weight, the largest is picked and set back by the sum.
 * No bursts: weights 5 and 1 never give five in a row after each other's turn is due. Equal weights, the common case, are a plain rotation.
 *
 * Every instance starts at a random point of the cycle, its first pick drawn by weight: shards that began at the same endpoint would
 * send their first requests to it together (envoy #31378).
 */
export class RoundRobin implements Policy {
  readonly heedsWeights = true
  readonly reads = 'noted'
  #current: Float64Array = new Float64Array(0)
  #sum = 0
  #equal = true
  #next = 0
  #last = NO_PICK

  rebuild(view: ClusterView, rng: Rng): void {
    const { size, weights } = view
    this.#measure(weights)
    this.#current = new Float64Array(size)
    for (let i = 0; i < size; i++) this.#current[i] = rng.next() * weights[i]!
    this.#next = size > 0 ? rng.below(size) : 0
    if (!this.#equal) this.#start(view, rng)
  }

  #measure(weights: Float64Array): void {
    this.#sum = 0
    this.#equal = true
    for (let i = 0; i < weights.length; i++) {
      this.#sum += weights[i]!
      if (weights[i] !== weights[0]) this.#equal = false
    }
  }

  /**
   * What everyone is due, in picks, stays as it is, and grows by the new weights from now on: weights that change all the time, as in a
   * slow start, neither restart the cycle nor favour anybody. Where all weights become equal, the rotation goes on from the one that is due most.
   */
  reweigh(view: ClusterView): void {
    const sumBefore = this.#sum
    const wereEqual = this.#equal
    this.#measure(view.weights)
    if (wereEqual && !this.#equal) this.#dueInRotation(view.size)
    else if (!wereEqual && this.#equal) this.#next = this.#mostDue()
    else for (let i = 0; i < view.size; i++) this.#current[i]! *= this.#sum / sumBefore
  }

  /** The rotation as current weights: n endpoints, `next` due most, each after it by 1/n of a pick less. */
  #dueInRotation(size: number): void {
    for (let behind = 0; behind < size; behind++) {
      this.#current[(this.#next + behind) % size] = (((size - 1) / 2 - behind) / size) * this.#sum
    }
  }

  #mostDue(): number {
    const current = this.#current
    let most = 0
    for (let i = 1; i < current.length; i++) if (current[i]! > current[most]!) most = i
    return most
  }

  #start(view: ClusterView, rng: Rng): void {
    const { size, weights } = view
    let left = rng.next() * this.#sum
    let first = 0
    while (first < size - 1 && left >= weights[first]!) left -= weights[first++]!
    if (size <= LOOK_AMONG) this.#walkTo(first, view, rng)
    else this.#scatter(first, view, rng)
  }

  /** From somewhere on, go to where an endpoint drawn by weight is next. A very light one may be too far off: then to where the looking ended. */
  #walkTo(first: number, view: ClusterView, rng: Rng): void {
    const current = this.#current
    const { size, weights } = view
    const most = size * LOOK_AHEAD
    for (let skips = rng.below(Math.min(Math.ceil(this.#sum), most)); skips > 0; skips--) this.#smooth(view)
    let picked = this.#smooth(view)
    for (let looks = most; looks > 0 && picked !== first; looks--) picked = this.#smooth(view)
    // Take the last pick back.
    for (let i = 0; i < size; i++) current[i]! -= weights[i]!
    current[picked]! += this.#sum
  }

  /** Everybody anywhere between two turns, but `first` next. */
  #scatter(first: number, { size, weights }: ClusterView, rng: Rng): void {
    const current = this.#current
    let most = 0
    for (let i = 0; i < size; i++) {
      current[i] = rng.next() * this.#sum
      most = Math.max(most, current[i]! + weights[i]!)
    }
    current[first] = most - weights[first]! + this.#sum * AHEAD
  }

  pick(view: ClusterView): number {
    if (view.size === 0) return NO_PICK
    const index = this.#equal ? this.#rotate(view.size) : this.#smooth(view)
    this.#last = index
    view.considered.note(index, 0)
    return index
  }

  /** It was bound to be that one. */
  propensity(_view: ClusterView, _key: number, index: number): number {
    return index === this.#last ? 1 : 0
  }

  save(state: Float64Array): number {
    const length = this.#equal ? 1 : this.#current.length
    if (length > state.length) return -1
    if (this.#equal) state[0] = this.#next
    else state.set(this.#current)
    return length
  }

  restore(state: Float64Array, length: number): void {
    if (this.#equal) this.#next = state[0]!
    else for (let i = 0; i < length; i++) this.#current[i] = state[i]!
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
