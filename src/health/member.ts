import type { EndpointSpec, OutlierSpec, SlowStartSpec } from '../config/snapshot.ts'
import { CheckRun, PassRun } from './checks.ts'
import type { EndpointLife } from './endpoint.ts'
import { Evidence } from './outliers.ts'
import { FeedbackWarmth } from './slow-start.ts'
import type { WarmthFacts } from './slow-start.ts'

/** Answers below 500 and their latency, and failed attempts: of an endpoint, or of a cluster. */
export class Totals {
  succeeded = 0
  failed = 0
  latencySumMs = 0

  answered(status: number, firstByteMs: number): void {
    if (status >= 500) this.failed++
    else {
      this.succeeded++
      this.latencySumMs += firstByteMs
    }
  }
}

/** What the health actor keeps of one endpoint of a cluster. */
export class Member {
  spec: EndpointSpec
  /** Configured or patched. */
  weight: number
  /** By agent: the share of its weight, 0…1. */
  share = 1
  readonly life: EndpointLife
  readonly checks: CheckRun
  readonly recovery: PassRun = new PassRun()
  readonly totals: Totals = new Totals()
  evidence: Evidence
  #feedback: FeedbackWarmth | undefined

  constructor(spec: EndpointSpec, life: EndpointLife, outliers: OutlierSpec) {
    this.spec = spec
    this.weight = spec.weight
    this.life = life
    this.checks = new CheckRun(life.checksDown)
    this.evidence = new Evidence(outliers, -Infinity)
  }

  /** It counts where shares of the cluster are reckoned: nobody took it out on purpose. */
  get counts(): boolean {
    return this.weight > 0 && this.life.wish.state === 'ready'
  }

  /** It came back: what was before counts no more. */
  anew(nowMs: number): void {
    this.evidence.clear(nowMs)
    this.recovery.reset()
    this.#feedback = undefined
  }

  /** Slow start is over. */
  isWarm(spec: SlowStartSpec, cluster: Totals, nowMs: number): boolean {
    if (spec.by === 'time') return nowMs - this.life.sinceMs >= spec.windowMs
    const facts: WarmthFacts = {
      succeeded: this.totals.succeeded,
      failed: this.totals.failed,
      latencySumMs: this.totals.latencySumMs,
      clusterSucceeded: cluster.succeeded,
      clusterFailed: cluster.failed,
      clusterLatencySumMs: cluster.latencySumMs,
    }
    this.#feedback ??= new FeedbackWarmth(spec, nowMs, facts)
    return this.#feedback.update(nowMs, facts) >= 1
  }
}
