/**
 * An example of a policy of one's own: of two endpoints drawn by weight, the one with less to do, where a part of what failed lately counts as if it
 * were under way. So an endpoint that answers errors at once, and therefore always looks idle, gets no more than its share.
 *
 *     policy: { name: ./careful-two.ts, caution: 4 }
 */
import type { ClusterView, Policy, PolicyOptions, Rng } from 'weir'

/** Time constant in which failures are forgotten, ms. */
const MEMORY_MS = 10_000

const cautionOf = ({ caution = 2 }: PolicyOptions): number => {
  if (typeof caution !== 'number' || !(caution >= 0 && caution <= 1000))
    throw new Error('caution is a number from 0 to 1000')
  return caution
}

class CarefulTwo implements Policy {
  readonly heedsWeights = true
  readonly reads = 'noted'
  readonly #caution: number
  /** Sums of the weights up to and with each endpoint. */
  #upTo = new Float64Array(0)
  /** Failures not yet forgotten, as of `#seenAtMs`, and the view's count they were taken from. */
  #failures = new Float64Array(0)
  #seen = new Float64Array(0)
  #seenAtMs = new Float64Array(0)

  constructor(caution: number) {
    this.#caution = caution
  }

  rebuild(view: ClusterView): void {
    this.#failures = new Float64Array(view.size)
    this.#seen = Float64Array.from(view.failed)
    this.#seenAtMs = new Float64Array(view.size).fill(view.nowMs)
    this.reweigh(view)
  }

  reweigh(view: ClusterView): void {
    this.#upTo = new Float64Array(view.size)
    let sum = 0
    for (let i = 0; i < view.size; i++) {
      sum += view.weights[i]!
      this.#upTo[i] = sum
    }
  }

  pick(view: ClusterView, _key: number, rng: Rng): number {
    if (view.size === 0) return -1
    const first = this.#draw(view.size, rng)
    const second = this.#draw(view.size, rng)
    const firstLoad = this.#load(view, first)
    view.considered.note(first, firstLoad)
    if (second === first) return first
    const secondLoad = this.#load(view, second)
    view.considered.note(second, secondLoad)
    return secondLoad < firstLoad ? second : first
  }

  /** What picks depend on beside the view; -1 where the cluster is too large for it: such decisions are not replayed. */
  save(state: Float64Array): number {
    const size = this.#failures.length
    if (3 * size > state.length) return -1
    state.set(this.#failures, 0)
    state.set(this.#seen, size)
    state.set(this.#seenAtMs, 2 * size)
    return 3 * size
  }

  restore(state: Float64Array, length: number): void {
    const size = length / 3
    this.#failures = state.slice(0, size)
    this.#seen = state.slice(size, 2 * size)
    this.#seenAtMs = state.slice(2 * size, length)
  }

  /** By weight: the first sum above a point drawn below the last. */
  #draw(size: number, rng: Rng): number {
    const upTo = this.#upTo
    const point = rng.next() * upTo[size - 1]!
    let low = 0
    let high = size - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (upTo[middle]! > point) high = middle
      else low = middle + 1
    }
    return low
  }

  #load(view: ClusterView, index: number): number {
    const failures = this.#failures
    const elapsedMs = Math.max(0, view.nowMs - this.#seenAtMs[index]!)
    const fresh = Math.max(0, view.failed[index]! - this.#seen[index]!)
    failures[index] = failures[index]! * Math.exp(-elapsedMs / MEMORY_MS) + fresh
    this.#seen[index] = view.failed[index]!
    this.#seenAtMs[index] = view.nowMs
    return (view.inFlight[index]! + this.#caution * failures[index]) / view.weights[index]!
  }
}

export const policy = (options: PolicyOptions): Policy => new CarefulTwo(cautionOf(options))
