import type { Rng } from '../base/random.ts'
import { EarliestDeadline } from './earliest-deadline.ts'
import type { OptionsOf } from './options.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import { survivorsOf } from './survivors.ts'
import type { ClusterView } from './view.ts'

/** By how much one update may change what is believed of an endpoint, up or down. */
const CLAMP = 2
/** The lightest and the heaviest that reports can make an endpoint, of the mean: nobody starves, whatever it or others report. */
const LIGHTEST = 0.01
const HEAVIEST = 100
const MIN_UPDATE_MS = 100
/** With fewer reports there is nothing to compare. */
const MIN_REPORTING = 2

/**
 * Weighted round robin by what servers report of themselves (gRPC proposal A58): `q / (u + e/q · penalty)`, requests a second per utilisation, the
 * worse the more errors. Who reports nothing that counts (too long ago, or too soon after it came) gets the average; fewer than
 * two that do, and everyone is believed to be what its configured weight says. Otherwise reports take its place; slow start applies to both.
 *
 * What is believed of an endpoint is a factor to its weight in the view, and an update changes it at most by `CLAMP`: a server that reports nonsense
 * moves its share slowly, and never above or below what `HEAVIEST` and `LIGHTEST` allow. Turns come by earliest deadline, from a random start.
 */
export class Orca implements Policy {
  readonly heedsWeights = true
  readonly #options: OptionsOf<'orca'>
  readonly #updateMs: number
  readonly #turns = new EarliestDeadline()
  #hashes: Uint32Array = new Uint32Array(0)
  #believed: Float64Array = new Float64Array(0)
  /** Weights that turns are given by: the view's times what is believed. */
  #weights: Float64Array = new Float64Array(0)
  #reported: Float64Array = new Float64Array(0)
  /** For `reweigh`, which a slow start calls often. */
  #factors: Float64Array = new Float64Array(0)
  #updatedAtMs = Number.NaN
  #last = NO_PICK

  constructor(options: OptionsOf<'orca'>) {
    this.#options = options
    this.#updateMs = Math.max(options.updateMs, MIN_UPDATE_MS)
  }

  rebuild(view: ClusterView, rng: Rng): void {
    const { size } = view
    const before = this.#believed
    const old = survivorsOf(this.#hashes, view.hashes)
    this.#believed = new Float64Array(size).fill(1)
    old.forEach((was, i) => was >= 0 && (this.#believed[i] = before[was]!))
    this.#hashes = view.hashes.slice()
    this.#reported = new Float64Array(size)
    this.#factors = new Float64Array(size)
    this.#weights = this.#believed.map((believed, i) => believed * view.weights[i]!)
    this.#turns.start(
      this.#weights.map((weight) => 1 / weight),
      rng,
    )
  }

  reweigh(view: ClusterView): void {
    for (let i = 0; i < view.size; i++) {
      const weight = this.#believed[i]! * view.weights[i]!
      this.#factors[i] = this.#weights[i]! / weight
      this.#weights[i] = weight
    }
    this.#turns.stretch(this.#factors)
  }

  pick(view: ClusterView): number {
    if (view.size === 0) return NO_PICK
    const since = view.nowMs - this.#updatedAtMs
    if (!(since >= 0 && since < this.#updateMs)) this.#update(view)
    const index = this.#turns.next()
    const weight = this.#weights[index]!
    this.#turns.again(1 / weight)
    view.considered.note(index, 1 / weight)
    this.#last = index
    return index
  }

  #update(view: ClusterView): void {
    this.#updatedAtMs = view.nowMs
    const reported = this.#reported
    let sum = 0
    let reporting = 0
    let base = 0
    for (let i = 0; i < view.size; i++) {
      reported[i] = this.#reportedWeight(view, i)
      sum += reported[i]!
      if (reported[i]! > 0) reporting++
      base += view.baseWeights[i]! / view.size
    }
    const mean = reporting >= MIN_REPORTING ? sum / reporting : 0
    for (let i = 0; i < view.size; i++) {
      const own = reported[i]! > 0 ? reported[i]! / mean : 1
      const share = Math.min(Math.max(own, LIGHTEST), HEAVIEST)
      const target = mean > 0 ? (share * base) / view.baseWeights[i]! : 1
      const before = this.#believed[i]!
      this.#believed[i] = Math.min(Math.max(target, before / CLAMP), before * CLAMP)
    }
    this.reweigh(view)
  }

  /** As its last report has it, requests a second at full use; 0 if that does not count. */
  #reportedWeight(view: ClusterView, index: number): number {
    const { penalty, blackoutMs, expiryMs } = this.#options
    const at = view.reportedAtMs[index]!
    const since = view.readySinceMs[index]!
    if (!(at >= 0) || view.nowMs - at > expiryMs || at < since) return 0
    if (since >= 0 && view.nowMs - since < blackoutMs) return 0
    const qps = view.reportedQps[index]!
    const utilisation = view.utilisation[index]!
    if (!(qps > 0 && utilisation > 0)) return 0
    const eps = Math.max(view.reportedEps[index]!, 0)
    const weight = qps / (utilisation + (eps / qps) * penalty)
    return Number.isFinite(weight) ? weight : 0
  }

  propensity(_view: ClusterView, _key: number, index: number): number {
    return index === this.#last ? 1 : 0
  }

  save(state: Float64Array): number {
    const { length } = this.#believed
    const turns = this.#turns.save(state, 2 * length + 1)
    if (turns === -1) return -1
    state[0] = this.#updatedAtMs
    state.set(this.#believed, 1)
    state.set(this.#weights, 1 + length)
    return 2 * length + 1 + turns
  }

  restore(state: Float64Array): void {
    const { length } = this.#believed
    this.#updatedAtMs = state[0]!
    this.#believed.set(state.subarray(1, 1 + length))
    this.#weights.set(state.subarray(1 + length, 1 + 2 * length))
    this.#turns.restore(state, 1 + 2 * length)
  }
}
