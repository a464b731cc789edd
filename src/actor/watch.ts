/** What a look found: nothing new; silent for longer than the limit; heard again, and lastingly. */
export const SIGN = { none: 0, silent: 1, heard: 2 } as const
export type Sign = (typeof SIGN)[keyof typeof SIGN]

/** Looks without a beat that it takes at least to call somebody silent. */
const LEAST_LOOKS = 2

/**
 * Who has not been heard for too long, by heartbeats in shared memory: no clock, no memory of its own making, one object for many subjects.
 *
 * Laws (properties/watch.test.ts):
 * - nobody is called silent who beat within the limit;
 * - one look counts for half of the limit at most: whoever watches and was itself away (a stopped process, a crowded machine) accuses nobody;
 * - who does not beat is called silent within the limit and three looks, once;
 * - who is heard again is said to be so after the limit's time without another gap: somebody who stumbles does not flap.
 */
export class Watch {
  #limitMs: number
  readonly #beats: Float64Array
  readonly #looks: Float64Array
  readonly #silentMs: Float64Array
  /** When a silent one was heard again; Infinity: not yet. */
  readonly #heardAtMs: Float64Array
  readonly #isSilent: Uint8Array
  readonly #isWatched: Uint8Array

  constructor(size: number, limitMs: number) {
    this.#limitMs = limitMs
    this.#beats = new Float64Array(size)
    this.#looks = new Float64Array(size)
    this.#silentMs = new Float64Array(size)
    this.#heardAtMs = new Float64Array(size)
    this.#isSilent = new Uint8Array(size)
    this.#isWatched = new Uint8Array(size)
  }

  set limitMs(limitMs: number) {
    this.#limitMs = limitMs
  }

  /** A life begins; it counts as heard now. */
  begin(subject: number, nowMs: number): void {
    this.#looks[subject] = nowMs
    this.#beats[subject] = 0
    this.#silentMs[subject] = 0
    this.#heardAtMs[subject] = Infinity
    this.#isSilent[subject] = 0
    this.#isWatched[subject] = 1
  }

  end(subject: number): void {
    this.#isWatched[subject] = 0
  }

  isWatched(subject: number): boolean {
    return this.#isWatched[subject] === 1
  }

  isSilent(subject: number): boolean {
    return this.#isWatched[subject] === 1 && this.#isSilent[subject] === 1
  }

  /** It has been silent for a while: worth a closer look. */
  isBehind(subject: number): boolean {
    const isLate = this.#isSilent[subject] === 1 || this.#silentMs[subject]! >= this.#limitMs / 8
    return this.#isWatched[subject] === 1 && isLate
  }

  /** `beatMs`: its last heartbeat. Both times of one monotonic clock. */
  look(subject: number, beatMs: number, nowMs: number): Sign {
    if (this.#isWatched[subject] === 0) return SIGN.none
    const stepMs = this.#limitMs / LEAST_LOOKS
    const gapMs = Math.max(0, nowMs - this.#looks[subject]!)
    this.#looks[subject] = nowMs
    if (beatMs !== this.#beats[subject]) {
      this.#beats[subject] = beatMs
      this.#silentMs[subject] = Math.min(stepMs, gapMs, Math.max(0, nowMs - beatMs))
      return this.#isSilent[subject] === 1 ? this.#heard(subject, nowMs) : SIGN.none
    }
    this.#silentMs[subject]! += Math.min(stepMs, gapMs)
    if (this.#silentMs[subject]! <= this.#limitMs) {
      return this.#isSilent[subject] === 1 ? this.#heard(subject, nowMs) : SIGN.none
    }
    this.#heardAtMs[subject] = Infinity
    if (this.#isSilent[subject] === 1) return SIGN.none
    this.#isSilent[subject] = 1
    return SIGN.silent
  }

  #heard(subject: number, nowMs: number): Sign {
    this.#heardAtMs[subject] = Math.min(this.#heardAtMs[subject]!, nowMs)
    if (nowMs - this.#heardAtMs[subject] < this.#limitMs) return SIGN.none
    this.#isSilent[subject] = 0
    this.#heardAtMs[subject] = Infinity
    return SIGN.heard
  }
}
