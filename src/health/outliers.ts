import type { OutlierSpec } from '../config/snapshot.ts'
import { FAULT } from '../shm/observation.ts'
import { FailureRun } from './failure-run.ts'
import { LatencyEvidence } from './latency.ts'
import type { HealthReason } from './states.ts'
import { SlidingWindow } from './window.ts'

/** The classes of evidence, each with its own rule, weight and decay. */
const CLASSES = ['connect', 'http', 'latency'] as const
export type EvidenceClass = (typeof CLASSES)[number]

/** The reason with what it rests on, for people: `consecutive connection failures (3)`. */
export type Ground = { readonly reason: HealthReason; readonly detail: string }

/** Suspicion from which an endpoint is suspect, and below which it is trusted again; from 1 on it is to be ejected. */
export const DOUBT_AT = 0.5
export const TRUST_BELOW = 0.25
export const EJECT_AT = 1

type Trip = { atMs: number; ground: Ground }

/**
 * What the exchanges of one endpoint say against it. A class whose rule trips weighs its `weight` from then on, decaying over `decayMs`;
 * the suspicion is the sum over the classes, so a class of weight 1 suffices alone and lighter ones must agree.
 */
export class Evidence {
  readonly latency: LatencyEvidence | undefined
  readonly #spec: OutlierSpec
  readonly #connects: FailureRun | undefined
  readonly #errors: FailureRun | undefined
  readonly #requests: SlidingWindow | undefined
  readonly #trips = new Map<EvidenceClass, Trip>()
  /** Exchanges that began before it do not count: they are the past the endpoint has already paid for. */
  #sinceMs: number

  constructor(spec: OutlierSpec, sinceMs: number) {
    const { connect, http, latency } = spec
    this.#spec = spec
    this.#sinceMs = sinceMs
    if (connect !== undefined) this.#connects = new FailureRun(connect.consecutive, connect.decayMs)
    if (http !== undefined) {
      this.#errors = new FailureRun(http.consecutive, http.decayMs)
      this.#requests = new SlidingWindow(http.windowMs)
    }
    if (latency !== undefined) this.latency = new LatencyEvidence(latency)
  }

  /** A failed attempt of class `FAULT` that took so long. Whether a rule tripped by it. */
  failure(fault: number, atMs: number, tookMs: number): boolean {
    if (atMs - tookMs < this.#sinceMs) return false
    if (fault <= FAULT.closed) return this.#connectFailed(atMs)
    this.latency?.spoke(atMs)
    return this.#error(atMs)
  }

  /** An answer. Whether a rule tripped by it. */
  response(status: number, atMs: number, firstByteMs: number, tookMs: number): boolean {
    if (atMs - tookMs < this.#sinceMs) return false
    this.#connects?.success(atMs)
    if (status >= 500) {
      this.latency?.spoke(atMs)
      return this.#error(atMs)
    }
    this.latency?.answered(atMs, firstByteMs)
    this.#errors?.success(atMs)
    this.#requests?.add(atMs, 0)
    return false
  }

  /** The latency rule tripped: it is a matter of the whole cluster (`latency.ts`). */
  slow(atMs: number, detail: string): void {
    this.#trips.set('latency', { atMs, ground: { reason: 'latency above the cluster', detail } })
  }

  /** 0…: what speaks against it now. */
  suspicion(nowMs: number): number {
    let sum = 0
    for (const name of CLASSES) sum += this.#weightOf(name, nowMs)
    return Math.max(sum, this.#brink(nowMs))
  }

  /** What weighs most. */
  ground(nowMs: number): Ground {
    let best: Ground | undefined
    let most = 0
    for (const name of CLASSES) {
      const weight = this.#weightOf(name, nowMs)
      if (weight <= most) continue
      most = weight
      best = this.#trips.get(name)?.ground
    }
    if (best !== undefined) return best
    const connects = this.#connects?.length ?? 0
    const errors = this.#errors?.length ?? 0
    return connects > 0 ? connectGround(connects) : errorGround(errors)
  }

  /** Begin anew: only exchanges begun from now on count. */
  clear(sinceMs: number): void {
    this.#sinceMs = sinceMs
    this.#trips.clear()
    this.#connects?.clear()
    this.#errors?.clear()
    this.#requests?.clear()
    this.latency?.clear()
  }

  #connectFailed(atMs: number): boolean {
    const run = this.#connects
    if (run === undefined) return false
    run.failure(atMs)
    if (!run.tripped) return false
    this.#trips.set('connect', { atMs, ground: connectGround(run.length) })
    return true
  }

  #error(atMs: number): boolean {
    const rule = this.#spec.http
    const run = this.#errors
    const requests = this.#requests
    if (rule === undefined || run === undefined || requests === undefined) return false
    run.failure(atMs)
    requests.add(atMs, 1)
    if (run.tripped) this.#trips.set('http', { atMs, ground: errorGround(run.length) })
    if (run.tripped) return true
    requests.total(atMs)
    if (requests.count < rule.minRequests || requests.sum < rule.ratio * requests.count) return false
    const detail = `${requests.sum} of ${requests.count}`
    this.#trips.set('http', { atMs, ground: { reason: 'ratio of HTTP errors', detail } })
    return true
  }

  #weightOf(name: EvidenceClass, nowMs: number): number {
    const rule = this.#spec[name]
    const trip = this.#trips.get(name)
    if (rule === undefined || trip === undefined) return 0
    return rule.weight * Math.exp(-Math.max(0, nowMs - trip.atMs) / Math.max(1, rule.decayMs))
  }

  /** A run that is on its way to its rule: below 1 by construction. */
  #brink(nowMs: number): number {
    const { connect, http } = this.#spec
    return Math.max(brinkOf(this.#connects, connect, nowMs), brinkOf(this.#errors, http, nowMs))
  }
}

const brinkOf = (
  run: FailureRun | undefined,
  rule: { readonly decayMs: number } | undefined,
  nowMs: number,
): number => {
  if (run === undefined || rule === undefined || run.length === 0 || run.tripped) return 0
  return (run.length / run.limit) * Math.exp(-Math.max(0, nowMs - run.lastAt) / Math.max(1, rule.decayMs))
}

const connectGround = (count: number): Ground => ({
  reason: 'consecutive connection failures',
  detail: String(count),
})

const errorGround = (count: number): Ground => ({ reason: 'consecutive HTTP errors', detail: String(count) })
