import type { Snapshot } from '../config/snapshot.ts'
import type { FleetHandle } from '../shm/layout.ts'

/**
 * What the rest of the program may ask of a shard, over typed RPC and off the request path. Implemented by `proxy/shard.ts`,
 * carried over a MessagePort by `workers/shard.ts`.
 */
export interface ShardControl {
  /** Take over a published snapshot; the modules of its policies are loaded before. Requests under way finish on the one they started with. Idempotent by version; an older version is ignored. */
  apply(snapshot: Snapshot): void
  /** Accept from a listening socket of the acceptor's for listener `id` (`ListenerSpec.id`). */
  listen(listenerFd: number, id: number): void
  unlisten(listenerFd: number): void
  /** Take no new connection, finish what is under way, close idle connections; resolves when nothing is left or after `hardMs`, what is left then being reset. */
  drain(windowMs: number, hardMs: number): Promise<void>
  /** Connections and exchanges alive now: for tests and `stop`. */
  census(): { readonly clients: number; readonly exchanges: number; readonly upstreams: number }
}

/** workerData of a shard: what it must know before the first message. */
export type ShardSeed = {
  readonly shard: number
  readonly fleet: FleetHandle
  /** Secret of the process for keyed hashes of client addresses, the same in all shards. */
  readonly hashKey: readonly [number, number]
  /** Accepted connections in the whole process beyond which new ones are closed at once. */
  readonly maxConnections: number
}
