import type { SlowStartSpec } from '../config/snapshot.ts'

/** Steps of the feedback-driven curve per window: from the smallest share of 1/256 up, all of the weight is reached in one. */
const STEPS = 8

/** An endpoint does no worse than the cluster as long as it fails at most so much more (as a share of its answers) … */
const ERROR_MARGIN = 0.05
/** … and takes at most so many times as long, … */
const LATENCY_FACTOR = 1.5
/** … or so many milliseconds longer: what is fast enough may be slower. */
const LATENCY_FLOOR_MS = 5

/**
 * Slow start over time: the share of its weight that an endpoint is due `sinceMs` its return, `max(min, (t/T)^(1/aggression))`, as
 * Envoy has it. Law: within min … 1, and it never falls as time passes. A clock that went back (or a mark from the future) counts as the beginning.
 */
export const warmthOverTime = (spec: SlowStartSpec, sinceMs: number, nowMs: number): number => {
  const passed = nowMs - sinceMs
  if (passed >= spec.windowMs) return 1
  if (!(passed > 0)) return spec.min
  const share = passed / spec.windowMs
  return Math.max(spec.min, spec.aggression === 1 ? share : share ** (1 / spec.aggression))
}

/** What a step of feedback is decided by: totals that only grow, of the endpoint and of its whole cluster, over all shards. */
export type WarmthFacts = {
  readonly succeeded: number
  readonly failed: number
  readonly latencySumMs: number
  readonly clusterSucceeded: number
  readonly clusterFailed: number
  readonly clusterLatencySumMs: number
}

/**
 * Slow start by feedback, of one endpoint: every eighth of the window its share doubles if in that time it failed no more and answered no
 * slower than the rest of the cluster, and halves if it did worse (after D2 of LinkedIn). Nothing answered in a step teaches nothing: the share stays
 * where it is, but for a cluster in which nobody is asked anything, where it grows, for nothing speaks against it.
 *
 * Law: within min … 1, and no step changes it by more than a factor of 2, whatever the clock does.
 */
export class FeedbackWarmth {
  share: number
  readonly #spec: SlowStartSpec
  #stepAtMs: number
  readonly #last: { -readonly [K in keyof WarmthFacts]: number }

  constructor(spec: SlowStartSpec, nowMs: number, facts: WarmthFacts) {
    this.#spec = spec
    this.share = spec.min
    this.#stepAtMs = nowMs
    this.#last = { ...facts }
  }

  /** Take the step that is due, if one is. One at most per call: time that nobody looked at is no proof of anything. */
  update(nowMs: number, facts: WarmthFacts): number {
    const passed = nowMs - this.#stepAtMs
    if (passed < 0) this.#stepAtMs = nowMs
    if (!(passed >= this.#spec.windowMs / STEPS)) return this.share
    this.#stepAtMs = nowMs
    const verdict = compare(this.#last, facts)
    Object.assign(this.#last, facts)
    if (verdict > 0) this.share = Math.min(1, this.share * 2)
    else if (verdict < 0) this.share = Math.max(this.#spec.min, this.share / 2)
    return this.share
  }
}

/** 1: the endpoint did no worse than the others; -1: it did; 0: nobody knows. */
const compare = (before: WarmthFacts, now: WarmthFacts): number => {
  const succeeded = grown(before.succeeded, now.succeeded)
  const failed = grown(before.failed, now.failed)
  const othersSucceeded = grown(before.clusterSucceeded, now.clusterSucceeded) - succeeded
  const othersFailed = grown(before.clusterFailed, now.clusterFailed) - failed
  const asked = succeeded + failed
  const othersAsked = othersSucceeded + othersFailed
  if (asked === 0) return othersAsked > 0 ? 0 : 1
  const errors = failed / asked
  const othersErrors = othersAsked > 0 ? othersFailed / othersAsked : 0
  if (errors > othersErrors + ERROR_MARGIN) return -1
  if (succeeded === 0 || othersSucceeded <= 0) return 1
  const latencyMs = grown(before.latencySumMs, now.latencySumMs)
  const othersMs = (grown(before.clusterLatencySumMs, now.clusterLatencySumMs) - latencyMs) / othersSucceeded
  const bearable = Math.max(othersMs * LATENCY_FACTOR, othersMs + LATENCY_FLOOR_MS)
  return latencyMs / succeeded > bearable ? -1 : 1
}

/** Totals only grow; one that fell was begun anew (a slot's next tenant), so nothing is known of the time between. */
const grown = (before: number, now: number): number => Math.max(0, now - before)
