import { sumGauge } from '../shm/fleet.ts'
import type { Fleet, Stripe } from '../shm/fleet.ts'
import { GAUGE } from '../shm/layout.ts'
import { ringCounts } from '../shm/ring.ts'
import {
  CLUSTER_HISTOGRAMS,
  CLUSTER_TABLE,
  DIMENSIONS,
  ENDPOINT_TABLE,
  HISTOGRAMS_WIDTH,
  LISTENER_TABLE,
  SHARD_TABLE,
} from './catalogue.ts'
import type { Family, MetricTable } from './catalogue.ts'
import { ENGINE_METRICS } from './engine-metrics.ts'
import { factFamilies } from './fact-metrics.ts'
import { renderValue } from './exposition.ts'
import type { Labels, MetricFamily, Sample } from './exposition.ts'
import {
  cumulativeCounts,
  EXPOSED_BOUNDS,
  HISTOGRAM_WIDTH,
  histogramSum,
  mergeHistogram,
} from './histogram.ts'

/** Who sits in which slot; a `Snapshot` is one. */
export type FleetNames = {
  readonly listeners: readonly { readonly id: number; readonly name: string }[]
  readonly clusters: readonly {
    readonly id: number
    readonly name: string
    readonly endpoints: readonly { readonly id: number; readonly address: string }[]
  }[]
}

/** A row of a table and the labels that name it. */
type Row = { readonly id: number; readonly labels: Labels }

type StripeCounters = 'listeners' | 'clusters' | 'endpoints'
type StripeGauges = 'listenerGauges' | 'clusterGauges' | 'endpointGauges'

/** All that shards record, as metric families: rows summed over the shards, what is of the shard itself per shard. `engineStats`: names in the order of a stripe's `engine`. */
export const fleetFamilies = (
  fleet: Fleet,
  names: FleetNames,
  engineStats: readonly string[],
): MetricFamily[] => {
  const listeners = names.listeners.map(({ id, name }) => ({ id, labels: { listener: name } }))
  const clusters = names.clusters.map(({ id, name }) => ({ id, labels: { cluster: name } }))
  const endpoints = names.clusters.flatMap((cluster) =>
    cluster.endpoints.map(({ id, address }) => ({
      id,
      labels: { cluster: cluster.name, endpoint: address },
    })),
  )
  return [
    ...shardFamilies(fleet),
    ...engineFamilies(fleet, engineStats),
    ...logFamilies(fleet),
    ...factFamilies(fleet),
    ...gaugeFamilies(fleet, 'listenerGauges', 'weir_listener', listeners),
    ...counterFamilies(fleet, 'listeners', LISTENER_TABLE, listeners),
    ...gaugeFamilies(fleet, 'clusterGauges', 'weir_cluster', clusters),
    ...counterFamilies(fleet, 'clusters', CLUSTER_TABLE, clusters),
    ...CLUSTER_HISTOGRAMS.map((family, index) => histogramFamily(fleet, family, index, clusters)),
    ...gaugeFamilies(fleet, 'endpointGauges', 'weir_endpoint', endpoints),
    ...counterFamilies(fleet, 'endpoints', ENDPOINT_TABLE, endpoints),
  ]
}

/** Samples of one row of a family: one, or one per value of its dimension. */
const rowSamples = (
  family: Family & { readonly column: number },
  labels: Labels,
  read: (column: number) => number,
): Sample[] => {
  const divisor = family.milliseconds === true ? 1000 : 1
  if (family.dimension === undefined) return [{ labels, value: read(family.column) / divisor }]
  return DIMENSIONS[family.dimension].map((more, index) => ({
    labels: { ...labels, ...more },
    value: read(family.column + index) / divisor,
  }))
}

const counterFamilies = (
  fleet: Fleet,
  table: StripeCounters,
  { families, width }: MetricTable<string>,
  rows: readonly Row[],
): MetricFamily[] =>
  families.map((family) => ({
    name: family.name,
    help: family.help,
    type: 'counter',
    samples: rows.flatMap(({ id, labels }) =>
      rowSamples(family, labels, (column) => sumOver(fleet, (stripe) => stripe[table][id * width + column]!)),
    ),
  }))

