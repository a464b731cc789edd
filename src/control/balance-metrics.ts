import type { Snapshot } from '../config/snapshot.ts'
import { ADMIN_STATES, ENDPOINT_STATES } from '../health/states.ts'
import type { Fleet } from '../shm/fleet.ts'
import { ringCounts } from '../shm/ring.ts'
import type { Labels, MetricFamily, MetricType, Sample } from '../telemetry/exposition.ts'
import type { ClusterReader } from './cluster-facts.ts'
import type { ClusterFacts, EndpointFacts } from './facts-shape.ts'
import type { ExplainCounts } from './explain-feed.ts'

type Of<T> = { readonly labels: Labels; readonly facts: T }
type Gauge<T> = readonly [name: string, help: string, read: (facts: T) => number | null]

/** What is true of an endpoint now. Null: not known, so no sample. */
const ENDPOINT_GAUGES: readonly Gauge<EndpointFacts>[] = [
  ['weir_endpoint_weight', 'Weight as patched by an operator or configured.', ({ weight }) => weight],
  [
    'weir_endpoint_effective_weight',
    'Weight in effect: after slow start and back-pressure, 0 where it is not picked.',
    ({ effectiveWeight }) => effectiveWeight,
  ],
  [
    'weir_endpoint_cost_seconds',
    'Exponentially weighted cost of an exchange, as it was last computed.',
    ({ cost }) => (cost === null ? null : cost.ms / 1000),
  ],
  [
    'weir_endpoint_reported_utilisation_ratio',
    'Utilisation as the server last reported it.',
    ({ load }) => load?.utilisation ?? null,
  ],
  [
    'weir_endpoint_reported_age_seconds',
    'Age of what the server last reported.',
    ({ load }) => (load === null ? null : load.ageMs / 1000),
  ],
  ['weir_endpoint_ejections', 'Ejections that lengthen the next one.', ({ ejections }) => ejections],
]

const CLUSTER_GAUGES: readonly Gauge<ClusterFacts>[] = [
  [
    'weir_cluster_panic',
    '1 while health is not heeded: too few are healthy.',
    ({ panic }) => Number(panic.now),
  ],
  ['weir_cluster_endpoints', 'Endpoints.', ({ size }) => size],
  [
    'weir_cluster_endpoints_healthy',
    'Endpoints that may be picked, health heeded.',
    ({ healthy }) => healthy,
  ],
  [
    'weir_cluster_retry_budget_used',
    'Retries and hedges in the window of 10 s.',
    ({ retryBudget }) => retryBudget.used,
  ],
  [
    'weir_cluster_retry_budget_allowed',
    'Retries and hedges that the window of 10 s allows in all.',
    ({ retryBudget }) => retryBudget.allowed,
  ],
  [
    'weir_cluster_adaptive_limit',
    'Exchanges that may be under way, as adapted.',
    ({ limits }) => limits.adaptive,
  ],
]

/** How the balancer sees the fleet now: of every endpoint its state, weight and load, of every cluster what holds of it as a whole. */
export function balanceFamilies(snapshot: Snapshot, reader: ClusterReader): readonly MetricFamily[] {
  const clusters = reader
    .all(snapshot)
    .clusters.map((facts): Of<ClusterFacts> => ({ labels: { cluster: facts.name }, facts }))
  const endpoints = clusters.flatMap(({ labels, facts }) =>
    facts.endpoints.map((each): Of<EndpointFacts> => {
      return { labels: { ...labels, endpoint: each.address }, facts: each }
    }),
  )
  return [
    ...CLUSTER_GAUGES.map((gauge) => gaugeFamily(gauge, clusters)),
    stateFamily('weir_endpoint_state', ENDPOINT_STATES, endpoints, ({ state }) => state),
    stateFamily('weir_endpoint_admin_state', ADMIN_STATES, endpoints, ({ admin }) => admin),
    ...ENDPOINT_GAUGES.map((gauge) => gaugeFamily(gauge, endpoints)),
  ]
}

function gaugeFamily<T>([name, help, read]: Gauge<T>, subjects: readonly Of<T>[]): MetricFamily {
  const samples = subjects.flatMap(({ labels, facts }) => {
    const value = read(facts)
    return value === null ? [] : [{ labels, value }]
  })
  return family(name, 'gauge', help, samples)
}

/** One sample per state, 1 for the one it is in. */
function stateFamily(
  name: 'weir_endpoint_state' | 'weir_endpoint_admin_state',
  states: readonly string[],
  endpoints: readonly Of<EndpointFacts>[],
  stateOf: (facts: EndpointFacts) => string,
): MetricFamily {
  const help =
    name === 'weir_endpoint_state'
      ? '1 for the state the endpoint is in.'
      : '1 for what an operator wants of it.'
  const samples = endpoints.flatMap(({ labels, facts }) =>
    states.map((state) => ({ labels: { ...labels, state }, value: Number(stateOf(facts) === state) })),
  )
  return family(name, 'gauge', help, samples)
}

/** Decision records: what the shards wrote and had to drop, what telemetry keeps of them. */
export function explainFamilies(fleet: Fleet, counts: ExplainCounts): readonly MetricFamily[] {
  const written = (field: 'records' | 'dropped'): readonly Sample[] =>
    fleet.live
      .filter(({ explain }) => explain.capacity > 0)
      .map(({ shard, explain }) => ({ labels: { shard: String(shard) }, value: ringCounts(explain)[field] }))
  return [
    family('weir_explain_records_total', 'counter', 'Decision records written.', written('records')),
    family(
      'weir_explain_dropped_total',
      'counter',
      'Decision records dropped because they were not read in time.',
      written('dropped'),
    ),
    family('weir_explain_malformed_total', 'counter', 'Decision records that could not be read.', [
      { value: counts.malformed },
    ]),
    family('weir_explain_kept', 'gauge', 'Decision records that can be asked for.', [
      { labels: { kept: 'failed' }, value: counts.failed },
      { labels: { kept: 'sampled' }, value: counts.sampled },
    ]),
    family('weir_explain_kept_bytes', 'gauge', 'Their size, as text.', [{ value: counts.chars }]),
  ]
}

function family(name: string, type: MetricType, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, type, help, samples }
}
