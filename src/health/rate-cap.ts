/**
 * So many starts in any second, and never more: a token bucket with a small burst, so that what a loop finds due at once may go at
 * once. Law: in every half-open second of its clock at most `maxPerSecond` are granted; waiting never earns more than the burst,
 * so neither a start nor a clock that jumped ahead is followed by a storm. A clock that goes back grants nothing for it.
 *
 * Why the law holds: a bucket of capacity b that fills at r grants fewer than b + r·T + 1 tokens in less than T; here b + r = max + 1 - ε.
 */
export class RateCap {
  #burst = 1
  #perMs = 0
  #tokens = 1
  #atMs = -Infinity

  /** `burst`: how many may go at once, at most `maxPerSecond`. */
  constructor(maxPerSecond: number, burst: number = burstOf(maxPerSecond)) {
    this.limit(maxPerSecond, burst)
  }

  /** From now on at most so many, an integer of 1 or more. */
  limit(maxPerSecond: number, burst: number = burstOf(maxPerSecond)): void {
    this.#burst = burst
    this.#perMs = (maxPerSecond - this.#burst + 1 - MARGIN) / 1000
    this.#tokens = Math.min(this.#tokens, this.#burst)
  }

  /** Whether one may start now; if so it counts. */
  take(nowMs: number): boolean {
    const passed = nowMs - this.#atMs
    this.#atMs = nowMs
    if (passed > 0) this.#tokens = Math.min(this.#burst, this.#tokens + passed * this.#perMs)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}

const burstOf = (maxPerSecond: number): number => Math.max(1, Math.floor(maxPerSecond / 10))

/** Keeps rounding on the safe side. */
const MARGIN = 1e-6
