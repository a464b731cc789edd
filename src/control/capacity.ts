/**
 * How many client connections fit under the limit of file descriptors. Every client may need a connection to a backend at the same
 * time, so half of what is left after everything else goes to clients: a client that is accepted can be served.
 *
 *     limit = reserve + clients + upstreams,  upstreams ≥ clients
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

export function capacityOf(fdLimit: number, shards: number, listeningSockets: number): Capacity {
  const reserve = BASE + PER_SHARD * shards + listeningSockets
  const maxConnections = Math.max(LEAST_CONNECTIONS, Math.floor((fdLimit - reserve) / 2))
  return { fdLimit, reserve, maxConnections }
}

/** For the log at start. */
export function describeCapacity(capacity: Capacity): string {
  const { fdLimit, reserve, maxConnections } = capacity
  const facts = `${maxConnections} client connections at most (file descriptors: ${fdLimit}, ${reserve} reserved, half of the rest for backends)`
  return fdLimit < 4096 ? `${facts}; raise the hard limit (ulimit -Hn, LimitNOFILE=) for more` : facts
}
