import { ChooseSome } from './choose-some.ts'
import { remaining } from './cost.ts'
import { levelOf, meanWeightOf } from './load.ts'
import type { LoadMetric } from './load.ts'
import type { OptionsOf } from './options.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'

/** Load of one that has exchanges under way but never ended one: above every load that was measured. */
const PENDING_LOAD = 1e12
/** Of how many comparisons one counts for the typical cost, and in how many such it forgets. */
const LEARN_EVERY = 8
const LEARN_OVER = 16

/**
 * Finagle's peak EWMA: cost · (exchanges under way + 1), the cost decaying while it is read, so that one that looked slow is tried again.
 * Candidates are drawn by weight, and an endpoint bears exchanges by its weight (`levelOf`).
 *
 * One that was never measured and has nothing under way is taken for typical, not for free: else everybody would rush upon a newcomer.
 * While its first exchanges are under way nobody prefers it. So it is tried by one request at a time until it has answered once.
 */
export class CostLoad implements LoadMetric {
  /** Typical cost in the cluster now, ms: the mean at the rebuild, then learned from those compared; and how many were. */
  readonly state: Float64Array = new Float64Array(2)
  readonly #decayMs: number
  #meanWeight = 1

  constructor(decayMs: number) {
    this.#decayMs = decayMs
  }

  rebuild(view: ClusterView): void {
    let sum = 0
    let measured = 0
    for (let i = 0; i < view.size; i++) {
      if (!(view.costAtMs[i]! >= 0)) continue
      sum += this.#cost(view, i)
      measured++
    }
    this.state[0] = measured > 0 ? sum / measured : 0
    this.reweigh(view)
  }

  reweigh(view: ClusterView): void {
    this.#meanWeight = meanWeightOf(view)
  }

  of(view: ClusterView, index: number): number {
    const queued = levelOf(view.inFlight[index]!, this.#meanWeight / view.weights[index]!)
    if (view.costAtMs[index]! >= 0) return this.#cost(view, index) * (queued + 1)
    return view.inFlight[index]! > 0 ? PENDING_LOAD * (queued + 1) : this.state[0]!
  }

  learn(view: ClusterView, index: number): void {
    const { state } = this
    state[1] = (state[1]! + 1) % LEARN_EVERY
    if (state[1] !== 0 || !(view.costAtMs[index]! >= 0)) return
    state[0]! += (this.#cost(view, index) - state[0]!) / LEARN_OVER
  }

  #cost(view: ClusterView, index: number): number {
    return view.cost[index]! * remaining(view.costAtMs[index]!, view.nowMs, this.#decayMs)
  }
}

/** Which failures cost how much is the cost model's (`cost.ts`): plain or failure-biased, the choice is the same. */
export const peakEwma = ({ decayMs, choices }: Pick<OptionsOf<'peak-ewma'>, 'decayMs' | 'choices'>): Policy =>
  new ChooseSome(new CostLoad(decayMs), choices)
