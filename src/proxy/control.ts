import type { Snapshot } from '../config/snapshot.ts'
import type { EngineMemory } from '../io/engine.ts'
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
  /**
   * Let go of everything without any client noticing: idle connections (clients' and upstreams') are handed to `heirs` one by one, those with a request
   * under way when that is done. Resolves when only tunnels and what is still under way after `hardMs` is left, which the estate takes care of.
   * Told again, it goes on with the heirs of the last call, can only end sooner; all calls are answered when it is over.
   */
  handOver(heirs: readonly number[], hardMs: number): Promise<void>
  /** Go on with what a dead shard left. Resolves when all of it is taken, ended or refused; `memory` is not read afterwards. */
  inherit(estate: Estate): Promise<EstateResult>
  /** Fail on purpose; only if the configuration allows it. `throw`, `exit`, `spin` (for ever), `oom`. Answers before it happens. */
  fault(kind: FaultKind): void
  /** Connections and exchanges alive now: for tests and `stop`. */
  census(): { readonly clients: number; readonly exchanges: number; readonly upstreams: number }
}

/** workerData of a shard: what it must know before the first message. */
export type ShardSeed = {
  readonly shard: number
  readonly fleet: FleetHandle
  /** Secret of the process for keyed hashes of client addresses, the same in all shards. */
  readonly hashKey: readonly [number, number]
  /** The CPU it stays on (`cores.pin`); absent: whichever the kernel gives it. */
  readonly cpu?: number
  /** Of this life. */
  readonly memory: EngineMemory
  /** Accepted connections in the whole process beyond which new ones are closed at once. */
  readonly maxConnections: number
}

export const FAULT_KINDS = ['throw', 'exit', 'spin', 'oom'] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** What one heir gets of a dead shard's connections. */
export type Estate = {
  /** Index of the dead shard. */
  readonly from: number
  /** Memory of the dead life: notes and rows point into it. */
  readonly memory: EngineMemory
  /** Rows of `BEQUEST_WORDS` int32s, see `BEQUEST`. */
  readonly rows: Int32Array
}

/** One connection of an estate. What it is and how far it was, its note in the fleet memory says (`shm/notes.ts`). */
export const BEQUEST = {
  fd: 0,
  generation: 1,
  /** Listener id of a client that was accepted and never seen by TypeScript; -1: it has a note. */
  fresh: 2,
  /** Offset (in `mem`) and length of bytes that were read from it and seen by nobody. */
  unread: 3,
  unreadBytes: 4,
  /** 1: one side of a tunnel, the other is the row before or behind. */
  tunnel: 5,
} as const
export const BEQUEST_WORDS = 8

export type EstateResult = {
  /** Idle clients, tunnels and pooled upstreams that go on. */
  readonly adopted: number
  /** Exchanges begun anew at an endpoint. */
  readonly rescued: number
  /** Exchanges answered with 502. */
  readonly answered: number
  /** Connections broken off: in mid-response, or not to be understood. */
  readonly reset: number
}
