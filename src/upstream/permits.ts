/**
 * Leave to open one more connection to an endpoint, within `maxPerHost` and `maxTotal` counted over all shards. Every grant is
 * followed by exactly one `give`. Implemented over the fleet memory (`shm/claim.ts`); the waiting counts let the shard that frees a
 * connection know that another shard is short of one.
 */
export interface ConnectionPermits {
  take(): PermitAnswer
  /** Of a connection that is open already, and of which there is no doing without: no limit is in its way. */
  adopt(): void
  give(): void
  /** A request of this shard began (+1) or ended (-1) to wait for a connection to this endpoint. */
  waiting(delta: 1 | -1): void
  /** Shard index of some other shard with waiting requests, or -1. A plain look, cheap enough for every release. */
  otherWaiting(): number
  /** Shard index of some other shard that keeps an idle connection whose closing would let us open one, or -1. As of its last turn. */
  otherIdle(): number
}

/** Granted, or which limit said no. */
export type PermitAnswer = 'granted' | 'maxPerHost' | 'maxTotal'
