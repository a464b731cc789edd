import { BUILT_IN } from '../../src/balance/policy-source.ts'
import { Sfc32 } from '../../src/base/random.ts'
import { clusterSpec, endpointSpec } from './specs.ts'
import type { ClusterSpec, ListenerSpec, Snapshot } from '../../src/config/snapshot.ts'
import { ENGINE_STATS } from '../../src/io/engine.ts'
import type { EngineMemory, EngineOptions } from '../../src/io/engine.ts'
import { allocateEngineMemory } from '../../src/io/engine-memory.ts'
import { Reactor } from '../../src/io/reactor.ts'
import type { ReactorOptions } from '../../src/io/reactor.ts'
import { Shard } from '../../src/proxy/shard.ts'
import { openFleet } from '../../src/shm/fleet.ts'
import type { Fleet } from '../../src/shm/fleet.ts'
import { allocateFleet, GAUGE, GAUGE_WORDS } from '../../src/shm/layout.ts'
import { rowWidths } from '../../src/telemetry/catalogue.ts'
import { Death, makeMortal } from './estate/death.ts'
import type { SimEngine } from './sim-engine.ts'
import { SIM_ENGINE_OPTIONS } from './sim/world.ts'
import type { SimWorld } from './sim/world.ts'

/** Small buffers, so that every one of them runs full in a storm. */
export const SMALL_REACTOR: ReactorOptions = {
  scratchBytes: 16_384,
  granularityMs: 50,
  slabs: [
    { bytes: 2048, count: 64 },
    { bytes: 8192, count: 16 },
    { bytes: 98_304, count: 8 },
  ],
}

/** Next to nothing: it runs out. */
export const SCARCE_REACTOR: ReactorOptions = {
  scratchBytes: 9216,
  granularityMs: 50,
  slabs: [
    { bytes: 2048, count: 4 },
    { bytes: 8192, count: 2 },
    { bytes: 98_304, count: 1 },
  ],
}

export const LISTENER: ListenerSpec = {
  id: 0,
  name: 'web',
  bind: ['127.0.0.1:80'],
  backlog: 128,
  timeouts: {
    requestHeadMs: 10_000,
    keepAliveMs: 60_000,
    clientMs: 30_000,
    minRateGraceMs: 30_000,
    clientFinMs: 1000,
    tunnelMs: 60_000,
    connectionAgeMs: 0,
  },
  limits: {
    target: 8192,
    head: 32_768,
    fields: 100,
    body: Infinity,
    chunkExtensions: 4096,
    trailers: 8192,
    pipeline: 16,
    connections: 0,
    connectionsPerClient: 0,
    ipv6Prefix: 64,
    minRate: 0,
    requestsPerConnection: 0,
  },
  trustedProxies: [],
  drain: { windowMs: 1000, hardMs: 5000 },
}

export const CLUSTER: ClusterSpec = clusterSpec()

export type SnapshotParts = {
  readonly version?: number
  readonly listener?: Partial<ListenerSpec>
  readonly cluster?: Partial<ClusterSpec>
  /** Addresses of the cluster's endpoints. */
  readonly endpoints?: readonly string[]
  readonly logging?: boolean
  /** Share of the requests that are explained though nothing failed. */
  readonly explained?: number
  /** Explanations kept; 0: nothing is explained. */
  readonly kept?: number
}

export const snapshotOf = (parts: SnapshotParts): Snapshot => ({
  version: parts.version ?? 1,
  shards: 1,
  listeners: [{ ...LISTENER, ...parts.listener }],
  routes: [{ cluster: 0 }],
  clusters: [
    {
      ...CLUSTER,
      endpoints: (parts.endpoints ?? []).map((address, id) => endpointSpec(id, address)),
      ...parts.cluster,
    },
  ],
  accessLog: { to: parts.logging === true ? 'stderr' : undefined, sample: 1, format: 'text' },
  admin: { bind: undefined, faults: false },
  drain: { windowMs: 1000, hardMs: 5000 },
  supervision: {
    stuckAfterMs: 50,
    killAfterMs: 2000,
    maxRestarts: 100,
    withinMs: 60_000,
    backoff: { firstMs: 50, maxMs: 10_000 },
    heapBytes: 1 << 30,
  },
  cores: { steer: true, handOver: true, pin: false },
  overload: undefined,

  probes: { maxPerSecond: 1000 },
  explain: { sample: parts.explained ?? 0, keep: parts.kept ?? 64 },
})

