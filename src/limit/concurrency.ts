import type { Rng } from '../base/random.ts'
import type { AdaptiveSpec } from '../config/snapshot.ts'

/** Samples whose median is the minimum (Envoy: `min_rtt_calc_params.request_count`). */
export const MIN_RTT_SAMPLES = 50
/** Samples of a window that are kept, drawn evenly. */
const KEPT = 256
/** A window of fewer teaches nothing. */
const LEAST = 3
/** Windows in a row at the smallest limit, after which the minimum is measured anew (Envoy): it may be that of another time. */
const FLOORED = 5
/** Share of `minRttMs` by which the next measurement is put off at random, so that proxies do not all hold back together. */
const JITTER = 0.15
/** Bounds of the gradient (Envoy). */
const GRADIENT = { least: 0.5, most: 2 }

/**
 * Adaptive concurrency as Envoy's gradient controller has it. In each window
 *
 *     gradient = tolerance · minRTT / sampleRTT, within 0.5 … 2
 *     limit    = gradient · limit + √limit, within minLimit … maxLimit
 *
 * with sampleRTT the median of the window. Every `minRttMs` or so the limit is `minLimit` for as long as the median of 50
 * answers to requests begun since then takes: with so few at once nothing queues, and that median is minRTT.
 *
 * Law: `limit` is a whole number in minLimit … maxLimit at every moment, whatever it is told.
 */
export class GradientLimit {
  limit: number
  readonly #spec: AdaptiveSpec
  readonly #rng: Rng
  readonly #samples = new Float64Array(KEPT)
  #seen = 0
  #minRttMs = NaN
  /** Since when the minimum is being measured; -1: it is not. */
  #measuringFromMs: number
  #measureAtMs = Infinity
  #windowEndsMs: number
  #floored = 0

  constructor(spec: AdaptiveSpec, rng: Rng, nowMs: number) {
    this.#spec = spec
    this.#rng = rng
    this.limit = spec.minLimit
    this.#measuringFromMs = nowMs
    this.#windowEndsMs = nowMs + spec.windowMs
  }

  /** The minimum is being measured: the limit is as small as can be. */
  get measuring(): boolean {
    return this.#measuringFromMs >= 0
  }

  /** Latency without queueing, ms; NaN before the first measurement. */
  get minRttMs(): number {
    return this.#minRttMs
  }

  /** An answer came that took so long, ms, to a request begun at `startedMs`. */
  sample(rttMs: number, startedMs: number): void {
    if (!(rttMs >= 0 && rttMs < Infinity)) return
    if (this.measuring && startedMs < this.#measuringFromMs) return
    const place = this.#seen < KEPT ? this.#seen : this.#rng.below(this.#seen + 1)
    if (place < KEPT) this.#samples[place] = rttMs
    this.#seen++
  }

  /** Time passed. Whether the limit changed. */
  tick(nowMs: number): boolean {
    const before = this.limit
    if (this.measuring) this.#measure(nowMs)
    else if (nowMs >= this.#measureAtMs || this.#floored >= FLOORED) this.#beginMeasuring(nowMs)
    else if (nowMs >= this.#windowEndsMs) this.#turn(nowMs)
    return this.limit !== before
  }

  #measure(nowMs: number): void {
    if (this.#seen < MIN_RTT_SAMPLES) return
    this.#minRttMs = this.#median()
    this.#measuringFromMs = -1
    this.#measureAtMs = nowMs + this.#spec.minRttMs * (1 + JITTER * this.#rng.next())
    this.#beginWindow(nowMs)
  }

  #beginMeasuring(nowMs: number): void {
    this.#measuringFromMs = Math.max(0, nowMs)
    this.#floored = 0
    this.#seen = 0
    this.limit = this.#spec.minLimit
  }

  #turn(nowMs: number): void {
    const { minLimit, maxLimit, tolerance } = this.#spec
    if (this.#seen >= LEAST) {
      const sampleMs = this.#median()
      const ratio = sampleMs > 0 ? (tolerance * this.#minRttMs) / sampleMs : GRADIENT.most
      const gradient = Math.min(GRADIENT.most, Math.max(GRADIENT.least, ratio))
      const wanted = Math.floor(gradient * this.limit + Math.sqrt(this.limit))
      this.limit = Math.min(maxLimit, Math.max(minLimit, wanted))
      this.#floored = this.limit === minLimit && minLimit < maxLimit ? this.#floored + 1 : 0
    }
    this.#beginWindow(nowMs)
  }

  #beginWindow(nowMs: number): void {
    this.#seen = 0
    this.#windowEndsMs = nowMs + this.#spec.windowMs
  }

  #median(): number {
    const kept = this.#samples.slice(0, Math.min(KEPT, this.#seen)).sort()
    return kept[(kept.length - 1) >> 1]!
  }
}
