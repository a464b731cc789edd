import { HISTOGRAM_WIDTH } from './histogram.ts'
import { OUTCOMES } from './outcome.ts'
import type { RowWidths } from '../shm/layout.ts'

/** Labels a family is spread over: one column per value, in this order. */
export const DIMENSIONS: Readonly<Record<Dimension, readonly Readonly<Record<string, string>>[]>> = {
  /** Index = first digit of the status; 0: no response was sent. */
  code: ['none', '1xx', '2xx', '3xx', '4xx', '5xx'].map((code) => ({ code })),
  /** Index = `OUTCOME`. */
  outcome: OUTCOMES.map(({ name, by }) => ({ outcome: name, ended_by: by })),
  /** Index = `REFUSAL`. */
  refusal: ['limit', 'client-limit', 'draining'].map((reason) => ({ reason })),
  /** Index = `RECLAIMED`. */
  reclaimed: ['hoarded', 'longest-idle', 'own'].map((reason) => ({ reason })),
  /** Index = `CLIENT_TIMEOUT`. */
  clientTimeout: ['request-head', 'keep-alive', 'client', 'client-fin', 'tunnel', 'min-rate'].map(
    (timeout) => ({
      timeout,
    }),
  ),
  /** Index = `UPSTREAM_TIMEOUT`. */
  upstreamTimeout: ['connect', 'queue', 'server', 'server-fin', 'per-try', 'total'].map((timeout) => ({
    timeout,
  })),
  /** Index = `FAILURE`. */
  failure: [
    'connect-refused',
    'connect-unreachable',
    'connect-timeout',
    'reset',
    'closed',
    'timeout',
    'malformed',
  ].map((failure) => ({ failure })),
  /** Whose drain, and whether all had gone by its end. */
  drain: ['listener', 'program'].flatMap((of) => ['done', 'late'].map((result) => ({ of, result }))),
  /** Whether two policies picked the same. */
  agreed: ['true', 'false'].map((agreed) => ({ agreed })),
}
export type Dimension =
  | 'code'
  | 'outcome'
  | 'refusal'
  | 'reclaimed'
  | 'clientTimeout'
  | 'upstreamTimeout'
  | 'failure'
  | 'drain'
  | 'agreed'

/** Why a client connection was closed on arrival. */
export const REFUSAL = { limit: 0, clientLimit: 1, draining: 2 } as const
/** Why an idle client connection had to make room: its client had more than it used; it was the longest idle of all; for another of its own client. */
export const RECLAIMED = { hoarded: 0, longestIdle: 1, own: 2 } as const
/** Timeouts of a listener (HAProxy: http-request, http-keep-alive, client, client-fin, tunnel); `minRate`: never still for so long, but too slow. */
export const CLIENT_TIMEOUT = {
  requestHead: 0,
  keepAlive: 1,
  client: 2,
  clientFin: 3,
  tunnel: 4,
  minRate: 5,
} as const
/** Timeouts of a cluster (HAProxy: connect, queue, server, server-fin; of one try and of all tries). */
export const UPSTREAM_TIMEOUT = {
  connect: 0,
  queue: 1,
  server: 2,
  serverFin: 3,
  perTry: 4,
  total: 5,
} as const
/** How an endpoint failed an attempt. */
export const FAILURE = {
  connectRefused: 0,
  connectUnreachable: 1,
  connectTimeout: 2,
  reset: 3,
  closed: 4,
  timeout: 5,
  malformed: 6,
} as const

/** One metric family backed by a counter column, or one column per value of its dimension. */
export type Family = {
  readonly name: string
  readonly help: string
  readonly dimension?: Dimension
  /** Kept in milliseconds, exposed in seconds. */
  readonly milliseconds?: boolean
}

