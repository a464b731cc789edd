import type { Rng } from '../base/random.ts'
import { ChooseLeast } from './choose-least.ts'
import { remaining } from './cost.ts'
import { levelOf } from './load.ts'
import type { OptionsOf } from './options.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'
import { WeightedDraw } from './weighted-draw.ts'

/** Times that differ by less than this share are alike: noise must not decide. */
const ALIKE = 0.2
/** All averages move toward the mean this often per time constant; those that were measured anew at once. */
const REFRESHES = 256
/** A measure so old that nothing is left of it still counts so much for the mean. */
const FAINT = 1e-9
/** Of one never measured that has exchanges under way: nobody prefers it. */
const PENDING_SCORE = 1e12

/**
 * Least time: of all endpoints the one with the smallest average time · (exchanges under way + 1), counted by weight
 * (`levelOf`).
 *
 * As it stands elsewhere, that starves identical endpoints: the one that was slow once is never asked again, and its average stays (5 of 1500 requests,
 * traefik #12306). Here an average that is not renewed moves toward the cluster's mean within `decayMs`, times that are alike within a fifth
 * are chosen among by weight, and a share `explore` of the picks is drawn by weight whatever the times. One never measured is taken for the mean.
 */
export class LeastTime implements Policy {
  readonly heedsWeights = true
  readonly #decayMs: number
  readonly #explore: number
  readonly #choice = new ChooseLeast()
  readonly #line = new WeightedDraw()
  /** When all averages were last made, and the mean then: with the view's costs all there is to them. */
  #madeAtMs = Number.NaN
  #mean = 0
  #averages: Float64Array = new Float64Array(0)
  /** What each average was made of. */
  #cost: Float64Array = new Float64Array(0)
  #costAtMs: Float64Array = new Float64Array(0)
  #limit = 0

  constructor({ decayMs, explore }: OptionsOf<'least-time'>) {
    this.#decayMs = decayMs
    this.#explore = explore
  }

  rebuild(view: ClusterView): void {
    this.#choice.rebuild(view)
    this.#averages = new Float64Array(view.size)
    this.#cost = new Float64Array(view.size)
    this.#costAtMs = new Float64Array(view.size)
    this.#line.rebuild(view.weights)
    this.#refresh(view)
  }

  reweigh(view: ClusterView): void {
    this.#line.rebuild(view.weights)
    this.#choice.reweigh(view)
  }

  pick(view: ClusterView, _key: number, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    const since = view.nowMs - this.#madeAtMs
    if (!(since >= 0 && since < this.#decayMs / REFRESHES)) this.#refresh(view)
    this.#limit = this.#score(view) * (1 + ALIKE)
    if (rng.next() >= this.#explore) return this.#choice.choose(view, this.#limit, rng)
    const index = this.#line.draw(rng)
    view.considered.note(index, this.#choice.scores[index]!)
    return index
  }

  /** Scores all; the smallest score. */
  #score(view: ClusterView): number {
    const { inFlight, cost, costAtMs } = view
    const { scores, perPlace, equal } = this.#choice
    const averages = this.#averages
    let least = Infinity
    for (let i = 0; i < scores.length; i++) {
      if (costAtMs[i]! !== this.#costAtMs[i]! || cost[i]! !== this.#cost[i]!) this.#average(view, i)
      const queued = inFlight[i]!
      const level = equal ? queued : levelOf(queued, perPlace[i]!)
      const average = queued > 0 && !(costAtMs[i]! >= 0) ? PENDING_SCORE : averages[i]!
      const score = average * (level + 1)
      scores[i] = score
      if (score < least) least = score
    }
    return least
  }

  /** The mean, in which fresh measures count for more, and everyone's average as of now. */
  #refresh(view: ClusterView): void {
    let sum = 0
    let count = 0
    for (let i = 0; i < view.size; i++) {
      if (!(view.costAtMs[i]! >= 0)) continue
      const freshness = remaining(view.costAtMs[i]!, view.nowMs, this.#decayMs) + FAINT
      sum += view.cost[i]! * freshness
      count += freshness
    }
    this.#madeAtMs = view.nowMs
    this.#mean = count > 0 ? sum / count : 0
    for (let i = 0; i < view.size; i++) this.#average(view, i)
  }

  #average(view: ClusterView, index: number): void {
    const cost = view.cost[index]!
    const costAtMs = view.costAtMs[index]!
    this.#cost[index] = cost
    this.#costAtMs[index] = costAtMs
    const left = costAtMs >= 0 ? remaining(costAtMs, this.#madeAtMs, this.#decayMs) : 0
    this.#averages[index] = this.#mean + (cost - this.#mean) * left
  }

  propensity(view: ClusterView, _key: number, index: number): number {
    const byTime = this.#choice.chance(view, this.#limit, index)
    return (1 - this.#explore) * byTime + this.#explore * this.#line.share(index)
  }

  save(state: Float64Array): number {
    if (state.length < 2) return -1
    state[0] = this.#madeAtMs
    state[1] = this.#mean
    return 2
  }

  restore(state: Float64Array): void {
    this.#madeAtMs = state[0]!
    this.#mean = state[1]!
    // Made of nothing that can be: all are made again.
    this.#costAtMs.fill(Number.NaN)
  }
}
