/**
 * Configuration → snapshot: names become ids and indexes, host names the addresses they resolve to. The last stage
 * (see `parse.ts`); what it makes is plain, frozen to the bottom and crosses threads by structured clone.
 */
import { compileBalance } from './balance.ts'
import type { BalanceContext, BalanceSpec } from './balance.ts'
import type { DrainSpec } from './lifecycle.ts'
import { isName } from './names.ts'
import type { ClusterConfig, Config, ListenerConfig, RouteConfig } from './schema/root.ts'
import { shards } from './schema/root.ts'
import type { Slots } from './slots.ts'
import type {
  AccessLogSpec,
  ClusterSpec,
  EndpointSpec,
  ListenerSpec,
  RouteSpec,
  Snapshot,
} from './snapshot.ts'

export type CompileContext = Omit<BalanceContext, 'zone'> & {
  /** Of the snapshot to be: one more than the last. */
  readonly version: number
  /** What `shards: auto` means; at least 1. */
  readonly availableCores: number
  readonly slots: Slots
  /** The addresses (`ip:port` or `[v6]:port`, port included) that a `host:port` stands for now; none if it does not resolve. */
  resolved(hostPort: string): readonly string[]
}

/** Throws `SlotsExhausted`, and nothing else, if the ids run out. */
export function compileConfig(config: Config, context: CompileContext): Snapshot {
  const names = [...config.clusters.keys()]
  const indexes = new Map(names.map((name, index) => [name, index]))
  const balance: BalanceContext = { ...context, zone: config.zone ?? '' }
  return deepFreeze({
    version: context.version,
    shards:
      config.shards === 'auto' ? Math.min(Math.max(1, context.availableCores), shards.max) : config.shards,
    listeners: [...config.listeners].map(([name, listener]) =>
      compileListener(name, listener, drainOf(config), context.slots),
    ),
    routes: config.routes.map((route) => compileRoute(route, indexes)),
    clusters: [...config.clusters].map(([name, cluster]) => ({
      ...compileCluster(name, cluster, context),
      ...compileBalance(name, cluster, balance),
    })),
    accessLog: compileAccessLog(config.accessLog),
    admin: { bind: config.admin?.bind, faults: config.admin?.faults ?? false },
    drain: drainOf(config),
    ...compileLifecycle(config),
    probes: { maxPerSecond: config.probes.maxPerSecond },
    explain: { sample: config.explain.sample, keep: config.explain.keep },
  })
}

function compileListener(
  name: string,
  listener: ListenerConfig,
  program: DrainSpec,
  slots: Slots,
): ListenerSpec {
  const { bind, backlog, timeouts, limits, trustedProxies, drain } = listener
  const windowMs = drain?.window ?? program.windowMs
  return {
    id: slots.listener(name),
    name,
    bind: [...bind],
    backlog,
    timeouts: {
      requestHeadMs: timeouts.requestHead,
      keepAliveMs: timeouts.keepAlive,
      clientMs: timeouts.client,
      minRateGraceMs: Math.max(timeouts.minRateGrace, timeouts.client),
      clientFinMs: timeouts.clientFin,
      tunnelMs: timeouts.tunnel,
      connectionAgeMs: timeouts.connectionAge,
    },
    limits: { ...limits },
    trustedProxies: [...trustedProxies],
    drain: { windowMs, hardMs: Math.max(windowMs, drain?.hard ?? program.hardMs) },
  }
}

function drainOf({ drain }: Config): DrainSpec {
  return { windowMs: drain.window, hardMs: drain.hard }
}

function compileLifecycle(config: Config): Pick<Snapshot, 'supervision' | 'cores' | 'overload'> {
  const { supervision, cores, overload } = config
  const { stuckAfter, killAfter, maxRestarts, within, backoff, heap } = supervision
  return {
    supervision: {
      stuckAfterMs: stuckAfter,
      killAfterMs: killAfter,
      maxRestarts,
      withinMs: within,
      backoff: { firstMs: backoff.first, maxMs: backoff.max },
      heapBytes: heap,
    },
    cores: { ...cores },
    overload: overload === 'off' ? undefined : { delayMs: overload.delay, windowMs: overload.window },
  }
}

function compileRoute(route: RouteConfig, indexes: ReadonlyMap<string, number>): RouteSpec {
  const cluster = indexes.get(route.cluster)
  if (cluster === undefined)
    throw new Error(`no cluster ${route.cluster}: parseConfig has not checked this configuration`)
  return {
    ...(route.host === undefined ? {} : { host: route.host }),
    ...(route.path === undefined ? {} : { path: route.path }),
    cluster,
  }
}

function compileCluster(
  name: string,
  cluster: ClusterConfig,
  context: CompileContext,
): Omit<ClusterSpec, keyof BalanceSpec> {
  const { timeouts, pool } = cluster
  return {
    id: context.slots.cluster(name),
    name,
    endpoints: compileEndpoints(name, cluster, context),
    timeouts: {
      connectMs: timeouts.connect,
      queueMs: timeouts.queue,
      serverMs: timeouts.server,
      serverFinMs: timeouts.serverFin,
      perTryMs: timeouts.perTry ?? 0,
      totalMs: timeouts.total ?? 0,
    },
    pool: {
      maxPerHost: pool.maxPerHost,
      maxTotal: pool.maxTotal,
      idleTimeoutMs: pool.idleTimeout,
      queue: pool.queue,
    },
  }
}

/**
 * An address is one endpoint of a cluster however many names lead to it: the first entry that yields it decides its weight, priority, zone and labels.
 * Resolved addresses are sorted, since resolvers rotate them and a snapshot should not differ for that.
 */
function compileEndpoints(
  name: string,
  cluster: ClusterConfig,
  context: CompileContext,
): readonly EndpointSpec[] {
  const endpoints = new Map<string, EndpointSpec>()
  for (const { address: configured, weight, priority, zone = '', labels } of cluster.endpoints) {
    const addresses = isName(configured) ? context.resolved(configured).toSorted() : [configured]
    for (const address of addresses) {
      if (endpoints.has(address)) continue
      const id = context.slots.endpoint(name, address)
      endpoints.set(address, {
        id,
        generation: context.slots.generation(id),
        address,
        configured,
        weight,
        priority,
        zone,
        labels: Object.fromEntries(labels),
      })
    }
  }
  return [...endpoints.values()]
}

function compileAccessLog({ path, sample, format }: Config['accessLog']): AccessLogSpec {
  return { to: path === 'off' ? undefined : path, sample, format }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}
