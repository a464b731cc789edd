import { costModelOf } from '../balance/cost.ts'
import { endpointHash } from '../balance/identity.ts'
import { planSets } from '../balance/sets.ts'
import type { Plan, PlannedSet } from '../balance/sets.ts'
import { subsetOf } from '../balance/subset.ts'
import type { ClusterSpec, EndpointSpec } from '../config/snapshot.ts'
import { warmthOverTime } from '../health/slow-start.ts'
import {
  ABSENT_REASONS,
  ADMIN_STATES,
  ENDPOINT_STATE,
  ENDPOINT_STATES,
  HEALTH_REASONS,
} from '../health/states.ts'
import type { AdminState, EndpointState, HealthReason } from '../health/states.ts'
import { sumGauge } from '../shm/fleet.ts'
import type { Fleet } from '../shm/fleet.ts'
import { GAUGE } from '../shm/layout.ts'
import type { Verdict } from '../shm/tables.ts'
import { DIMENSIONS, ENDPOINT_TABLE } from '../telemetry/catalogue.ts'
import { EndpointColumns } from './endpoint-columns.ts'
import type { EndpointFacts } from './facts-shape.ts'

/** How an endpoint stands with the balancer: what it is in, why, and what that leaves of its weight. */
export type Standing = {
  readonly state: EndpointState
  readonly why: HealthReason
  readonly verdict: Verdict
  readonly admin: AdminState
  /** Patched or configured. */
  readonly weight: number
  /** Null: each shard goes by what it sees. */
  readonly warmth: number | null
  /** Of the subset that this proxy uses. */
  readonly inSubset: boolean
  /** May be picked while health is heeded. */
  readonly healthy: boolean
  /** It may be picked in a panic at least. */
  readonly usable: boolean
  /** Nobody is there. */
  readonly absent: boolean
}

export type Standings = {
  /** Index-aligned with the cluster's endpoints. */
  readonly endpoints: readonly Standing[]
  /** Whom requests go to, as shards plan it. */
  readonly plan: Plan
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

  standings(cluster: ClusterSpec, nowMs: number): Standings {
    const { endpoints, locality, panic } = cluster
    const used = new Set(
      subsetOf(
        endpoints.map(({ address, priority }) => ({ hash: endpointHash(address), priority })),
        cluster.subset,
      ),
    )
    const standings = endpoints.map((endpoint, at) => this.#standing(cluster, endpoint, used.has(at), nowMs))
    const members = standings.map((standing, at) => {
      const { priority, zone, labels } = endpoints[at]!
      const weight = standing.weight * standing.verdict.share
      return { ...standing, weight, warmth: standing.warmth ?? 1, priority, zone, labels }
    })
    return { endpoints: standings, plan: planSets(members, { locality, panic }) }
  }

  facts(
    cluster: ClusterSpec,
    endpoint: EndpointSpec,
    { standing, set }: { readonly standing: Standing; readonly set: PlannedSet | undefined },
    { nowMs, wallMs }: { readonly nowMs: number; readonly wallMs: number },
  ): EndpointFacts {
    const { address, configured, priority, zone } = endpoint
    const { verdict, weight, warmth } = standing
    const instant = (atMs: number): string | null =>
      atMs > 0 ? new Date(wallMs - (nowMs - atMs)).toISOString() : null
    return {
      address,
      configured,
      source: address === configured ? 'configuration' : 'dns',
      priority,
      zone,
      set: set?.name ?? null,
      inSubset: standing.inSubset,
      state: standing.state,
      why: standing.why,
      since: instant(verdict.sinceMs),
      ejections: verdict.ejections,
      ejectedUntil: instant(verdict.ejectedUntilMs),
      admin: standing.admin,
      weight,
      configuredWeight: endpoint.weight,
      effectiveWeight: set === undefined ? 0 : round(weight * (warmth ?? 1) * verdict.share),
      warmth: warmth === null ? null : round(warmth),
      share: round(verdict.share),
      ...this.#counted(endpoint),
      ...this.#measured(cluster, endpoint, nowMs),
    }
  }

  #standing({ slowStart }: ClusterSpec, endpoint: EndpointSpec, inSubset: boolean, nowMs: number): Standing {
    const verdict = this.#columns.verdict(endpoint)
    const word = this.#columns.admin(endpoint)
    const admin = ADMIN_STATES[word.state] ?? 'ready'
    const judged = ENDPOINT_STATES[verdict.state] ?? 'ready'
    const [state, why] = OPERATOR[admin] ?? [judged, reasonOf(verdict)]
    const weight = Number.isNaN(word.weight) ? endpoint.weight : word.weight
    const warms = verdict.state === ENDPOINT_STATE.warming
    const warmth = warms ? warmthOf(slowStart, verdict.sinceMs, nowMs) : 1
    const usable = inSubset && weight * verdict.share > 0 && admin === 'ready'
    const healthy = usable && PICKABLE.has(state)
    const absent = !PICKABLE.has(state) && ABSENT_REASONS.has(verdict.reason)
    return { state, why, verdict, admin, weight, warmth, inSubset, healthy, usable, absent }
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
      shadowPicks: total(column.shadowPicks),
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
    const cost = this.#columns.cost(endpoint, costModelOf(policy).decayMs)
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
  | 'shadowPicks'
  | 'successes'
  | 'failures'
  | 'responses'
  | 'firstByteMs'

/** Enabled, and the health actor, which alone knows what its checks found meanwhile, has not brought it back yet. */
function reasonOf({ reason }: Verdict): HealthReason {
  const why = HEALTH_REASONS[reason] ?? HEALTH_REASONS[0]
  const isOperators = OPERATOR.drain?.[1] === why || OPERATOR.down?.[1] === why
  return isOperators ? 'an operator enabled it' : why
}

function warmthOf(spec: ClusterSpec['slowStart'], sinceMs: number, nowMs: number): number | null {
  if (spec === undefined) return 1
  return spec.by === 'time' ? warmthOverTime(spec, sinceMs, nowMs) : null
}

function round(value: number): number {
  return Number(value.toPrecision(5))
}
