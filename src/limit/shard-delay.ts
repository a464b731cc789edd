/** Work of a batch, in ms, that nothing else waited for long enough to matter. */
const SHORT_MS = 0.25
/** Probes are at least so far apart: each costs two system calls. */
const PROBE_EVERY_MS = 5
/** Time constant of the average. */
const SMOOTHING_MS = 50

/**
 * How late a shard is with what came in: the time from when something became ready to when it is handled. A batch knows only what it holds, not what waits behind
 * it, so a probe is sent the way of everything else: the shard wakes itself, and the wake-up queues behind what is ready already; when its
 * row comes, its age is the delay. Probes are sent only out of batches that took their time: behind a short one nothing waits.
 *
 * A wake-up by somebody else may answer for a probe and come sooner: the delay is never overstated by that. A probe that is still under way is at least as
 * late as it is old.
 */
export class ShardDelay {
  /** The average, in ms. */
  smoothedMs = 0
  #sentMs = -1
  #lastProbeMs = -Infinity
  #lastSampleMs = 0

  /** A batch is done that took so long. Whether a probe is to be sent now. */
  onBatchEnd(nowMs: number, tookMs: number): boolean {
    if (this.#sentMs >= 0) {
      const ageMs = nowMs - this.#sentMs
      if (ageMs > this.smoothedMs) this.#sample(nowMs, ageMs)
      return false
    }
    if (tookMs < SHORT_MS) {
      this.#sample(nowMs, 0)
      return false
    }
    if (nowMs - this.#lastProbeMs < PROBE_EVERY_MS) return false
    this.#lastProbeMs = nowMs
    this.#sentMs = nowMs
    return true
  }

  /** A wake-up came. */
  onWake(nowMs: number): void {
    if (this.#sentMs < 0) return
    this.#sample(nowMs, Math.max(0, nowMs - this.#sentMs))
    this.#sentMs = -1
  }

  #sample(nowMs: number, delayMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#lastSampleMs)
    this.#lastSampleMs = nowMs
    this.smoothedMs += (delayMs - this.smoothedMs) * (elapsedMs / (elapsedMs + SMOOTHING_MS))
  }
}
