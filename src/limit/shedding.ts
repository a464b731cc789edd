import type { OverloadSpec } from '../config/lifecycle.ts'

/** How fast the rate follows how far the delay is from the target, and how it moves, per step. */
const GAIN = { distance: 0.03, trend: 0.3 }
/** Most that one step changes, as a share of the rate. */
const STEP = { down: 0.1, up: 0.1 }
/** Of the delay over its target, per step: one hiccup must not decide. */
const FAR = 3
/** The first rate, of what was admitted while the delay stood: what waits already has to be worked off too. */
const ONSET = 0.9
/** Below this part of the target nobody is refused: the shard is not late. */
const NOT_LATE = 0.25
/** A rate above which it is no limit. */
const MOST = 1e9
/** Windows without need of a limit until it is forgotten. */
const QUIET_WINDOWS = 10

/**
 * How many requests a second a shard takes on, by how late it is. As CoDel (RFC 8289), only a delay that does not go below the target for a whole window begins it:
 * a burst that is worked off is none. Then a token bucket (at first at the rate that was served) refuses what is above, and as in PIE (RFC 8033) its rate follows
 * the delay and its trend, once per target or window, whichever is shorter:
 *
 *     rate ×= 1 − distance · (delay − target) / target − trend · (delay − delay before) / target
 *
 * It is a rate rather than a share of what comes, because what comes depends on who was refused before: those who were told to wait come back
 * together. The rate stays known for some windows after it was last needed, so that their return does not have to stand for a window first.
 *
 * Laws: nothing is refused unless a whole window was above the target less than `QUIET_WINDOWS` ago or since when it was needed again, nor while the delay is below
 * `NOT_LATE` of the target; the rate is never below one request per step; whatever it is told, it is above 0 and no NaN.
 */
export class Shedder {
  /** Requests a second; Infinity: there is no limit. */
  rate: number = Infinity
  #spec: OverloadSpec | undefined
  #bucket = 0
  #delayMs = 0
  #toldMs = -Infinity
  #beganMs = -Infinity
  #endsMs = -Infinity
  #leastMs = Infinity
  #beforeMs = 0
  #quietMs = 0
  #admitted = 0
  /** Of those who were not early: what tells of the rate. */
  #refused = 0
  /** Somebody early was. */
  #needed = false

  /** undefined: nothing is refused. */
  configure(spec: OverloadSpec | undefined): void {
    if (spec?.delayMs === this.#spec?.delayMs && spec?.windowMs === this.#spec?.windowMs) return
    this.#spec = spec
    this.#endsMs = -Infinity
    this.rate = Infinity
  }

  /** How late the shard is now; to be told at least once per window while there is anything to do. */
  observe(nowMs: number, delayMs: number): void {
    const spec = this.#spec
    if (spec === undefined || !(delayMs >= 0) || !Number.isFinite(nowMs)) return
    if (nowMs < this.#toldMs || this.#endsMs === -Infinity) this.#begin(nowMs, spec.windowMs)
    const untoldMs = nowMs - this.#toldMs
    this.#toldMs = nowMs
    this.#fill(untoldMs, spec)
    // Told nothing for longer than a window: nothing came, and nothing waited.
    if (nowMs >= this.#endsMs) this.#turn(nowMs, untoldMs > spec.windowMs ? 0 : this.#leastMs, spec)
    this.#delayMs = delayMs
    if (delayMs < this.#leastMs) this.#leastMs = delayMs
  }

  /** Is this request refused? `early`: its sender was told to wait longer than it did, and is served when the shard is not late. */
  refuses(early: boolean): boolean {
    const spec = this.#spec
    if (spec === undefined) return false
    if (this.rate !== Infinity && this.#delayMs >= spec.delayMs * NOT_LATE) {
      if (early) {
        this.#needed = true
        return true
      }
      if (this.#bucket < 1) {
        this.#refused++
        return true
      }
      this.#bucket--
    }
    this.#admitted++
    return false
  }

  #begin(nowMs: number, forMs: number): void {
    this.#toldMs = nowMs
    this.#beganMs = nowMs
    this.#endsMs = nowMs + forMs
    this.#leastMs = Infinity
    this.#admitted = 0
    this.#refused = 0
    this.#needed = false
  }

  #turn(nowMs: number, leastMs: number, spec: OverloadSpec): void {
    const forMs = nowMs - this.#beganMs
    if (this.rate !== Infinity) this.#move(leastMs, forMs, spec)
    else if (leastMs > spec.delayMs) {
      this.#quietMs = 0
      this.#beforeMs = leastMs
      this.#bucket = 0
      this.rate = Math.max(leastRate(spec), ((this.#admitted * 1000) / forMs) * ONSET)
    }
    this.#begin(nowMs, this.rate === Infinity ? spec.windowMs : stepMs(spec))
  }

  #move(leastMs: number, forMs: number, spec: OverloadSpec): void {
    const { delayMs: targetMs, windowMs } = spec
    const delayMs = Math.min(leastMs, targetMs * (1 + FAR))
    const late = (GAIN.distance * (delayMs - targetMs) + GAIN.trend * (delayMs - this.#beforeMs)) / targetMs
    this.#beforeMs = delayMs
    this.#quietMs = this.#needed || this.#refused > 0 || delayMs > targetMs ? 0 : this.#quietMs + forMs
    if (this.#quietMs > QUIET_WINDOWS * windowMs) {
      this.rate = Infinity
      return
    }
    // A limit that nobody met says nothing of what the shard could do.
    if (late < 0 && this.#refused === 0) return
    this.rate *= 1 - Math.max(-STEP.up, Math.min(STEP.down, late))
    this.rate = Math.min(MOST, Math.max(leastRate(spec), this.rate))
  }

  #fill(forMs: number, spec: OverloadSpec): void {
    if (this.rate === Infinity) return
    const depth = Math.max(1, (this.rate * stepMs(spec)) / 1000)
    this.#bucket = Math.min(depth, this.#bucket + (forMs * this.rate) / 1000)
  }
}

/** What is refused shows in the delay as soon as the queue of before is worked off. */
function stepMs({ delayMs, windowMs }: OverloadSpec): number {
  return Math.min(delayMs, windowMs)
}

function leastRate(spec: OverloadSpec): number {
  return 1000 / stepMs(spec)
}
