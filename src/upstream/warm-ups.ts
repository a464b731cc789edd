import type { SlowStartSpec } from '../config/snapshot.ts'
import { FeedbackWarmth, warmthOverTime } from '../health/slow-start.ts'
import type { WarmthFacts } from '../health/slow-start.ts'

type WarmUp = {
  readonly sinceMs: number
  /** Share of its weight that it has had before: it begins there. */
  readonly floor: number
  feedback: FeedbackWarmth | undefined
}

/**
 * Which endpoints of a cluster warm up on this shard. The health actor says so (state `warming`), but its word comes after the facts: an endpoint
 * that a reload brings or an operator enables is pickable at once, so the shard that sees it come into service begins its slow start itself.
 */
export class WarmUps {
  readonly #bySlot = new Map<number, WarmUp>()

  /** It came into service, or (`floor` above 0) its weight grew, of which it had this share before. */
  begin(slot: number, nowMs: number, floor = 0): void {
    this.#bySlot.set(slot, { sinceMs: nowMs, floor, feedback: undefined })
  }

  /** It is out of service. */
  forget(slot: number): void {
    this.#bySlot.delete(slot)
  }

  /** Share of its weight that an endpoint in service is due. `saidSinceMs`: since when it is warming by the health actor's word; -1: it is not. */
  warmth(spec: SlowStartSpec, slot: number, saidSinceMs: number, clock: WarmClock): number {
    const warmUp = this.#current(slot, saidSinceMs)
    if (warmUp === undefined) return 1
    const warmth = Math.max(warmUp.floor, warmthOf(spec, warmUp, slot, clock))
    if (warmth >= 1 && saidSinceMs < 0) this.#bySlot.delete(slot)
    return warmth
  }

  /** The later of what was seen here and what is said; the word on a weight that grew knows how much of it was there before. */
  #current(slot: number, saidSinceMs: number): WarmUp | undefined {
    const seen = this.#bySlot.get(slot)
    if (saidSinceMs < 0) return seen
    if (seen !== undefined && seen.floor === 0 && seen.sinceMs >= saidSinceMs) return seen
    const said: WarmUp = { sinceMs: saidSinceMs, floor: 0, feedback: undefined }
    this.#bySlot.set(slot, said)
    return said
  }
}

/** What a slow start goes by. */
export type WarmClock = {
  readonly nowMs: number
  readonly facts: (slot: number) => WarmthFacts
}

const warmthOf = (spec: SlowStartSpec, warmUp: WarmUp, slot: number, { nowMs, facts }: WarmClock): number => {
  if (spec.by === 'time') return warmthOverTime(spec, warmUp.sinceMs, nowMs)
  warmUp.feedback ??= new FeedbackWarmth(spec, nowMs, facts(slot))
  return warmUp.feedback.update(nowMs, facts(slot))
}
