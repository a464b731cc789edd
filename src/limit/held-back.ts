import type { Rng } from '../base/random.ts'

/** Least and most for which somebody is held back, in ms; up to half as long again (`JITTER`), so that those who came together do not come back together. */
const HELD_MS = { least: 1000, most: 6000 }
const JITTER = 0.5
/** Those who ask again at once may be refused again at this part of the rate that is served: refusing is not free. */
const AGAIN = 0.1
/** For so long who is let go again counts as early: what it sent meanwhile comes then. */
const EARLY_MS = 150

/**
 * Who was refused and is not read for a while: less than it was asked to wait (`retryAfterS`), so whoever heeds that notices nothing, and what others send sooner
 * waits in the kernel, where it costs nothing. The more are held back the longer it takes, so that reading and refusing them again and again
 * stays a small part of the work.
 *
 * Time is counted in turns. Laws: each is given back once, after its time and within a turn of it, in whatever order; who is told `retryAfterS` is given back before.
 */
export class HeldBack<T> {
  readonly #rng: Rng
  readonly #turnMs: number
  /** By the turn in which they are let go: a ring. */
  readonly #byTurn: T[][]
  /** By the turn in which that is forgotten, in the order of their turns. */
  readonly #early = new Map<T, number>()
  #turn = 0
  #holdMs = HELD_MS.least
  count = 0

  constructor(rng: Rng, turnMs: number) {
    this.#rng = rng
    this.#turnMs = turnMs
    this.#byTurn = Array.from({ length: Math.ceil((HELD_MS.most * (1 + JITTER)) / turnMs) + 1 }, () => [])
  }

  /** The least that who is held back now is to be told, in seconds. */
  get retryAfterS(): number {
    return Math.ceil((this.#holdMs * (1 + JITTER)) / 1000)
  }

  hold(who: T): void {
    const turns = Math.floor((this.#holdMs * (1 + this.#rng.next() * JITTER)) / this.#turnMs)
    this.#byTurn[(this.#turn + turns) % this.#byTurn.length]!.push(who)
    this.count++
  }

  /** Did it send something before its time was up? True once. */
  wasEarly(who: T): boolean {
    return this.#early.size > 0 && this.#early.delete(who)
  }

  /** A turn is over: call `release` for each whose time is up. `ratePerS`: requests that are served, Infinity if that has no limit. */
  turn(ratePerS: number, release: (who: T) => void): void {
    this.#turn++
    for (const [who, turn] of this.#early) {
      if (turn > this.#turn) break
      this.#early.delete(who)
    }
    const due = this.#byTurn[this.#turn % this.#byTurn.length]!
    for (const who of due) {
      release(who)
      this.#early.delete(who)
      this.#early.set(who, this.#turn + Math.ceil(EARLY_MS / this.#turnMs))
    }
    this.count -= due.length
    due.length = 0
    const againMs = (this.count / (ratePerS * AGAIN)) * 1000
    this.#holdMs = Math.max(HELD_MS.least, Math.min(HELD_MS.most, againMs))
  }
}
