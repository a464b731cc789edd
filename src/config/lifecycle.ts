/** The parts of a snapshot (`snapshot.ts`) about how actors live, die, stop and share the work. Types only. */

/** `hardMs` ≥ `windowMs`. */
export type DrainSpec = { readonly windowMs: number; readonly hardMs: number }

/** How actors are watched and come back. */
export type SupervisionSpec = {
  readonly stuckAfterMs: number
  readonly killAfterMs: number
  readonly maxRestarts: number
  readonly withinMs: number
  readonly backoff: { readonly firstMs: number; readonly maxMs: number }
  /** Bytes of JavaScript objects of one shard. */
  readonly heapBytes: number
}

/** How work is spread over the shards. */
export type CoresSpec = { readonly steer: boolean; readonly handOver: boolean; readonly pin: boolean }

/** When a shard refuses work. */
export type OverloadSpec = { readonly delayMs: number; readonly windowMs: number }
