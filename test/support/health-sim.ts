import { seededRng } from '../../src/base/random.ts'
import type {
  ClusterSpec,
  EndpointSpec,
  HealthSpec,
  OutlierSpec,
  SlowStartSpec,
  Snapshot,
} from '../../src/config/snapshot.ts'
import { FleetHealth } from '../../src/health/fleet.ts'
import type { ProbeOrder } from '../../src/health/fleet.ts'
import { ENDPOINT_STATES, HEALTH_REASONS } from '../../src/health/states.ts'
import type { AdminState, EndpointState } from '../../src/health/states.ts'
import { Verdict } from '../../src/shm/tables.ts'
import { clusterSpec } from './specs.ts'

/** A change of an endpoint as it went into its row. */
export type Change = {
  readonly slot: number
  readonly atMs: number
  readonly state: EndpointState
  readonly reason: string
  readonly ejections: number
  readonly ejectedUntilMs: number
}

export const OUTLIERS: OutlierSpec = {
  connect: { consecutive: 3, weight: 1, decayMs: 30_000 },
  http: { consecutive: 5, ratio: 0.5, minRequests: 20, windowMs: 30_000, weight: 1, decayMs: 30_000 },
  latency: { windowMs: 300_000, factor: 3, floorMs: 100, minRequests: 20, weight: 1, decayMs: 30_000 },
  maxEjected: 0.5,
  ejectionMs: 10_000,
  maxEjectionMs: 60_000,
  jitter: 0.2,
  recoverAfter: 2,
  recoverIntervalMs: 1000,
}

export const HEALTH: HealthSpec = {
  probe: { kind: 'tcp' },
  intervalMs: 2000,
  downIntervalMs: 1000,
  timeoutMs: 1000,
  rise: 2,
  fall: 3,
  spread: 0.2,
  precheck: true,
}

export const SLOW_START: SlowStartSpec = { windowMs: 5000, aggression: 1, min: 0.1, by: 'time' }

type Wish = { readonly state: AdminState; readonly weight: number }
type Outstanding = { readonly count: number; readonly startSumMs: number }

/** The health of a fleet in virtual time: rows outlive the brain, probes are answered by whoever asks. */
export class HealthSim {
  nowMs = 1000
  brain: FleetHealth
  snapshot: Snapshot
  readonly changes: Change[] = []
  readonly warnings: string[] = []
  readonly cancelled: ProbeOrder[] = []
  readonly rows: Map<number, Verdict> = new Map<number, Verdict>()
  readonly wishes: Map<number, Wish> = new Map<number, Wish>()
  readonly inFlight: Map<number, Outstanding> = new Map<number, Outstanding>()
  refused = 0
  readonly #seed: number

  constructor(seed: number, clusters: readonly ClusterSpec[], maxPerSecond = 1000) {
    this.#seed = seed
    this.snapshot = snapshotOf(clusters, maxPerSecond)
    this.brain = this.#newBrain()
    this.brain.apply(this.snapshot, this.nowMs)
  }

  /** A new configuration. */
  reload(clusters: readonly ClusterSpec[]): void {
    this.snapshot = snapshotOf(clusters, this.snapshot.probes.maxPerSecond)
    this.brain.apply(this.snapshot, this.nowMs)
  }

  /** The actor died; its successor has the rows and nothing else. */
  restart(): void {
    this.brain = this.#newBrain()
    this.brain.apply(this.snapshot, this.nowMs)
  }

  state(slot: number): EndpointState {
    return ENDPOINT_STATES[this.rows.get(slot)?.state ?? 0] ?? 'ready'
  }

  reason(slot: number): string {
    return HEALTH_REASONS[this.rows.get(slot)?.reason ?? 0] ?? ''
  }

  /** Slots that may be picked. */
  inService(): readonly number[] {
    const slots = this.snapshot.clusters.flatMap(({ endpoints }) => endpoints.map(({ id }) => id))
    return slots.filter((slot) => ['ready', 'warming', 'suspect'].includes(this.state(slot)))
  }

  wish(slot: number, state: AdminState, weight: number = NaN): void {
    this.wishes.set(slot, { state, weight })
    this.brain.heed(slot, this.nowMs)
  }

  answer(slot: number, status = 200, tookMs = 1): void {
    this.brain.response(slot, status, this.nowMs, { firstByteMs: tookMs, totalMs: tookMs })
  }

  refuse(slot: number): void {
    this.brain.failure(slot, 0, this.nowMs, 0)
  }

  /** Let time pass in rounds, probes answered at once as `passes` says. */
  pass(ms: number, passes: (slot: number, order: ProbeOrder) => boolean = () => true, roundMs = 20): void {
    const untilMs = this.nowMs + ms
    while (this.nowMs < untilMs) {
      this.nowMs = Math.min(untilMs, this.nowMs + roundMs)
      this.brain.tick(this.nowMs)
      for (
        let order = this.brain.nextProbe(this.nowMs);
        order !== undefined;
        order = this.brain.nextProbe(this.nowMs)
      ) {
        const passed = passes(order.endpoint.id, order)
        this.brain.probed(order, { passed, detail: 'said so', agent: undefined }, this.nowMs)
      }
    }
  }

  #newBrain(): FleetHealth {
    return new FleetHealth({
      rng: seededRng(this.#seed),
      inFlight: (slot) => this.inFlight.get(slot)?.count ?? 0,
      startSumMs: (slot) => this.inFlight.get(slot)?.startSumMs ?? 0,
      admin: ({ id }: EndpointSpec) => this.wishes.get(id) ?? { state: 'ready', weight: NaN },
      verdict: ({ id, generation }) => {
        const row = this.rows.get(id)
        return row?.generation === generation ? Object.assign(new Verdict(), row) : undefined
      },
      cancel: (order) => void this.cancelled.push(order),
      sink: {
        changed: (_cluster, { spec, life, share }) => {
          const { state, reason, sinceMs, ejections, ejectedUntilMs } = life
          const row = {
            generation: spec.generation,
            state,
            reason,
            sinceMs,
            ejections,
            ejectedUntilMs,
            share,
          }
          this.rows.set(spec.id, Object.assign(new Verdict(), row))
          this.changes.push({
            slot: spec.id,
            atMs: this.nowMs,
            state: ENDPOINT_STATES[state] ?? 'ready',
            reason: HEALTH_REASONS[reason] ?? '',
            ejections,
            ejectedUntilMs,
          })
        },
        warn: (_cluster, message) => void this.warnings.push(message),
        ejected: () => {},
        refusedByBudget: () => void this.refused++,
      },
    })
  }
}

/** What the health actor reads of a snapshot. */
function snapshotOf(clusters: readonly ClusterSpec[], maxPerSecond: number): Snapshot {
  return { version: 1, clusters, probes: { maxPerSecond } } as unknown as Snapshot
}

export const healthCluster = (count: number, more: Partial<ClusterSpec> = {}): ClusterSpec =>
  clusterSpec({
    endpoints: Array.from({ length: count }, (_, id) => ({
      id,
      generation: 0,
      address: `10.0.0.${id}:80`,
      configured: `10.0.0.${id}:80`,
      weight: 1,
      priority: 0,
      zone: '',
      labels: {},
    })),
    ...more,
  })
