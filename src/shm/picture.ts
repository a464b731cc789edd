import { CostMerge, NewestMerge, SumMerge } from './merge.ts'
import type { FleetShape } from './layout.ts'

/**
 * The fleet as one actor sees it, by endpoint slot (`limit`: by cluster slot): plain local arrays, which only a `FleetView` writes.
 * Times are ms on the machine's monotonic clock, -1: never.
 */
export class FleetPicture {
  /** Exchanges under way over all *other* shards, and Σ of their start times, ms. One's own are in one's own voice, to the instant. */
  readonly inFlight: Float64Array
  readonly startSum: Float64Array
  /** Largest cost over all shards, one's own too, as it stood at `costAtMs`. */
  readonly cost: Float64Array
  readonly costAtMs: Float64Array
  readonly utilisation: Float64Array
  readonly reportedQps: Float64Array
  readonly reportedEps: Float64Array
  /** `REPORT_SOURCE`. */
  readonly reportSource: Uint8Array
  readonly reportedAtMs: Float64Array
  readonly probedRif: Float64Array
  readonly probedLatencyMs: Float64Array
  readonly probedAtMs: Float64Array
  /** Probes of all producers so far. */
  readonly probeSeq: Float64Array
  /** `ENDPOINT_STATE`, `HEALTH_REASON`. */
  readonly state: Uint8Array
  readonly reason: Uint8Array
  readonly sinceMs: Float64Array
  /** Of its weight, by agent or back-pressure, 0…1. */
  readonly share: Float64Array
  readonly ejections: Float64Array
  readonly ejectedUntilMs: Float64Array
  /** Index in `ADMIN_STATES`. */
  readonly admin: Uint8Array
  /** NaN: as configured. */
  readonly adminWeight: Float64Array
  /** Exchanges that may be under way in the cluster; Infinity: no limit. */
  readonly limit: Float64Array

  protected readonly inFlights: SumMerge
  protected readonly startSums: SumMerge
  protected readonly costs: CostMerge
  protected readonly reports: NewestMerge
  protected readonly probes: NewestMerge
  protected readonly probeSeqs: SumMerge

  /** `producers`: of beliefs. */
  constructor(shape: FleetShape, producers: number) {
    const { endpoints, clusters } = shape
    const numbers = (): Float64Array => new Float64Array(endpoints)
    this.inFlights = new SumMerge(endpoints, producers)
    this.startSums = new SumMerge(endpoints, producers)
    this.costs = new CostMerge(endpoints, producers)
    this.reports = new NewestMerge(endpoints)
    this.probes = new NewestMerge(endpoints)
    this.probeSeqs = new SumMerge(endpoints, producers)
    this.inFlight = this.inFlights.sums
    this.startSum = this.startSums.sums
    this.cost = this.costs.cost
    this.costAtMs = this.costs.atMs
    this.utilisation = numbers()
    this.reportedQps = numbers()
    this.reportedEps = numbers()
    this.reportSource = new Uint8Array(endpoints)
    this.reportedAtMs = this.reports.atMs
    this.probedRif = numbers()
    this.probedLatencyMs = numbers()
    this.probedAtMs = this.probes.atMs
    this.probeSeq = this.probeSeqs.sums
    this.state = new Uint8Array(endpoints)
    this.reason = new Uint8Array(endpoints)
    this.sinceMs = numbers()
    this.share = numbers()
    this.ejections = numbers()
    this.ejectedUntilMs = numbers()
    this.admin = new Uint8Array(endpoints)
    this.adminWeight = numbers()
    this.limit = new Float64Array(clusters).fill(Infinity)
  }

  /** Nothing is known of the slot's tenant, nothing speaks against it. */
  protected blank(slot: number, decayMs: number): void {
    this.inFlights.clear(slot)
    this.startSums.clear(slot)
    this.costs.clear(slot, decayMs)
    this.reports.clear(slot)
    this.probes.clear(slot)
    this.probeSeqs.clear(slot)
    this.utilisation[slot] = 0
    this.reportedQps[slot] = 0
    this.reportedEps[slot] = 0
    this.reportSource[slot] = 0
    this.probedRif[slot] = 0
    this.probedLatencyMs[slot] = 0
    this.state[slot] = 0
    this.reason[slot] = 0
    this.sinceMs[slot] = 0
    this.share[slot] = 1
    this.ejections[slot] = 0
    this.ejectedUntilMs[slot] = 0
    this.admin[slot] = 0
    this.adminWeight[slot] = Number.NaN
  }
}
