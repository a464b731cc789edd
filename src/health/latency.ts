import type { OutlierSpec } from '../config/snapshot.ts'
import { SlidingWindow, WINDOW_BUCKETS } from './window.ts'

export type LatencyRule = NonNullable<OutlierSpec['latency']>

/** What is under way at an endpoint over all shards: how many, the sum of their start times (ms), and when another endpoint of the cluster last answered. */
export type Outstanding = {
  readonly inFlight: number
  readonly startSumMs: number
  readonly othersAnsweredAt: number
  /** The longest answer of the cluster, to its last byte, in the window: so long silence means nothing. */
  readonly longestMs: number
}

/** As many exchanges without an answer are no coincidence. */
const STUCK_EXCHANGES = 3

/** Latency of one endpoint's answers below 500 in the window: what fails, however fast, never makes it look good (fasthttp PR #865). */
export class LatencyEvidence {
  /** When it last said anything. */
  answeredAt: number = -Infinity
  readonly #window: SlidingWindow

  constructor(rule: LatencyRule) {
    this.#window = new SlidingWindow(rule.windowMs)
  }

  answered(atMs: number, firstByteMs: number): void {
    this.#window.add(atMs, firstByteMs)
    this.answeredAt = Math.max(this.answeredAt, atMs)
  }

  /** Something came back, if only an error: it is not stuck. */
  spoke(atMs: number): void {
    this.answeredAt = Math.max(this.answeredAt, atMs)
  }

  /**
   * Mean latency in the window, ms; NaN with fewer answers than the rule asks for. While the endpoint says nothing, the age of
   * what it owes counts as if it had answered just now.
   */
  mean(rule: LatencyRule, outstanding: Outstanding, nowMs: number): number {
    const window = this.#window
    window.total(nowMs)
    if (window.count < rule.minRequests) return NaN
    const mean = window.sum / window.count
    const silentMs = this.#silentMs(outstanding, nowMs)
    if (silentMs <= Math.max(mean, outstanding.longestMs)) return mean
    const owed = outstanding.inFlight
    return Math.max(mean, (window.sum + owed * silentMs) / (window.count + owed))
  }

  /** For how long several exchanges have had no answer at all, if that is longer than any answer of the cluster took and over what a slow one may take by one bucket of the window; else 0. */
  stuckMs(rule: LatencyRule, outstanding: Outstanding, boundMs: number, nowMs: number): number {
    if (outstanding.inFlight < STUCK_EXCHANGES) return 0
    const silentMs = this.#silentMs(outstanding, nowMs)
    const leastMs = Math.max(outstanding.longestMs, boundMs + rule.windowMs / WINDOW_BUCKETS)
    return silentMs > leastMs ? silentMs : 0
  }

  clear(): void {
    this.#window.clear()
  }

  /**
   * For how long others answered while this one did not: from the mean start of what it owes, or its last answer if that is later, until
   * the others' last answer. In a lull everybody is silent.
   */
  #silentMs({ inFlight, startSumMs, othersAnsweredAt }: Outstanding, nowMs: number): number {
    if (inFlight <= 0) return 0
    const fromMs = Math.max(startSumMs / inFlight, this.answeredAt)
    return Math.max(0, Math.min(nowMs, othersAnsweredAt) - fromMs)
  }
}

/** The largest of what was noted in the last one to two windows. */
export class RecentMax {
  readonly #windowMs: number
  #number = -Infinity
  #present = 0
  #before = 0

  constructor(windowMs: number) {
    this.#windowMs = Math.max(1, windowMs)
  }

  note(atMs: number, value: number): void {
    this.#turn(atMs)
    if (value > this.#present) this.#present = value
  }

  at(nowMs: number): number {
    this.#turn(nowMs)
    return Math.max(this.#present, this.#before)
  }

  #turn(nowMs: number): void {
    const number = Math.floor(nowMs / this.#windowMs)
    if (number <= this.#number) return
    this.#before = number === this.#number + 1 ? this.#present : 0
    this.#present = 0
    this.#number = number
  }
}

/** The median of the numbers that are none of NaN, the lower one of two; NaN of none. */
export const lowerMedian = (values: readonly number[]): number => {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1] ?? NaN
}

/** The latency above which an endpoint is an outlier of a cluster with this median: both the factor and the floor above it. */
export const latencyBoundMs = (medianMs: number, { factor, floorMs }: LatencyRule): number =>
  Math.max(medianMs * factor, medianMs + floorMs)
