import type { EndpointPool } from './pool.ts'

/** Pool limits as they stand in the cluster's present configuration. */
export type PoolLimits = { readonly idleTimeoutMs: number; readonly queue: number }

/** What the pool tells the counters; resolved once per endpoint. */
export interface PoolEvents {
  /** A connection is being attempted. */
  opened(): void
  /** Idle connections now. */
  idleIs(idle: number): void
}

/** Neighbours in the cluster, for when the cluster's limit (and not the endpoint's) is what is in the way. */
export interface PoolSiblings {
  /** Close one idle connection of another endpoint of the cluster on this shard; false if there is none. */
  evictIdle(except: EndpointPool): boolean
  /** A connection was closed: a waiter of another endpoint may go on. */
  slotFreed(): void
  /** A request began (+1) or ended (-1) to wait in this cluster. */
  waiting(delta: 1 | -1): void
}
