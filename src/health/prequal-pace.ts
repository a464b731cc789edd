import type { Rng } from '../base/random.ts'

/** The request rate is a mean over about so long, ms. */
const RATE_MS = 1000
/** Probes that may be owed, at least, and as a share of a second's: after a pause no more than these go out at once. */
const LEAST_BURST = 4
const BURST_SHARE = 0.1

/**
 * How many Prequal probes a cluster is due: `probesPerRequest` for each request, at most `maxPerSecond` (NSDI '24 probes on each query; here
 * the probes of all shards come from one actor, so they follow the rate). Law: in no span of T seconds more than T · maxPerSecond and the burst, 4 or a tenth of a second's.
 */
export class PrequalPace {
  readonly #perRequest: number
  readonly #maxPerSecond: number
  readonly #burst: number
  #ratePerMs = 0
  #requests = 0
  #owed = 0
  #atMs: number

  constructor(perRequest: number, maxPerSecond: number, nowMs: number) {
    this.#perRequest = perRequest
    this.#maxPerSecond = maxPerSecond
    this.#burst = Math.max(LEAST_BURST, maxPerSecond * BURST_SHARE)
    this.#atMs = nowMs
  }

  /** Requests were answered or failed. */
  count(requests: number): void {
    this.#requests += requests
  }

  /** Probes to send now. */
  due(nowMs: number): number {
    const passedMs = nowMs - this.#atMs
    if (passedMs <= 0) return 0
    this.#atMs = nowMs
    const fade = Math.exp(-passedMs / RATE_MS)
    this.#ratePerMs = this.#ratePerMs * fade + (this.#requests / passedMs) * (1 - fade)
    this.#requests = 0
    const perMs = Math.min(this.#perRequest * this.#ratePerMs, this.#maxPerSecond / 1000)
    this.#owed = Math.min(this.#burst, this.#owed + perMs * passedMs)
    const whole = Math.floor(this.#owed)
    this.#owed -= whole
    return whole
  }
}

/** One of these slots at random; -1 if there is none. */
export const drawSlot = (slots: readonly number[], rng: Rng): number =>
  slots.length === 0 ? -1 : slots[rng.below(slots.length)]!
