import type { ClusterSpec, EndpointSpec } from '../config/snapshot.ts'
import { warmthOverTime } from '../health/slow-start.ts'
import { ADMIN_STATES, ENDPOINT_STATE, ENDPOINT_STATES, HEALTH_REASONS } from '../health/states.ts'
import type { AdminState, EndpointState, HealthReason } from '../health/states.ts'
import { sumGauge } from '../shm/fleet.ts'
import type { Fleet } from '../shm/fleet.ts'
import { GAUGE } from '../shm/layout.ts'
import type { Verdict } from '../shm/tables.ts'
import { DIMENSIONS, ENDPOINT_TABLE } from '../telemetry/catalogue.ts'
import { EndpointColumns } from './endpoint-columns.ts'
import type { EndpointFacts } from './facts-shape.ts'

/** Time constant of costs under policies that do not name one. */
const COST_DECAY_MS = 10_000

/** How an endpoint stands with the balancer: what it is in, why, and what that leaves of its weight. */
export type Standing = {
  readonly state: EndpointState
  readonly why: HealthReason
  readonly verdict: Verdict
  readonly admin: AdminState
  /** Patched or configured. */
  readonly weight: number
  readonly warmth: number
  /** May be picked while health is heeded. */
  readonly eligible: boolean
  /** Health is not heeded in its cluster now. */
  readonly panic: boolean
  /** What balancing goes by; 0: it is not picked. */
  readonly effectiveWeight: number
}

const PICKABLE: ReadonlySet<EndpointState> = new Set<EndpointState>(['ready', 'warming', 'suspect'])

/** What an operator wants stands above what the health actor says, from the moment it is wanted. */
const OPERATOR: Readonly<Record<AdminState, readonly [EndpointState, HealthReason] | undefined>> = {
  ready: undefined,
  drain: ['draining', 'an operator drains it'],
  down: ['down', 'an operator took it down'],
}

export class EndpointReader {
  readonly #fleet: Fleet
  readonly #columns: EndpointColumns

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.#columns = new EndpointColumns(fleet)
  }

  /** Index-aligned with the cluster's endpoints. */
  standings(cluster: ClusterSpec, nowMs: number): readonly Standing[] {
    const standings = cluster.endpoints.map((endpoint) => this.#standing(cluster, endpoint, nowMs))
    const candidates = standings.filter(({ admin, weight }) => admin === 'ready' && weight > 0)
    const eligible = candidates.filter((standing) => standing.eligible)
    if (eligible.length >= cluster.panic * candidates.length) return standings
    return standings.map((standing) => ({
      ...standing,
      panic: true,
      effectiveWeight: standing.admin === 'ready' ? weightIn(standing) : 0,
    }))
  }

  facts(
    cluster: ClusterSpec,
    endpoint: EndpointSpec,
    standing: Standing,
    { nowMs, wallMs }: { readonly nowMs: number; readonly wallMs: number },
  ): EndpointFacts {
    const { address, configured, priority, zone } = endpoint
    const { verdict } = standing
    const instant = (atMs: number): string | null =>
      atMs > 0 ? new Date(wallMs - (nowMs - atMs)).toISOString() : null
    return {
      address,
      configured,
      source: address === configured ? 'configuration' : 'dns',
      priority,
      zone,
      state: standing.state,
      why: standing.why,
      since: instant(verdict.sinceMs),
      ejections: verdict.ejections,
      ejectedUntil: instant(verdict.ejectedUntilMs),
      admin: standing.admin,
      weight: standing.weight,
      configuredWeight: endpoint.weight,
      effectiveWeight: round(standing.effectiveWeight),
      warmth: round(standing.warmth),
      share: round(verdict.share),
      ...this.#counted(endpoint),
      ...this.#measured(cluster, endpoint, nowMs),
    }
  }

  #standing({ slowStart }: ClusterSpec, endpoint: EndpointSpec, nowMs: number): Standing {
    const verdict = this.#columns.verdict(endpoint)
    const word = this.#columns.admin(endpoint)
    const admin = ADMIN_STATES[word.state] ?? 'ready'
    const judged = ENDPOINT_STATES[verdict.state] ?? 'ready'
    const [state, why] = OPERATOR[admin] ?? [judged, HEALTH_REASONS[verdict.reason] ?? HEALTH_REASONS[0]]
    const weight = Number.isNaN(word.weight) ? endpoint.weight : word.weight
    const warms = slowStart !== undefined && verdict.state === ENDPOINT_STATE.warming
    const warmth = warms ? warmthOverTime(slowStart, verdict.sinceMs, nowMs) : 1
    const eligible = weight > 0 && PICKABLE.has(state)
    const standing = { state, why, verdict, admin, weight, warmth, eligible, panic: false }
    return { ...standing, effectiveWeight: eligible ? weightIn(standing) : 0 }
  }

  /** By the shards, as they go. */
  #counted({ id }: EndpointSpec): Pick<EndpointFacts, Counted> {
    const { column, width } = ENDPOINT_TABLE
    const total = (at: number): number =>
      this.#fleet.stripes.reduce((sum, stripe) => sum + (stripe.endpoints[id * width + at] ?? 0), 0)
    const byLabel = (dimension: 'failure' | 'code', first: number): Record<string, number> =>
      Object.fromEntries(
        DIMENSIONS[dimension].map((labels, at) => [labels[dimension] ?? '', total(first + at)]),
      )
    const gauge = (at: number): number => sumGauge(this.#fleet, 'endpointGauges', id, at)
    const responses = byLabel('code', column.responses)
    const all = Object.values(responses).reduce((sum, count) => sum + count, 0)
    const answered = all - (responses['none'] ?? 0)
    return {
      inFlight: gauge(GAUGE.inFlight),
      waiting: gauge(GAUGE.waiting),
      connections: { open: gauge(GAUGE.open), idle: gauge(GAUGE.idle) },
      picks: total(column.picks),
      successes: total(column.successes),
      failures: byLabel('failure', column.failures),
      responses,
      firstByteMs: { mean: answered === 0 ? null : round(total(column.latencyMs) / answered) },
    }
  }

  /** What balancing goes by. */
  #measured(
    { policy }: ClusterSpec,
    endpoint: EndpointSpec,
    nowMs: number,
  ): Pick<EndpointFacts, 'cost' | 'load' | 'probe'> {
    const decayMs = policy.options['decayMs']
    const cost = this.#columns.cost(endpoint, typeof decayMs === 'number' ? decayMs : COST_DECAY_MS)
    const load = this.#columns.reported(endpoint)
    const probe = this.#columns.probed(endpoint)
    const age = (atMs: number): number => Math.max(0, Math.round(nowMs - atMs))
    return {
      cost: cost === undefined ? null : { ms: round(cost.cost), ageMs: age(cost.atMs) },
      load:
        load === undefined
          ? null
          : {
              utilisation: load.utilisation,
              requestsPerSecond: load.qps,
              errorsPerSecond: load.eps,
              source: load.source,
              ageMs: age(load.atMs),
            },
      probe:
        probe === undefined
          ? null
          : { inFlight: probe.rif, latencyMs: probe.latencyMs, ageMs: age(probe.atMs) },
    }
  }
}

type Counted =
  | 'inFlight'
  | 'waiting'
  | 'connections'
  | 'picks'
  | 'successes'
  | 'failures'
  | 'responses'
  | 'firstByteMs'

function weightIn({ weight, warmth, verdict }: Pick<Standing, 'weight' | 'warmth' | 'verdict'>): number {
  return weight * warmth * verdict.share
}

function round(value: number): number {
  return Number(value.toPrecision(5))
}