const shardFamilies = {
  busyMs: { name: 'weir_shard_busy_seconds_total', help: 'Time spent handling batches.', milliseconds: true },
  errors: { name: 'weir_shard_errors_total', help: 'Exceptions contained at the edge of one connection.' },
  explainSkipped: {
    name: 'weir_shard_explain_skipped_total',
    help: 'Decision records not written: too many in a second, or one too long.',
  },
  buffersExhausted: {
    name: 'weir_shard_buffers_exhausted_total',
    help: 'Times no buffer was left for a head or body.',
  },
  factsFolded: {
    name: 'weir_shard_facts_folded_total',
    help: 'Records of other actors that the shard took into its picture of the fleet.',
  },
  factsLost: {
    name: 'weir_shard_facts_lost_total',
    help: 'Records overwritten before the shard came to them; it read the columns instead.',
  },
  ringsLapped: {
    name: 'weir_shard_rings_lapped_total',
    help: 'Times another actor was a whole ring ahead of the shard.',
  },
  clientsGiven: {
    name: 'weir_shard_clients_given_total',
    help: 'Client connections handed over to a shard that was less busy.',
  },
  drains: {
    name: 'weir_shard_drains_total',
    help: 'Ends of drains: of clients whose listener left, of all; late: what was left was reset.',
    dimension: 'drain',
  },
} as const

const listenerFamilies = {
  accepted: { name: 'weir_listener_connections_accepted_total', help: 'Client connections accepted.' },
  closed: { name: 'weir_listener_connections_closed_total', help: 'Client connections closed.' },
  refused: {
    name: 'weir_listener_connections_refused_total',
    help: 'Client connections closed on arrival.',
    dimension: 'refusal',
  },
  reclaimed: {
    name: 'weir_listener_connections_reclaimed_total',
    help: 'Idle client connections closed because connections ran short.',
    dimension: 'reclaimed',
  },
  exchanges: {
    name: 'weir_listener_exchanges_total',
    help: 'Exchanges by how they ended and through whom.',
    dimension: 'outcome',
  },
  responses: {
    name: 'weir_listener_responses_total',
    help: 'Final responses by status class.',
    dimension: 'code',
  },
  timeouts: {
    name: 'weir_listener_timeouts_total',
    help: 'Timeouts on the client side.',
    dimension: 'clientTimeout',
  },
  bytesIn: { name: 'weir_listener_received_bytes_total', help: 'Bytes of requests received from clients.' },
  bytesOut: { name: 'weir_listener_sent_bytes_total', help: 'Bytes of responses sent to clients.' },
} as const

const clusterFamilies = {
  exchanges: {
    name: 'weir_cluster_exchanges_total',
    help: 'Exchanges routed here by how they ended and through whom.',
    dimension: 'outcome',
  },
  responses: {
    name: 'weir_cluster_responses_total',
    help: 'Final responses by status class.',
    dimension: 'code',
  },
  timeouts: {
    name: 'weir_cluster_timeouts_total',
    help: 'Timeouts on the upstream side.',
    dimension: 'upstreamTimeout',
  },
  retries: { name: 'weir_cluster_retries_total', help: 'Attempts beyond the first.' },
  retriesRefused: {
    name: 'weir_cluster_retries_refused_total',
    help: 'Attempts beyond the first that the retry budget did not allow.',
  },
  reports: {
    name: 'weir_cluster_reports_total',
    help: 'Load reports of endpoints in responses (ORCA) that were believed.',
  },
  reportsRefused: {
    name: 'weir_cluster_reports_refused_total',
    help: 'Load reports of endpoints in responses that were malformed or absurd.',
  },
  hedges: { name: 'weir_cluster_hedges_total', help: 'Attempts begun because another one took long.' },
  hedgesWon: { name: 'weir_cluster_hedges_won_total', help: 'Hedges that answered first.' },
  admissionWaits: {
    name: 'weir_cluster_admission_waits_total',
    help: 'Exchanges that waited because as many were under way as may be.',
  },
  poolWaits: { name: 'weir_cluster_pool_waits_total', help: 'Exchanges that waited for a connection.' },
  queueMs: {
    name: 'weir_cluster_queue_seconds_total',
    help: 'Time exchanges waited for a connection.',
    milliseconds: true,
  },
  staleReuses: {
    name: 'weir_cluster_stale_reuses_total',
    help: 'Pooled connections that turned out dead when used.',
  },
  policyFaults: {
    name: 'weir_cluster_policy_faults_total',
    help: 'Times the policy threw or picked nobody there is, and the default policy picked.',
  },
  shadowPicks: {
    name: 'weir_cluster_shadow_picks_total',
    help: 'Picks of the shadow policy, and whether the one in force picked the same.',
    dimension: 'agreed',
  },
  shadowFaults: {
    name: 'weir_cluster_shadow_faults_total',
    help: 'Times the shadow policy threw or picked nobody there is.',
  },
} as const

