import { beginPair, finishPair, hashPair, scramble, unitOf } from '../base/hash.ts'
import type { Rng } from '../base/random.ts'
import { keyOrAny } from './identity.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'

/** Jumps before all that have room are looked at. With a bound of 1.25, at most 4 of 5 endpoints are full: this many all miss once in 35. */
const JUMPS = 16
/** Errors of rounding must not round up. */
const EPSILON = 1e-9

/**
 * Consistent hashing with bounded loads (V. Mirrokni, M. Thorup, M. Zadimoghaddam, 2016) over any hashing policy: no endpoint is picked
 * that would then have more than ⌈c · (m + 1) · weight / sum⌉ exchanges under way, m being all that are under way. Weights are those that
 * slow start allows now.
 *
 * A key whose endpoint is full jumps: it is hashed anew and asks the policy again (J. Chen, B. Coleman, A. Shrivastava, 2020), rather
 * than go on to the next on the ring. The overflow of a full endpoint then falls on all by weight and not on its one neighbour, which would
 * be full next; and the jumps of a key stay the same while membership and fullness do. After `JUMPS` it rendezvouses with those who have
 * room. There always is one: the bounds sum up to c · (m + 1) > m.
 */
export class BoundedLoad implements Policy {
  readonly followsKey = true
  readonly #inner: Policy
  readonly #factor: number
  #perWeight = 0
  #last = NO_PICK

  /** `factor`: c, at least 1. */
  constructor(inner: Policy, factor: number) {
    this.#inner = inner
    this.#factor = Math.max(1, factor)
  }

  rebuild(view: ClusterView, rng: Rng): void {
    this.#inner.rebuild(view, rng)
  }

  pick(view: ClusterView, key: number, rng: Rng): number {
    this.#last = view.size === 0 ? NO_PICK : this.#choose(view, keyOrAny(key, rng), rng)
    return this.#last
  }

  #choose(view: ClusterView, key: number, rng: Rng): number {
    const first = this.#inner.pick(view, key, rng)
    // Nothing under way: one more is within any bound.
    if (view.inFlight[first]! < 1) return first
    this.#perWeight = boundPerWeight(view, this.#factor)
    if (this.#hasRoom(view, first)) return first
    for (let jump = 1; jump <= JUMPS; jump++) {
      const index = this.#inner.pick(view, jumped(key, jump), rng)
      if (this.#hasRoom(view, index)) return index
    }
    return this.#rendezvous(view, key)
  }

  #hasRoom({ inFlight, weights }: ClusterView, index: number): boolean {
    return inFlight[index]! < Math.ceil(this.#perWeight * weights[index]! - EPSILON)
  }

  #rendezvous(view: ClusterView, key: number): number {
    const scrambled = scramble(key)
    let best = NO_PICK
    let least = Infinity
    for (let i = 0; i < view.size; i++) {
      if (!this.#hasRoom(view, i)) continue
      const draw = unitOf(finishPair(beginPair(view.hashes[i]!), scrambled))
      const score = -Math.log1p(-draw) / view.weights[i]!
      if (score < least) {
        least = score
        best = i
      }
    }
    if (best !== NO_PICK) view.considered.note(best, least)
    return best
  }

  /** Of a key: certain. Of no key it would take a sum over all keys: not said. */
  propensity(_view: ClusterView, key: number, index: number): number {
    if (key === 0) return Number.NaN
    return index === this.#last ? 1 : 0
  }
}

/** c · (m + 1) / sum. */
const boundPerWeight = ({ size, inFlight, weights }: ClusterView, factor: number): number => {
  let sum = 0
  let underWay = 0
  for (let i = 0; i < size; i++) {
    sum += weights[i]!
    underWay += inFlight[i]!
  }
  return (factor * (underWay + 1)) / sum
}

/** Another key, not 0; of 31 bits, which are never boxed. */
const jumped = (key: number, jump: number): number => Math.max(1, hashPair(key, jump) >>> 1)
