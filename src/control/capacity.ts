/**
 * How many client connections fit under the limit of file descriptors. At a busy edge most clients are idle between requests and share pooled
 * connections to the backends, so a third of what is left after everything else is kept for those: half as many requests can be under way
 * as there are clients. Should even that not do, a connect that finds no descriptor is a 503 for that request, and nothing worse.
 *
 *     limit = reserve + clients + upstreams,  2 · upstreams ≥ clients
 */
export type Capacity = {
  readonly fdLimit: number
  /** Descriptors kept for listeners, logs, the runtime's own and a margin. */
  readonly reserve: number
  readonly maxConnections: number
}

/** Loop, wake-up and worker descriptors of one shard (measured: 12), rounded up. */
const PER_SHARD = 16
/** Runtime, admin connections, log and configuration files, DNS sockets. */
const BASE = 160
/** Below this nothing useful runs: better to say so than to refuse everybody. */
const LEAST_CONNECTIONS = 16
/** What a program without a client takes (measured: 46, and 8 for each shard), and a few connections. */
const IDLE = 56
const IDLE_PER_SHARD = 8

export function capacityOf(fdLimit: number, shards: number, listeningSockets: number): Capacity {
  const reserve = BASE + PER_SHARD * shards + listeningSockets
  const maxConnections = Math.max(LEAST_CONNECTIONS, Math.floor(((fdLimit - reserve) * 2) / 3))
  return { fdLimit, reserve, maxConnections }
}

/** Why nothing can be started under this limit; undefined: it can. */
export function fdShortage(fdLimit: number, shards: number, listeningSockets: number): string | undefined {
  const least = IDLE + IDLE_PER_SHARD * shards + listeningSockets
  if (fdLimit >= least) return undefined
  const what = shards === 1 ? 'a program of one shard' : `a program of ${shards} shards`
  return `file descriptors: ${fdLimit} at most, and ${what} needs ${least} before the first client comes: raise the hard limit: ulimit -Hn 65536 (as root), or LimitNOFILE=65536 in the unit`
}

/** For the log at start. */
export function describeCapacity(capacity: Capacity): string {
  const { fdLimit, reserve, maxConnections } = capacity
  const isShort = reserve + maxConnections > fdLimit
  const shares = isShort
    ? 'too few to keep any back: under load some requests get 503'
    : `${reserve} reserved, a third of the rest for backends`
  const facts = `${maxConnections} client connections at most (file descriptors: ${fdLimit}, ${shares})`
  return fdLimit < 4096 ? `${facts}; raise the hard limit (ulimit -Hn, LimitNOFILE=) for more` : facts
}
