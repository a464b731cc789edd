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
/** Time constants after which a cost has forgotten its first sample. */
const GROWN_UP = 3
const FEW_FAILURES = 0.02
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
 * are chosen among by weight, and a share `explore` of the picks is drawn by weight whatever the times. One never measured is taken for the mean. One that
 * came lately goes by the plain mean of its answers: its cost is still that of the first few, which tend to be slow.
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
  #ended: Float64Array = new Float64Array(0)
  /** First rebuild: for endpoints of which nobody knows since when they are there. */
  #bornMs = Number.NaN
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
    this.#ended = new Float64Array(view.size)
    if (Number.isNaN(this.#bornMs)) this.#bornMs = view.nowMs
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
    const { inFlight } = view
    const { scores, perPlace, equal } = this.#choice
    const averages = this.#averages
    let least = Infinity
    for (let i = 0; i < scores.length; i++) {
      if (this.#isNew(view, i)) this.#average(view, i)
      const queued = inFlight[i]!
      const level = equal ? queued : levelOf(queued, perPlace[i]!)
      const average = queued > 0 && !(view.costAtMs[i]! >= 0) ? PENDING_SCORE : averages[i]!
      const score = average * (level + 1)
      scores[i] = score
      if (score < least) least = score
    }
    return least
  }

  /** The mean, in which fresh measures count for more, and everyone's average as of now. */
  #refresh(view: ClusterView): void {
    this.#madeAtMs = view.nowMs
    let sum = 0
    let count = 0
    for (let i = 0; i < view.size; i++) {
      if (!(view.costAtMs[i]! >= 0)) continue
      const freshness = remaining(view.costAtMs[i]!, view.nowMs, this.#decayMs) + FAINT
      sum += this.#measured(view, i) * freshness
      count += freshness
    }
    this.#mean = count > 0 ? sum / count : 0
    for (let i = 0; i < view.size; i++) this.#average(view, i)
  }

  #isNew({ cost, costAtMs, succeeded, failed }: ClusterView, index: number): boolean {
    return (
      costAtMs[index] !== this.#costAtMs[index] ||
      cost[index] !== this.#cost[index] ||
      succeeded[index]! + failed[index]! !== this.#ended[index]
    )
  }

  #average(view: ClusterView, index: number): void {
    const costAtMs = view.costAtMs[index]!
    this.#cost[index] = view.cost[index]!
    this.#costAtMs[index] = costAtMs
    this.#ended[index] = view.succeeded[index]! + view.failed[index]!
    const left = costAtMs >= 0 ? remaining(costAtMs, this.#madeAtMs, this.#decayMs) : 0
    this.#averages[index] = this.#mean + (this.#measured(view, index) - this.#mean) * left
  }

  /** Only one that hardly fails goes by its answers: what failures cost is in the cost. */
  #measured(view: ClusterView, index: number): number {
    const answers = view.succeeded[index]!
    const readySinceMs = view.readySinceMs[index]!
    const sinceMs = readySinceMs >= 0 ? readySinceMs : this.#bornMs
    const isYoung = this.#madeAtMs - sinceMs < GROWN_UP * this.#decayMs
    const hardlyFails = answers > 0 && view.failed[index]! <= answers * FEW_FAILURES
    return isYoung && hardlyFails ? view.latencySumMs[index]! / answers : view.cost[index]!
  }

  propensity(view: ClusterView, _key: number, index: number): number {
    const byTime = this.#choice.chance(view, this.#limit, index)
    return (1 - this.#explore) * byTime + this.#explore * this.#line.share(index)
  }

  save(state: Float64Array): number {
    if (state.length < 3) return -1
    state[0] = this.#madeAtMs
    state[1] = this.#mean
    state[2] = this.#bornMs
    return 3
  }

  restore(state: Float64Array): void {
    this.#madeAtMs = state[0]!
    this.#mean = state[1]!
    this.#bornMs = state[2]!
    // Made of nothing that can be: all are made again.
    this.#costAtMs.fill(Number.NaN)
  }
}
