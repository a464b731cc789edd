import { BELIEF_WIDTH } from './beliefs.ts'
import { BROADCAST_HEADER_BYTES, LEAST_RECORDS } from './broadcast.ts'
import { alignUp, allocateShared, LINE } from './memory.ts'
import { NOTE_WORDS } from './notes.ts'
import { RECORD_BYTES } from './observation.ts'
import { RING_HEADER_BYTES } from './ring.ts'
import { ADMIN_WORDS, LIMIT_WORDS, VERDICT_WORDS } from './tables.ts'
import { VITALS_WORDS } from './vitals.ts'

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
  /** Stripes there are: the most shards the program may ever have. How many there are now is `fleet.shardCount`. */
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
  /** Bytes of each shard's ring of decision records, a power of two; 0 for none. */
  readonly explainBytes: number
  /** Rows of connection notes (`notes.ts`): one more than the largest fd there can be; 0 for none. */
  readonly fds: number
  /** Records of each actor's broadcast ring, a power of two of at least `LEAST_RECORDS`. */
  readonly ringRecords: number
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
  /** Exchanges admitted under a limit of a cluster or endpoint. Claimed (`claim.ts`): Atomics only. */
  admitted: 4,
  /** Of a cluster: requests waiting to be admitted. */
  queued: 5,
  /** Of a listener: idle connections beyond what their clients need, as the shard saw it last (`limit/hoarders.ts`). */
  hoarded: 6,
} as const
export const GAUGE_WORDS = 8

/**
 * The retry budget's windows: per cluster ten slots of a second each. Second s (whole seconds of the monotonic clock, from 1) is counted in slot
 * s mod 10: three words, all through Atomics. A slot counts only while `second` is within the last ten. Who turns a slot over to a new
 * second stores 0 as its second first, then zeroes its counts, then stores the new second. Writer: the shard; history, so it stays when it dies.
 */
export const RETRY_WINDOW = { slots: 10, words: 3, second: 0, requests: 1, retries: 2 } as const
/** Int32s of a cluster's windows. */
export const RETRY_WORDS = 32

/** Counters (Float64) of the health actor: what they mean is its own business. */
export const HEALTH_COUNTERS = 64

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
  readonly beliefs: number
  readonly retries: number
  readonly log: number
  readonly explain: number
  readonly bytes: number
}

const PAGE = 4096

const ringBytes = (data: number): number => (data === 0 ? 0 : RING_HEADER_BYTES + data)

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
    beliefs: take(shape.endpoints * BELIEF_WIDTH * 8),
    retries: take(shape.clusters * RETRY_WORDS * 4),
    log: take(ringBytes(shape.logBytes)),
    explain: take(ringBytes(shape.explainBytes)),
  }
  return { ...layout, bytes: alignUp(bytes, PAGE) }
}

/** In main's line, beside its state: how many shards there are now. */
export const SHARD_COUNT_WORD = 17

export const actorCount = (shape: FleetShape): number => shape.shards + OTHER_ACTORS.length

/** Byte offsets of what is not in stripes, and of the stripes. All multiples of `LINE`. */
export type FleetLayout = {
  readonly verdicts: number
  readonly admin: number
  readonly limits: number
  /** Beliefs of the health actor; those of a shard are in its stripe. */
  readonly healthBeliefs: number
  /** Counters of the health actor. */
  readonly healthCounters: number
  /** Connection notes, by fd. */
  readonly notes: number
  /** How the actors' threads do (`vitals.ts`), in the order of their lines. */
  readonly vitals: number
  /** One broadcast ring per actor, in the order of their lines. */
  readonly rings: number
  readonly ringBytes: number
  readonly stripes: number
  readonly stripeBytes: number
  readonly bytes: number
}

export const fleetLayout = (shape: FleetShape): FleetLayout => {
  let bytes = actorCount(shape) * LINE
  const take = (size: number, unit: number): number => {
    const offset = alignUp(bytes, unit)
    bytes = offset + size
    return offset
  }
  const eachRing = alignUp(BROADCAST_HEADER_BYTES + shape.ringRecords * RECORD_BYTES, LINE)
  const stripeBytes = stripeLayout(shape).bytes
  const layout = {
    verdicts: take(shape.endpoints * VERDICT_WORDS * 4, LINE),
    admin: take(shape.endpoints * ADMIN_WORDS * 4, LINE),
    limits: take(shape.clusters * LIMIT_WORDS * 4, LINE),
    healthBeliefs: take(shape.endpoints * BELIEF_WIDTH * 8, LINE),
    healthCounters: take(HEALTH_COUNTERS * 8, LINE),
    notes: take(shape.fds * NOTE_WORDS * 4, PAGE),
    vitals: take(actorCount(shape) * VITALS_WORDS * 8, LINE),
    rings: take(actorCount(shape) * eachRing, PAGE),
    stripes: take(shape.shards * stripeBytes, PAGE),
  }
  return { ...layout, ringBytes: eachRing, stripeBytes, bytes }
}

const assertShape = (shape: FleetShape): void => {
  const { shards, endpoints, clusters, listeners, widths, clientBuckets, logBytes, explainBytes, fds } = shape
  for (const size of [
    endpoints,
    clusters,
    listeners,
    fds,
    logBytes,
    explainBytes,
    ...Object.values(widths),
  ]) {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`fleet: ${size} is no size`)
  }
  if (!(shards >= 1 && shards <= 256)) throw new RangeError(`fleet: ${shards} shards: must be 1…256`)
  if (endpoints > MAX_ENDPOINTS)
    throw new RangeError(`fleet: ${endpoints} endpoints: at most ${MAX_ENDPOINTS}`)
  if (!(shape.ringRecords >= LEAST_RECORDS))
    throw new RangeError(`fleet: rings of ${shape.ringRecords} records: at least ${LEAST_RECORDS}`)
  for (const size of [clientBuckets, logBytes, explainBytes, shape.ringRecords]) {
    if (size !== 0 && !Number.isInteger(Math.log2(size)))
      throw new RangeError(`fleet: ${size}: not a power of two`)
  }
}

/**
 * Make a fleet's memory, zeroed: one line per actor, the tables of the health actor and of main, one broadcast ring per actor, then one stripe
 * per shard. A stripe has a single writer, its shard (and, once that is dead, the supervisor: `zeroStripe`), so nothing in it
 * needs a lock; everybody may read everything.
 */
export const allocateFleet = (shape: FleetShape): FleetHandle => {
  assertShape(shape)
  const memory = allocateShared(fleetLayout(shape).bytes)
  const main = new Int32Array(memory, (shape.shards + OTHER_ACTORS.indexOf('main')) * LINE, LINE / 4)
  main[SHARD_COUNT_WORD] = shape.shards
  return { memory, shape }
}
