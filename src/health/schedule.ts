import type { Rng } from '../base/random.ts'
import { DueQueue } from './due-queue.ts'
import type { RateCap } from './rate-cap.ts'

/** How often, and what share of that (0…0.5) the distance of two probes may differ from it at random. */
export type Cadence = { readonly intervalMs: number; readonly spread: number }

type Target = {
  cadence: Cadence
  /** Where in the interval its turn is, 0…1. */
  readonly phase: number
  /** Its turn on the grid, without jitter. */
  turnMs: number
  underWay: boolean
}

/** 1/φ: multiples of it, modulo 1, lie as evenly as points can that come one by one (Steinhaus's three gaps). */
const GOLDEN = 0.618_033_988_749_894_9

/**
 * When whom to probe. Every target has its place in the interval, so that the probes of a group are even over it, whoever comes and goes; around
 * its turn there is jitter of half the spread, so that two probes are interval × (1 ± spread) apart.
 *
 * Laws: at most one probe of a target is under way; nothing starts beyond the cap; what is late waits, the longest due first; a turn that was missed is not
 * made up for, so no storm follows a start, a pause or a jump of the clock.
 */
export class ProbeSchedule {
  readonly #targets = new Map<number, Target>()
  readonly #queue = new DueQueue()
  readonly #rng: Rng
  /** Times `next` found somebody due and the cap reached. */
  capped = 0
  /** Group → where the next of its targets is placed. */
  readonly #places = new Map<number, number>()

  constructor(rng: Rng) {
    this.#rng = rng
  }

  /** Targets planned. */
  get size(): number {
    return this.#targets.size
  }

  /**
   * Probe `id` (of `group`) at this cadence from now on, for the first time within one interval and not before `fromMs`. Of a target
   * that is known the cadence changes; its place and the probe under way stay.
   */
  plan(id: number, group: number, cadence: Cadence, fromMs: number): void {
    const known = this.#targets.get(id)
    if (known !== undefined) {
      if (known.cadence.intervalMs === cadence.intervalMs && known.cadence.spread === cadence.spread) return
      known.cadence = cadence
      if (!known.underWay) this.#arm(id, known, fromMs, fromMs)
      return
    }
    const target = { cadence, phase: this.#place(group), turnMs: -Infinity, underWay: false }
    this.#targets.set(id, target)
    this.#arm(id, target, fromMs, fromMs)
  }

  /** Not before this moment, and then at once; its turns go on from there. */
  at(id: number, dueMs: number): void {
    const target = this.#targets.get(id)
    if (target === undefined || target.underWay) return
    target.turnMs = dueMs
    this.#queue.set(id, dueMs)
  }

  /** Probe it no more. One that is under way is the caller's to end. */
  remove(id: number): void {
    this.#targets.delete(id)
    this.#queue.delete(id)
  }

  has(id: number): boolean {
    return this.#targets.has(id)
  }

  /** A target to probe now, which counts as under way until `done`; -1: nobody is due, or the cap is reached. */
  next(nowMs: number, cap: RateCap): number {
    if (this.#queue.firstDueMs() > nowMs) return -1
    if (!cap.take(nowMs)) {
      this.capped++
      return -1
    }
    const id = this.#queue.take()
    const target = this.#targets.get(id)
    if (target !== undefined) target.underWay = true
    return id
  }

  /** When `next` may have somebody, the cap aside. */
  nextDueMs(): number {
    return this.#queue.firstDueMs()
  }

  /** The probe of a target is over; its turn comes again. */
  done(id: number, nowMs: number): void {
    const target = this.#targets.get(id)
    if (target === undefined || !target.underWay) return
    target.underWay = false
    this.#arm(id, target, Math.max(nowMs, target.turnMs + target.cadence.intervalMs / 2), nowMs)
  }

  #arm(id: number, target: Target, afterMs: number, nowMs: number): void {
    const { intervalMs, spread } = target.cadence
    const turns = Math.floor(afterMs / intervalMs - target.phase) + 1
    target.turnMs = (turns + target.phase) * intervalMs
    const jitterMs = (this.#rng.next() - 0.5) * spread * intervalMs
    this.#queue.set(id, Math.max(nowMs, target.turnMs + jitterMs))
  }

  #place(group: number): number {
    const place = this.#places.get(group) ?? this.#rng.next()
    this.#places.set(group, (place + GOLDEN) % 1)
    return place
  }
}
