/** How fast a client must be while it is waited for. */
export type PaceLimits = {
  /** 0: as slow as it likes. */
  readonly bytesPerSecond: number
  /** How far it may fall behind that, in ms of waiting. */
  readonly graceMs: number
}

/** Its pace is looked at so many times per grace. */
const LOOKS = 4
const STOPPED = -1

/**
 * A stop watch and a credit: time for which the client is waited for is taken from the credit, and each byte that moves, then or meanwhile, gives back what it
 * may take at the least rate; never more than the grace, so that nobody saves up for being slow later. Who has none left is too slow. Whoever
 * never falls below the rate for a grace at a time is never cut, however unevenly it sends. Times are monotonic ms; `bytes` is a reading
 * of all that ever moved, or negative: there is none to be had, and nothing is known.
 */
export class Pace {
  #bytesPerMs = 0
  #graceMs = 0
  #creditMs = 0
  #sinceMs = STOPPED
  /** The last reading; -1 before there was one. */
  #bytes = -1

  /** The whole credit, and nobody is waited for. */
  begin({ bytesPerSecond, graceMs }: PaceLimits): void {
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#graceMs = graceMs
    this.#creditMs = graceMs
    this.#sinceMs = STOPPED
    this.#bytes = -1
  }

  /** There is a least rate. */
  get limited(): boolean {
    return this.#bytesPerMs > 0
  }

  get running(): boolean {
    return this.#sinceMs !== STOPPED
  }

  /** When to look again; Infinity while nobody is waited for. */
  get dueMs(): number {
    if (!this.running) return Infinity
    return this.#sinceMs + Math.min(Math.max(0, this.#creditMs), this.#graceMs / LOOKS)
  }

  get spent(): boolean {
    return this.limited && this.#creditMs <= 0
  }

  /** The client is waited for, from now on or still. */
  run(nowMs: number, bytes: number): void {
    this.#settle(this.running ? nowMs - this.#sinceMs : 0, bytes)
    this.#sinceMs = nowMs
  }

  /** It was waited for until now. */
  stop(nowMs: number, bytes: number): void {
    this.#settle(this.running ? nowMs - this.#sinceMs : 0, bytes)
    this.#sinceMs = STOPPED
  }

  /** It is not waited for, and since when is not known: the time since the last look is forgiven. */
  excuse(bytes: number): void {
    this.#settle(0, bytes)
    this.#sinceMs = STOPPED
  }

  #settle(waitedMs: number, bytes: number): void {
    const earnedMs = this.#bytes < 0 ? 0 : Math.max(0, bytes - this.#bytes) / this.#bytesPerMs
    this.#creditMs = Math.min(this.#graceMs, this.#creditMs - waitedMs + earnedMs)
    this.#bytes = Math.max(this.#bytes, bytes)
  }
}
