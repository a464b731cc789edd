import { alignUp, allocateShared, LINE } from './memory.ts'
import { RING_HEADER_BYTES } from './ring.ts'

/** Endpoint slots a fleet may have. */
export const MAX_ENDPOINTS = 16_384

/** Actors besides the shards, in the order of their lines behind the shards'. */
export const OTHER_ACTORS = ['main', 'acceptor', 'telemetry', 'health', 'discovery'] as const
export type OtherActor = (typeof OTHER_ACTORS)[number]

/** Counters (Float64) per row of each table: what they mean is the metric catalogue's business. */
export type RowWidths = {
  /** `ENGINE_STATS.length`. */
  readonly engine: number
  readonly shard: number
  readonly listener: number
  readonly cluster: number
  /** All histograms of one cluster together. */
  readonly histograms: number
  readonly endpoint: number
}

export type FleetShape = {
  readonly shards: number
  /** Slots, at most `MAX_ENDPOINTS`. */
  readonly endpoints: number
  readonly clusters: number
  readonly listeners: number
  readonly widths: RowWidths
  /** Buckets per row of the client table, a power of two. */
  readonly clientBuckets: number
  /** Bytes of each shard's access-log ring, a power of two; 0 for none. */
  readonly logBytes: number
}

/** What threads hand one another (structured clone shares the memory). */
export type FleetHandle = { readonly memory: SharedArrayBuffer; readonly shape: FleetShape }

/** Gauges (Int32) of a listener, cluster or endpoint row. */
export const GAUGE = {
  /** Connections: a listener's clients; an endpoint's or cluster's upstream connections, opening ones included. Claimed (`claim.ts`): Atomics only. */
  open: 0,
  /** Exchanges under way. */
  inFlight: 1,
  /** Requests waiting for a connection. */
  waiting: 2,
  /** Upstream connections idle in the pool. */
  idle: 3,
} as const
export const GAUGE_WORDS = 4

/** Rows of the client table. */
export const CLIENT_ROWS = 2

/** Byte offsets of a stripe's tables from its beginning. All multiples of `LINE`. */
export type StripeLayout = {
  readonly engine: number
  readonly counters: number
  readonly listeners: number
  readonly clusters: number
  readonly histograms: number
  readonly endpoints: number
  readonly listenerGauges: number
  readonly clusterGauges: number
  readonly endpointGauges: number
  readonly clients: number
  readonly log: number
  readonly bytes: number
}

const PAGE = 4096

export const stripeLayout = (shape: FleetShape): StripeLayout => {
  let bytes = 0
  const take = (size: number): number => {
    const offset = bytes
    bytes += alignUp(size, LINE)
    return offset
  }
  const { widths } = shape
  const layout = {
    engine: take(widths.engine * 8),
    counters: take(widths.shard * 8),
    listeners: take(shape.listeners * widths.listener * 8),
    clusters: take(shape.clusters * widths.cluster * 8),
    histograms: take(shape.clusters * widths.histograms * 8),
    endpoints: take(shape.endpoints * widths.endpoint * 8),
    listenerGauges: take(shape.listeners * GAUGE_WORDS * 4),
    clusterGauges: take(shape.clusters * GAUGE_WORDS * 4),
    endpointGauges: take(shape.endpoints * GAUGE_WORDS * 4),
    clients: take(CLIENT_ROWS * shape.clientBuckets * 4),
    log: take(shape.logBytes === 0 ? 0 : RING_HEADER_BYTES + shape.logBytes),
  }
  return { ...layout, bytes: alignUp(bytes, PAGE) }
}

export const actorCount = (shape: FleetShape): number => shape.shards + OTHER_ACTORS.length

/** Where the first stripe begins: behind one line per actor. */
export const stripesStart = (shape: FleetShape): number => alignUp(actorCount(shape) * LINE, PAGE)

const assertShape = (shape: FleetShape): void => {
  const { shards, endpoints, clusters, listeners, widths, clientBuckets, logBytes } = shape
  for (const size of [endpoints, clusters, listeners, logBytes, ...Object.values(widths)]) {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`fleet: ${size} is no size`)
  }
  if (!(shards >= 1 && shards <= 256)) throw new RangeError(`fleet: ${shards} shards: must be 1…256`)
  if (endpoints > MAX_ENDPOINTS)
    throw new RangeError(`fleet: ${endpoints} endpoints: at most ${MAX_ENDPOINTS}`)
  for (const size of [clientBuckets, logBytes]) {
    if (size !== 0 && !Number.isInteger(Math.log2(size)))
      throw new RangeError(`fleet: ${size}: not a power of two`)
  }
}

/**
 * Make a fleet's memory, zeroed: one line per actor, then one stripe per shard. A stripe has a single writer, its shard
 * (and, once that is dead, the supervisor: `zeroStripe`), so nothing in it needs a lock; everybody may read everything.
 */
export const allocateFleet = (shape: FleetShape): FleetHandle => {
  assertShape(shape)
  const bytes = stripesStart(shape) + shape.shards * stripeLayout(shape).bytes
  return { memory: allocateShared(bytes), shape }
}