const shardFamilies = (fleet: Fleet): MetricFamily[] =>
  SHARD_TABLE.families.map((family) => ({
    name: family.name,
    help: family.help,
    type: 'counter',
    samples: fleet.live.flatMap((stripe) =>
      rowSamples(family, shardLabels(stripe), (column) => stripe.counters[column]!),
    ),
  }))

const engineFamilies = (fleet: Fleet, engineStats: readonly string[]): MetricFamily[] =>
  engineStats.flatMap((stat, index) => {
    const metric = ENGINE_METRICS[stat]
    if (metric === undefined) return []
    const samples = fleet.live.map((stripe) => ({
      labels: shardLabels(stripe),
      value: stripe.engine[index]!,
    }))
    return [{ ...metric, samples }]
  })

const logFamilies = (fleet: Fleet): MetricFamily[] => {
  const logging = fleet.live.filter((stripe) => stripe.log.capacity > 0)
  const of = (field: 'records' | 'dropped'): Sample[] =>
    logging.map((stripe) => ({ labels: shardLabels(stripe), value: ringCounts(stripe.log)[field] }))
  return [
    {
      name: 'weir_access_log_records_total',
      help: 'Records handed to the access log.',
      type: 'counter',
      samples: of('records'),
    },
    {
      name: 'weir_access_log_dropped_total',
      help: 'Access log records dropped because the log could not keep up.',
      type: 'counter',
      samples: of('dropped'),
    },
  ]
}

const GAUGES = [
  { gauge: GAUGE.open, suffix: 'connections', help: 'Connections open.' },
  { gauge: GAUGE.idle, suffix: 'connections_idle', help: 'Connections idle in the pools.' },
  { gauge: GAUGE.inFlight, suffix: 'exchanges_in_flight', help: 'Exchanges under way.' },
  { gauge: GAUGE.waiting, suffix: 'exchanges_waiting', help: 'Exchanges waiting for a connection.' },
] as const

const gaugeFamilies = (
  fleet: Fleet,
  table: StripeGauges,
  prefix: string,
  rows: readonly Row[],
): MetricFamily[] => {
  // a listener has no pool
  const gauges = GAUGES.filter(
    ({ gauge }) => table !== 'listenerGauges' || gauge === GAUGE.open || gauge === GAUGE.inFlight,
  )
  return gauges.map(({ gauge, suffix, help }) => ({
    name: `${prefix}_${suffix}`,
    help,
    type: 'gauge',
    samples: rows.map(({ id, labels }) => ({ labels, value: sumGauge(fleet, table, id, gauge) })),
  }))
}

const histogramFamily = (
  fleet: Fleet,
  family: Family,
  index: number,
  clusters: readonly Row[],
): MetricFamily => {
  const merged = new Float64Array(HISTOGRAM_WIDTH)
  const samples = clusters.flatMap(({ id, labels }): Sample[] => {
    merged.fill(0)
    const base = id * HISTOGRAMS_WIDTH + index * HISTOGRAM_WIDTH
    for (const stripe of fleet.stripes) mergeHistogram(merged, 0, stripe.histograms, base)
    const counts = cumulativeCounts(merged, 0)
    return [
      ...counts.map((value, i) => ({
        suffix: '_bucket' as const,
        labels: { ...labels, le: renderValue(EXPOSED_BOUNDS[i] ?? Infinity) },
        value,
      })),
      { suffix: '_sum', labels, value: histogramSum(merged, 0) / 1e6 },
      { suffix: '_count', labels, value: counts.at(-1)! },
    ]
  })
  return { name: family.name, help: family.help, type: 'histogram', samples }
}

const shardLabels = (stripe: Stripe): Labels => ({ shard: String(stripe.shard) })

const sumOver = (fleet: Fleet, read: (stripe: Stripe) => number): number => {
  let sum = 0
  for (const stripe of fleet.stripes) sum += read(stripe)
  return sum
}
