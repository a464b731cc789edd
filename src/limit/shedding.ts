import type { Rng } from '../base/random.ts'
import type { OverloadSpec } from '../config/lifecycle.ts'

/** At most this share is refused: whoever comes through tells whether it is still needed. */
const MOST = 0.98
/** How fast the share follows how far the delay is from the target, and how it moves, per window. */
const GAIN = { distance: 0.06, trend: 0.4 }
/** Most that one window changes. */
const STEP = { down: 0.15, up: 0.25 }
/** Of the delay over its target, per window: one hiccup must not decide. */
const FAR = 3
/** Below, nothing is refused: a share that small is noise. */
const LEAST = 0.005
/** Windows without news that are made up for; by then nothing is refused any more. */
const CAUGHT_UP = 64

/**
 * Which share of the requests a shard refuses, by how late it is. As CoDel (RFC 8289), only a delay that does not go below the target for a whole window counts:
 * a burst that is worked off is none. As PIE (RFC 8033), the share then follows that delay and its trend, so that it settles where the delay is about the
 * target instead of swinging; once per window, or per target if that is shorter:
 *
 *     share += distance · (delay − target) / target + trend · (delay − delay before) / target
 *
 * Laws: 0 ≤ share ≤ `MOST`, whatever it is told; never above 0 unless a whole window was above the target; back at 0 when the delay is.
 */
export class Shedder {
  /** 0…`MOST`. */
  share = 0
  readonly #rng: Rng
  #spec: OverloadSpec | undefined
  #endsMs = -Infinity
  #leastMs = Infinity
  #beforeMs = 0

  constructor(rng: Rng) {
    this.#rng = rng
  }

  /** undefined: nothing is refused. */
  configure(spec: OverloadSpec | undefined): void {
    if (spec?.delayMs === this.#spec?.delayMs && spec?.windowMs === this.#spec?.windowMs) return
    this.#spec = spec
    this.#endsMs = -Infinity
    if (spec === undefined) this.share = 0
  }

  /** How late the shard is now; to be told at least once per window while there is anything to do. */
  observe(nowMs: number, delayMs: number): void {
    const spec = this.#spec
    if (spec === undefined || !(delayMs >= 0) || !Number.isFinite(nowMs)) return
    if (this.#endsMs === -Infinity || nowMs < this.#endsMs - spec.windowMs) this.#restart(nowMs, spec)
    if (nowMs >= this.#endsMs) this.#turn(nowMs, spec)
    if (delayMs < this.#leastMs) this.#leastMs = delayMs
  }

  /** Draw: is this request refused? */
  refuses(): boolean {
    return this.share > 0 && this.#rng.next() < this.share
  }

  #restart(nowMs: number, { windowMs }: OverloadSpec): void {
    this.#endsMs = nowMs + windowMs
    this.#leastMs = Infinity
    this.#beforeMs = 0
  }

  #turn(nowMs: number, spec: OverloadSpec): void {
    // What is refused shows in the delay as soon as the queue of before is worked off.
    const reactionMs = Math.min(spec.windowMs, spec.delayMs)
    const missed = Math.min(CAUGHT_UP, Math.floor((nowMs - this.#endsMs) / reactionMs))
    this.#move(this.#leastMs, spec)
    // Nothing came meanwhile: nothing waited.
    for (let i = 0; i < missed; i++) this.#move(0, spec)
    this.#endsMs = nowMs + (this.share > 0 ? reactionMs : spec.windowMs)
    this.#leastMs = Infinity
  }

  /** A time is over in which the delay was never below this. */
  #move(leastMs: number, { delayMs: targetMs }: OverloadSpec): void {
    const delayMs = Math.min(leastMs, targetMs * (1 + FAR))
    const step = (GAIN.distance * (delayMs - targetMs) + GAIN.trend * (delayMs - this.#beforeMs)) / targetMs
    const above = delayMs > targetMs
    this.#beforeMs = delayMs
    if (this.share === 0 && !above) return
    // A fall from afar is no reason to let everybody in at once, nor a rise from nothing to refuse most.
    const share = Math.min(MOST, this.share + Math.max(-STEP.down, Math.min(STEP.up, step)))
    this.share = share < LEAST && !above ? 0 : Math.max(0, share)
  }
}
