import { BELIEF, beliefRow, EARLIEST_MS, keepRecord } from './beliefs.ts'
import type { LoadReport } from './beliefs.ts'
import { BroadcastWriter } from './broadcast.ts'
import type { Fleet } from './fleet.ts'
import type { OtherActor } from './layout.ts'
import { OBSERVATION, REPORT_SOURCE } from './observation.ts'
import { ClusterLimit } from './tables.ts'
import type { AdminTable, AdminWord, LimitTable, Verdict, VerdictTable } from './tables.ts'

/** Whom a record is about. */
export type Tenant = { readonly slot: number; readonly generation: number }

/** A ring's producer with a clock that never goes back. */
class Voice {
  protected readonly writer: BroadcastWriter
  #nowMs: number = EARLIEST_MS

  constructor(fleet: Fleet, who: OtherActor) {
    this.writer = new BroadcastWriter(fleet.ring(who))
  }

  /** Time of what is said next, ms on the machine's monotonic clock. */
  get nowMs(): number {
    return this.#nowMs
  }

  set nowMs(nowMs: number) {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
  }

  /** Begin a record with all of a…d 0. */
  protected begin(word0: number, slot: number, generation: number): number {
    const { doubles } = this.writer
    const at = this.writer.reserve(word0, slot, generation)
    doubles[at + 2] = this.#nowMs
    for (let each = 3; each < 7; each++) doubles[at + each] = 0
    return at
  }
}

/** The health actor's publishing side: what it says stands in its tables first. Set `nowMs` before. */
export class HealthVoice extends Voice {
  readonly #verdicts: VerdictTable
  readonly #limits: LimitTable
  readonly #beliefs: Float64Array
  readonly #limit: ClusterLimit = new ClusterLimit()

  constructor(fleet: Fleet) {
    super(fleet, 'health')
    this.#verdicts = fleet.verdicts
    this.#limits = fleet.limits
    this.#beliefs = fleet.healthBeliefs
  }

  verdict(slot: number, verdict: Verdict): void {
    this.#verdicts.write(slot, verdict)
    const { state, reason } = verdict
    const at = this.begin(OBSERVATION.verdict | (state << 8) | (reason << 16), slot, verdict.generation)
    const { doubles } = this.writer
    doubles[at + 3] = verdict.sinceMs
    doubles[at + 4] = verdict.share
    doubles[at + 5] = verdict.ejections
    doubles[at + 6] = verdict.ejectedUntilMs
    this.writer.publish()
  }

  /** What an agent said of its server's load. */
  report(tenant: Tenant, load: LoadReport): void {
    const { slot, generation } = tenant
    const row = beliefRow(this.#beliefs, slot, generation)
    if (row < 0) return
    const at = this.begin(OBSERVATION.report | (REPORT_SOURCE.agent << 8), slot, generation)
    const { doubles } = this.writer
    doubles[at + 3] = load.utilisation
    doubles[at + 4] = load.qps
    doubles[at + 5] = load.eps
    this.#beliefs[row + BELIEF.source] = REPORT_SOURCE.agent
    keepRecord(doubles, at, this.#beliefs, row + BELIEF.reportedAt)
    this.writer.publish()
  }

  /** A Prequal probe came back: the server's requests in flight and its latency at that load. */
  probed(tenant: Tenant, rif: number, latencyMs: number): void {
    const { slot, generation } = tenant
    const row = beliefRow(this.#beliefs, slot, generation)
    if (row < 0) return
    const at = this.begin(OBSERVATION.probe, slot, generation)
    const { doubles } = this.writer
    doubles[at + 3] = rif
    doubles[at + 4] = latencyMs
    doubles[at + 5] = this.#beliefs[row + BELIEF.probeSeq]! + 1
    keepRecord(doubles, at, this.#beliefs, row + BELIEF.probedAt)
    this.writer.publish()
  }

  /** `max` exchanges may be under way in the cluster; Infinity: no limit. */
  limit(cluster: number, max: number): void {
    this.#limit.max = max
    this.#limits.write(cluster, this.#limit)
    const at = this.begin(OBSERVATION.limit, cluster, 0)
    this.writer.doubles[at + 3] = max
    this.writer.publish()
  }
}

/** Main's publishing side: an operator's word, in the table first. Set `nowMs` before. */
export class MainVoice extends Voice {
  readonly #admin: AdminTable

  constructor(fleet: Fleet) {
    super(fleet, 'main')
    this.#admin = fleet.admin
  }

  admin(slot: number, word: AdminWord): void {
    this.#admin.write(slot, word)
    const at = this.begin(OBSERVATION.admin | (word.state << 8), slot, word.generation)
    this.writer.doubles[at + 3] = word.weight
    this.writer.publish()
  }
}