/** One shard of a simulated process: the real shard over a simulated engine, its part of a real fleet memory. */
export type SimShard = {
  readonly shard: Shard
  readonly engine: SimEngine
  readonly fleet: Fleet
  /** Of its life: outlives it. */
  readonly memory: EngineMemory
  /** Exceptions the shard contained: in a simulation each is a failure. */
  readonly errors: unknown[]
}

export const makeFleet = (shards: number): Fleet =>
  openFleet(
    allocateFleet({
      shards,
      endpoints: 64,
      clusters: 8,
      listeners: 4,
      widths: rowWidths(ENGINE_STATS.length),
      clientBuckets: 256,
      logBytes: 65_536,
      explainBytes: 65_536,
      fds: 64,
      ringRecords: 64,
    }),
  )

export const startSimShard = (
  world: SimWorld,
  fleet: Fleet,
  index = 0,
  options: Partial<EngineOptions> & { readonly reactor?: ReactorOptions; readonly life?: number } = {},
): SimShard => {
  const { reactor = SMALL_REACTOR, life = 0, ...engineOptions } = options
  const sizes = { ...SIM_ENGINE_OPTIONS, ownBytes: Reactor.ownBytes(reactor), ...engineOptions }
  const memory = allocateEngineMemory(sizes)
  const stats = fleet.stripe(index).engine
  const heartbeat = fleet.heartbeat(index)
  const engine = world.engine({ ...sizes, shard: index, stats, memory, heartbeat })
  const errors: unknown[] = []
  const shard = new Shard({
    shard: index,
    engine,
    fleet,
    clock: { monotonicMs: () => world.nowMs, wallMs: () => world.nowMs },
    rng: new Sfc32(world.seed, index, 7 + life),
    hashKey: [1, 2],
    reactor,
    maxConnections: engineOptions.maxConnections ?? 0,
    policies: BUILT_IN,
    say: () => {},
    onError: (error) => {
      if (!(error instanceof Death)) errors.push(error)
      throw error
    },
  })
  makeMortal({ shard, engine })
  return { shard, engine, fleet, memory, errors }
}

/** What must be nothing when nothing is under way; named, for the failure's message. */
export const residue = ({ shard, engine, fleet }: SimShard): Record<string, number> => {
  const census = shard.census()
  const found: Record<string, number> = {
    clients: census.clients,
    exchanges: census.exchanges,
    upstreams: census.upstreams,
    timers: shard.reactor.wheel.size,
    slabs: shard.reactor.slabs.taken - 1, // the phrases'
    engineConnections: engine.stat('open'),
    queuedBytes: engine.stat('queuedBytes'),
    // Not `staleOps`: an op may cross with the death of its connection, which a later row of the same batch reports.
    strayOps: engine.audit.strayOps,
    badOps: engine.stat('badOps'),
  }
  const stripe = fleet.stripe(shard.index)
  for (const [name, gauge] of Object.entries(GAUGE)) {
    for (const table of ['listenerGauges', 'clusterGauges', 'endpointGauges'] as const) {
      let sum = 0
      for (let at = gauge; at < stripe[table].length; at += GAUGE_WORDS) sum += Math.abs(stripe[table][at]!)
      found[`${table}.${name}`] = sum
    }
  }
  return Object.fromEntries(Object.entries(found).filter(([, count]) => count !== 0))
}
