import type { PolicySpec } from '../config/snapshot.ts'
import { optionsOf } from './options.ts'

/** Longer than this nothing is worth knowing, and sums stay far from where doubles lose digits. */
export const MAX_COST_MS = 3_600_000
/** Longest `Retry-After` that is believed. */
const MAX_RETRY_AFTER_MS = 300_000
const DEFAULT_DECAY_MS = 10_000
/** What a failure counts for where it has no price of its own, of the cost so far. */
const FAILURE_FACTOR = 10

/**
 * What an exchange at an endpoint costs, ms, as one number that forgets. A cost holds as of a time; -1 is the time of one never measured.
 * Whoever observes an exchange asks for the next cost and keeps it with the time it gave. All costs forget by e^(−t/decayMs), so that of two
 * observers' costs the larger stays the larger while neither learns anything.
 *
 * Whatever comes in (a clock that jumped back, NaN, negative or huge measures), what goes out is a number in 0…`MAX_COST_MS`.
 */
export interface CostModel {
  readonly decayMs: number
  /** After an answer that took `sampleMs`. */
  after(cost: number, costAtMs: number, nowMs: number, sampleMs: number): number
  /** After a failed attempt that took `tookMs`; `retryAfterMs` is what the endpoint asked for, 0 if nothing. */
  afterFailure(cost: number, costAtMs: number, nowMs: number, tookMs: number, retryAfterMs: number): number
}

/** What is left now, 0…1, of what was measured at `atMs`. A clock that jumped back takes nothing away. */
export const remaining = (atMs: number, nowMs: number, decayMs: number): number => {
  const elapsed = nowMs - atMs
  return elapsed > 0 ? Math.exp(-elapsed / decayMs) : 1
}

const bounded = (ms: number): number => (ms > 0 ? Math.min(ms, MAX_COST_MS) : 0)

/** Time-weighted: samples in quick succession count for little each, one after a long silence for nearly all. */
const average = (cost: number, left: number, sample: number): number => cost * left + sample * (1 - left)

/**
 * The least that a failure leaves of a cost: as if it had taken ten times as long as usual. Now and then one hardly counts (1 % of failures, 1.1 times
 * the cost); an endpoint that does nothing but fail gets dearer by e^(9 t/decayMs), however fast it fails: it must not look quick
 * (fasthttp PR #865).
 */
const afterFault = (cost: number, left: number): number => average(cost, left, cost * FAILURE_FACTOR)

/** Finagle's peak EWMA: jumps to a sample above it at once, comes down slowly. */
class PeakCost implements CostModel {
  readonly decayMs: number

  constructor(decayMs: number) {
    this.decayMs = decayMs
  }

  after(cost: number, costAtMs: number, nowMs: number, sampleMs: number): number {
    const sample = bounded(sampleMs)
    if (!(costAtMs >= 0)) return sample
    const known = bounded(cost)
    const left = remaining(costAtMs, nowMs, this.decayMs)
    if (Number.isNaN(sampleMs)) return known * left
    return sample > known ? sample : average(known, left, sample)
  }

  afterFailure(cost: number, costAtMs: number, nowMs: number, tookMs: number): number {
    const took = bounded(tookMs)
    if (!(costAtMs >= 0)) return took
    const left = remaining(costAtMs, nowMs, this.decayMs)
    return bounded(Math.max(took, afterFault(bounded(cost), left)))
  }
}

/** Linkerd's failure-biased peak EWMA: a failure counts as at least `penaltyMs`, or for as long as the endpoint asks to be left alone. */
class FailureBiasedCost implements CostModel {
  readonly decayMs: number
  readonly #peak: PeakCost
  readonly #penaltyMs: number

  constructor(decayMs: number, penaltyMs: number) {
    this.decayMs = decayMs
    this.#peak = new PeakCost(decayMs)
    this.#penaltyMs = bounded(penaltyMs)
  }

  after(cost: number, costAtMs: number, nowMs: number, sampleMs: number): number {
    return this.#peak.after(cost, costAtMs, nowMs, sampleMs)
  }

  afterFailure(cost: number, costAtMs: number, nowMs: number, tookMs: number, retryAfterMs: number): number {
    const asked = Math.min(bounded(retryAfterMs), MAX_RETRY_AFTER_MS)
    const sample = Math.max(bounded(tookMs), asked, this.#penaltyMs)
    return this.#peak.after(cost, costAtMs, nowMs, sample)
  }
}

/** A plain mean that forgets. */
class MeanCost implements CostModel {
  readonly decayMs: number

  constructor(decayMs: number) {
    this.decayMs = decayMs
  }

  after(cost: number, costAtMs: number, nowMs: number, sampleMs: number): number {
    const sample = bounded(sampleMs)
    if (!(costAtMs >= 0)) return sample
    const known = bounded(cost)
    if (Number.isNaN(sampleMs)) return known
    return average(known, remaining(costAtMs, nowMs, this.decayMs), sample)
  }

  afterFailure(cost: number, costAtMs: number, nowMs: number, tookMs: number): number {
    const took = bounded(tookMs)
    if (!(costAtMs >= 0)) return took
    const known = bounded(cost)
    const left = remaining(costAtMs, nowMs, this.decayMs)
    return bounded(Math.max(average(known, left, took), afterFault(known, left)))
  }
}

/** The cost model of a cluster with this policy: the mean for those that look at no cost, so that latencies can always be shown. */
export const costModelOf = ({ name, options }: Pick<PolicySpec, 'name' | 'options'>): CostModel => {
  switch (name) {
    case 'peak-ewma':
      return new PeakCost(optionsOf(name, options).decayMs)
    case 'failure-biased-ewma': {
      const { decayMs, penaltyMs } = optionsOf(name, options)
      return new FailureBiasedCost(decayMs, penaltyMs)
    }
    case 'least-time':
      return new MeanCost(optionsOf(name, options).decayMs)
    default:
      return new MeanCost(DEFAULT_DECAY_MS)
  }
}
