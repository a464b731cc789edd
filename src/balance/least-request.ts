import type { Rng } from '../base/random.ts'
import { ChooseLeast } from './choose-least.ts'
import { ChooseSome } from './choose-some.ts'
import { EarliestDeadline } from './earliest-deadline.ts'
import { InFlightLoad, levelOf } from './load.ts'
import type { OptionsOf } from './options.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'

const MAX_BIAS = 4

/** Of all endpoints the one with the fewest exchanges under way for its weight (`levelOf`). */
export class LeastRequestScan implements Policy {
  readonly heedsWeights = true
  readonly #choice = new ChooseLeast()
  #least = 0

  rebuild(view: ClusterView): void {
    this.#choice.rebuild(view)
  }

  reweigh(view: ClusterView): void {
    this.#choice.reweigh(view)
  }

  pick(view: ClusterView, _key: number, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    const { inFlight } = view
    const { scores, perPlace, equal } = this.#choice
    let least = Infinity
    for (let i = 0; i < scores.length; i++) {
      const level = equal ? inFlight[i]! : levelOf(inFlight[i]!, perPlace[i]!)
      scores[i] = level
      if (level < least) least = level
    }
    this.#least = least
    return this.#choice.choose(view, least, rng)
  }

  propensity(view: ClusterView, _key: number, index: number): number {
    return this.#choice.chance(view, this.#least, index)
  }
}

/**
 * Envoy's least request for unequal weights: turns come by earliest deadline, the next after `(in flight + 1)^bias / weight`. Unlike
 * there, a weight that grows brings the next turn nearer at once: an endpoint in slow start would else wait for one that its first,
 * tiny weight put far off (envoy #19437).
 */
export class LeastRequestEdf implements Policy {
  readonly heedsWeights = true
  readonly reads = 'noted'
  readonly #bias: number
  readonly #turns = new EarliestDeadline()
  #weights: Float64Array = new Float64Array(0)
  /** For `reweigh`, which a slow start calls often. */
  #factors: Float64Array = new Float64Array(0)
  #last = NO_PICK

  constructor(bias: number) {
    this.#bias = Math.min(Math.max(bias, 0), MAX_BIAS)
  }

  rebuild(view: ClusterView, rng: Rng): void {
    this.#weights = view.weights.slice()
    this.#factors = new Float64Array(view.size)
    const periods = new Float64Array(view.size)
    for (let i = 0; i < view.size; i++) periods[i] = this.#period(view, i)
    this.#turns.start(periods, rng)
  }

  reweigh(view: ClusterView): void {
    for (let i = 0; i < view.size; i++) this.#factors[i] = this.#weights[i]! / view.weights[i]!
    this.#turns.stretch(this.#factors)
    this.#weights.set(view.weights)
  }

  pick(view: ClusterView): number {
    if (view.size === 0) return NO_PICK
    const index = this.#turns.next()
    const period = this.#period(view, index)
    this.#turns.again(period)
    view.considered.note(index, period)
    this.#last = index
    return index
  }

  #period(view: ClusterView, index: number): number {
    const load = view.inFlight[index]! + 1
    return (this.#bias === 1 ? load : load ** this.#bias) / view.weights[index]!
  }

  propensity(_view: ClusterView, _key: number, index: number): number {
    return index === this.#last ? 1 : 0
  }

  save(state: Float64Array): number {
    return this.#turns.save(state, 0)
  }

  restore(state: Float64Array): void {
    this.#turns.restore(state, 0)
  }
}

export const leastRequest = ({ mode, choices, bias }: OptionsOf<'least-request'>): Policy => {
  if (mode === 'scan') return new LeastRequestScan()
  if (mode === 'edf') return new LeastRequestEdf(bias)
  return new ChooseSome(new InFlightLoad(), choices)
}
