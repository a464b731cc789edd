import { mix32 } from '../base/random.ts'
import type { Rng } from '../base/random.ts'
import { NO_PICK } from './policy.ts'
import type { PickRequest } from './pick-request.ts'
import type { PickSet } from './pick-set.ts'

const TWO_32 = 4_294_967_296

/**
 * The draw when a policy's picks were declined: one of the endpoints of a set that the request has not tried and that are not full, by weight. A
 * warming endpoint that has had its due is left out while anybody else is left. With a key, by the key: its next choice stays the same. O(n), and rare.
 */
export class RestDraw {
  /** Somebody was left out of the last draw only for being full. */
  sawFull = false
  readonly #rng: Rng
  #set!: PickSet
  #request!: PickRequest
  #most = Infinity

  constructor(rng: Rng) {
    this.#rng = rng
  }

  /** Index in the set's view, or NO_PICK. `most`: exchanges that may be under way at an endpoint. */
  draw(set: PickSet, request: PickRequest, most: number): number {
    this.#set = set
    this.#request = request
    this.#most = most
    this.sawFull = false
    const index = set.gate.idle ? NO_PICK : this.#drawFrom(true)
    return index === NO_PICK ? this.#drawFrom(false) : index
  }

  #drawFrom(careful: boolean): number {
    const { weights } = this.#set.view
    let sum = 0
    for (let i = 0; i < weights.length; i++) if (this.#open(i, careful)) sum += weights[i]!
    if (sum === 0) return NO_PICK
    let point = this.#unit() * sum
    let last = NO_PICK
    for (let i = 0; i < weights.length; i++) {
      if (!this.#open(i, careful)) continue
      last = i
      point -= weights[i]!
      if (point < 0) break
    }
    return last
  }

  #open(index: number, careful: boolean): boolean {
    const { view, slots, gate } = this.#set
    if (this.#request.excludedCount > 0 && this.#request.excludes(slots[index]!)) return false
    if (view.inFlight[index]! >= this.#most) {
      this.sawFull = true
      return false
    }
    return !careful || gate.affords(view, index)
  }

  #unit(): number {
    const { key, hasKey, excludedCount } = this.#request
    return hasKey ? (mix32(mix32(key ^ 0x5bd1_e995) + excludedCount) >>> 0) / TWO_32 : this.#rng.next()
  }
}
