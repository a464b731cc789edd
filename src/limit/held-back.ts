import type { Rng } from '../base/random.ts'

/** Least and most for which somebody is held back, in ms; up to half as long again (`JITTER`), so that those who came together do not come back together. */
const HELD_MS = { least: 1000, most: 5800 }
const JITTER = 0.5
/** Those who ask again at once may be refused again at this part of the rate that is served: refusing is not free. */
const AGAIN = 0.1
/** For so long who is let go again counts as early: what it sent meanwhile comes then. */
const EARLY_MS = 150
/** Who comes when it was told to must not count as early, though a late shard's turns be twice as far apart. */
const MARGIN_MS = 2 * EARLY_MS

/**
 * Who was refused and is not read for a while: less than it was asked to wait (`retryAfterS`), so whoever heeds that notices nothing, and what others send sooner
 * waits in the kernel, where it costs nothing. The more are held back the longer it takes, so that reading and refusing them again and again
 * stays a small part of the work; who has left meanwhile does not count.
 *
 * Turns are no measure of time: a shard that is late takes fewer. Laws: each is given back once, in the first turn after its time, in whatever order, however far
 * apart the turns are; who is told `retryAfterS` is given back before, or in the first turn from then on.
 */
export class HeldBack<T> {
  readonly #rng: Rng
  readonly #turnMs: number
  /** By when they are let go, in `turnMs`: a ring. */
  readonly #byTick: Set<T>[]
  /** Where in the ring each is. */
  readonly #slots = new Map<T, number>()
  /** By the turn in which that is forgotten, in the order of their turns. */
  readonly #early = new Map<T, number>()
  /** When the latest turn was, in `turnMs`. */
  #tick: number
  #turn = 0
  #holdMs = HELD_MS.least

  constructor(rng: Rng, turnMs: number, nowMs: number) {
    this.#rng = rng
    this.#turnMs = turnMs
    this.#tick = Math.floor(nowMs / turnMs)
    this.#byTick = Array.from(
      { length: Math.ceil((HELD_MS.most * (1 + JITTER)) / turnMs) + 1 },
      () => new Set<T>(),
    )
  }

  get count(): number {
    return this.#slots.size
  }

  /** The least that who is held back now is to be told, in seconds. */
  get retryAfterS(): number {
    return Math.ceil((this.#holdMs * (1 + JITTER) + MARGIN_MS) / 1000)
  }

  hold(who: T): void {
    const ticks = Math.floor((this.#holdMs * (1 + this.#rng.next() * JITTER)) / this.#turnMs)
    this.#remove(who)
    const slot = (this.#tick + ticks) % this.#byTick.length
    this.#byTick[slot]!.add(who)
    this.#slots.set(who, slot)
  }

  /** It is given back now: what it sent meanwhile comes early. */
  release(who: T): void {
    if (this.#remove(who)) this.#isEarly(who)
  }

  /** It is gone. */
  forget(who: T): void {
    this.#remove(who)
    this.#early.delete(who)
  }

  /** Did it send something before its time was up? True once. */
  wasEarly(who: T): boolean {
    return this.#early.size > 0 && this.#early.delete(who)
  }

  /** A turn: call `release` for each whose time is up. `ratePerS`: requests that are served, Infinity if that has no limit. */
  turn(nowMs: number, ratePerS: number, release: (who: T) => void): void {
    this.#turn++
    for (const [who, turn] of this.#early) {
      if (turn > this.#turn) break
      this.#early.delete(who)
    }
    const tick = Math.floor(nowMs / this.#turnMs)
    this.#tick = Math.max(this.#tick, tick - this.#byTick.length) // once round the ring is all of it
    while (this.#tick < tick) this.#letGo(this.#byTick[++this.#tick % this.#byTick.length]!, release)
    const againMs = (this.count / (ratePerS * AGAIN)) * 1000
    this.#holdMs = Math.max(HELD_MS.least, Math.min(HELD_MS.most, againMs))
  }

  #letGo(due: Set<T>, release: (who: T) => void): void {
    for (const who of due) {
      this.#slots.delete(who)
      release(who)
      this.#isEarly(who)
    }
    due.clear()
  }

  #isEarly(who: T): void {
    this.#early.delete(who)
    this.#early.set(who, this.#turn + Math.ceil(EARLY_MS / this.#turnMs))
  }

  /** False: it is not held back. */
  #remove(who: T): boolean {
    const slot = this.#slots.get(who)
    if (slot === undefined) return false
    this.#byTick[slot]!.delete(who)
    return this.#slots.delete(who)
  }
}
