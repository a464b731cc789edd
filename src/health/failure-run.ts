/**
 * Failures in a row over the whole fleet, in the order of the moments at which they happened, whatever the order in which the shards'
 * words of them arrive. Law: after any set of records, `length` is what one sees who has them all sorted by time (and by arrival
 * where times are equal): the failures behind the last success, as far as `limit` needs them.
 *
 * A failure more than `gapMs` before the next one counts no more: what happened long ago is no run.
 */
export class FailureRun {
  readonly limit: number
  readonly #gapMs: number
  /** Times of the last failures behind the last success, ascending; at most `limit`. */
  readonly #times: number[] = []
  #successAt = -Infinity

  constructor(limit: number, gapMs: number) {
    this.limit = limit
    this.#gapMs = gapMs
  }

  success(at: number): void {
    if (at < this.#successAt) return
    this.#successAt = at
    const times = this.#times
    let gone = 0
    while (gone < times.length && times[gone]! <= at) gone++
    if (gone > 0) times.splice(0, gone)
  }

  failure(at: number): void {
    if (at < this.#successAt) return
    const times = this.#times
    let place = times.length
    while (place > 0 && times[place - 1]! > at) place--
    times.splice(place, 0, at)
    if (times.length > this.limit) times.shift()
  }

  /** Failures in a row up to now, at most `limit`. */
  get length(): number {
    const times = this.#times
    let first = times.length - 1
    while (first > 0 && times[first]! - times[first - 1]! <= this.#gapMs) first--
    return first < 0 ? 0 : times.length - first
  }

  get tripped(): boolean {
    return this.length >= this.limit
  }

  /** When the last of them happened; -Infinity if there is none. */
  get lastAt(): number {
    return this.#times.at(-1) ?? -Infinity
  }

  clear(): void {
    this.#times.length = 0
  }
}