const endpointFamilies = {
  picks: { name: 'weir_endpoint_picks_total', help: 'Times the balancer chose this endpoint.' },
  shadowPicks: {
    name: 'weir_endpoint_shadow_picks_total',
    help: 'Times the shadow policy would have chosen this endpoint.',
  },
  successes: {
    name: 'weir_endpoint_successes_total',
    help: 'Complete responses with a status below 500.',
  },
  failures: {
    name: 'weir_endpoint_failures_total',
    help: 'Attempts the endpoint failed.',
    dimension: 'failure',
  },
  responses: {
    name: 'weir_endpoint_responses_total',
    help: 'Final responses by status class.',
    dimension: 'code',
  },
  connects: { name: 'weir_endpoint_connects_total', help: 'Connections attempted.' },
  connectMs: {
    name: 'weir_endpoint_connect_seconds_total',
    help: 'Time exchanges waited for new connections to open.',
    milliseconds: true,
  },
  reused: { name: 'weir_endpoint_reused_total', help: 'Exchanges on a pooled connection.' },
  latencyMs: {
    name: 'weir_endpoint_first_byte_seconds_total',
    help: 'Time to the first byte of responses, from the start of the exchange.',
    milliseconds: true,
  },
  bytesOut: { name: 'weir_endpoint_sent_bytes_total', help: 'Bytes of requests sent to the endpoint.' },
  bytesIn: { name: 'weir_endpoint_received_bytes_total', help: 'Bytes of responses received.' },
} as const

/** Families laid out as the columns of a row. */
export type MetricTable<K extends string> = {
  readonly families: readonly (Family & { readonly column: number })[]
  /** First column of each family. */
  readonly column: Readonly<Record<K, number>>
  /** Columns of a row, a multiple of 8 (a cache line). */
  readonly width: number
}

const layOut = <K extends string>(families: Readonly<Record<K, Family>>): MetricTable<K> => {
  let next = 0
  const placed: (Family & { readonly column: number })[] = []
  const column: Record<string, number> = {}
  for (const [key, family] of Object.entries<Family>(families)) {
    placed.push({ ...family, column: next })
    column[key] = next
    next += family.dimension === undefined ? 1 : DIMENSIONS[family.dimension].length
  }
  return { families: placed, column: column as Record<K, number>, width: Math.ceil(next / 8) * 8 }
}

export const SHARD_TABLE: MetricTable<keyof typeof shardFamilies> = layOut(shardFamilies)
/** Where, in a shard's counters, the histogram of the age of the facts begins that it folded. */
export const STALENESS: number = SHARD_TABLE.width
export const LISTENER_TABLE: MetricTable<keyof typeof listenerFamilies> = layOut(listenerFamilies)
export const CLUSTER_TABLE: MetricTable<keyof typeof clusterFamilies> = layOut(clusterFamilies)
export const ENDPOINT_TABLE: MetricTable<keyof typeof endpointFamilies> = layOut(endpointFamilies)

/** Histograms of a cluster row, in order. */
export const CLUSTER_HISTOGRAMS: readonly Family[] = [
  { name: 'weir_cluster_duration_seconds', help: 'Whole exchanges, from the first byte of the request on.' },
  { name: 'weir_cluster_first_byte_seconds', help: 'From the first byte of requests to that of responses.' },
]
/** Index of a histogram in a cluster's row. */
export const CLUSTER_HISTOGRAM = { duration: 0, firstByte: 1 } as const
export const HISTOGRAMS_WIDTH: number = CLUSTER_HISTOGRAMS.length * HISTOGRAM_WIDTH

/** Widths for `allocateFleet`; `engineStats` is `ENGINE_STATS.length`. */
export const rowWidths = (engineStats: number): RowWidths => ({
  engine: engineStats,
  shard: SHARD_TABLE.width + HISTOGRAM_WIDTH,
  listener: LISTENER_TABLE.width,
  cluster: CLUSTER_TABLE.width,
  histograms: HISTOGRAMS_WIDTH,
  endpoint: ENDPOINT_TABLE.width,
})
