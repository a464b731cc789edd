/**
 * The engine port: how a shard moves bytes. Two implementations answer to it, the native epoll engine
 * (`native/index.ts`) and the deterministic simulated one (`test/support/sim-engine.ts`); one contract suite
 * (`test/support/engine-contract.ts`) holds both to this page.
 *
 * The engine moves bytes and knows no HTTP; TypeScript decides and touches no socket. They meet once per batch:
 *
 *     ready connections → at most one bounded read each into `mem` → event rows → onBatch(rows) → op rows → run
 *
 * Nothing is allocated per event on either side: events and ops are rows of int32, payload is spans of `mem`.
 */

/** Words per event row: `[kind, fd, generation, a, b, c, d, e]`. */
export const EVENT_WORDS = 8
/** Words per op row: `[op, fd, generation, a, b, c, d, e]`. */
export const OP_WORDS = 8

/**
 * A connection is named by `fd` and `generation`. The fd indexes a table that belongs to the process, not to a
 * shard; the generation (int32, never 0, changes whenever the fd gets a new tenant, and by one where a connection passes on to another engine) makes a stale event or op recognisable:
 * an op whose generation does not match is counted (`staleOps`) and dropped, never applied to the next tenant.
 * Once `close` or `reset` ran no later batch names the handle; after `handover` only a `reset` row may, of a connection that had broken by then.
 */
export type Handle = { readonly fd: number; readonly generation: number }

/** Event kinds. Rows of one batch are in the order in which things happened to each connection. */
export const EVENT = {
  /** A client was accepted. a = listener token, b/c = span (offset, length) in `mem` of the peer's IP as text
   * (`192.0.2.1`, `2001:db8::1`, `unix:` for a unix socket; no port, no brackets), d = peer port, e = 0. Reading is on. */
  accepted: 1,
  /** A connect made with `connect` is established. Data queued on it meanwhile is already on its way. */
  connected: 2,
  /** a = errno (positive). The connection is gone, its handle dead, what was queued on it dropped. */
  connectFailed: 3,
  /** Bytes arrived: a = offset in `mem`, b = length (≥ 1). The span is valid until onBatch returns. */
  data: 4,
  /** The peer sent FIN, all its data was delivered. Sending still works. */
  end: 5,
  /** The connection broke. a = errno (positive). It is gone, its handle dead, queued output dropped. */
  reset: 6,
  /** Output did not fit the socket and is queued natively: stop sourcing. a = bytes queued. Sent once per blocking, first in the next batch;
   * not before `connected`, and not for a queue that only a relay fills. */
  blocked: 7,
  /** The output queue of a connection that was `blocked` is empty again. */
  writable: 8,
  /** A relay ended, row is the source's. a = RELAY status, b + c·2³² = bytes relayed (both words unsigned). */
  relayDone: 9,
  /** Another thread called `wake` for this engine (coalesced). fd = generation = 0. */
  wake: 10,
  /** Another engine handed this connection over. a = tag given with the op. b = FLAG bits (1: peer's FIN was already seen,
   * 2: output still queued, which counts as blocked: `writable` follows). Reading is paused until `resume`. */
  takenOver: 11,
  /** accept(2) failed for want of resources: a = errno (EMFILE, ENFILE, ENOBUFS, ENOMEM), accepting pauses by itself
   * and resumes within 100 ms. fd = the listening socket. At most one row per listener per second. */
  exhausted: 12,
  /** The peer sent FIN while reading is paused, or had before the pause: what it sent before that, and `end`, come once reading goes on. It may have
   * left, or wait for an answer still. Once per connection and engine; none if a break follows at once, or reading goes on. */
  hangup: 13,
} as const

/** How a relay ended. */
export const RELAY = {
  /** All the bytes asked for were moved (they may still sit in the destination's output queue). */
  complete: 0,
  /** The source sent FIN first (the only end of an unbounded relay). No separate `end` follows. */
  ended: 1,
  /** The destination is gone (its own `reset` row comes too); the source is paused. */
  broken: 2,
  /** Stopped by `relayStop`; the source is paused. */
  stopped: 3,
} as const

/** Operations. They run in order when onBatch returns, or at `flush`. Consecutive sends to one connection become one sendmsg. */
export const OP = {
  /** Send `mem[a, a+b)`. What does not fit is copied into the connection's output queue, so the span may be reused as soon as the op ran.
   * An empty span is fine; a send after `shutdown` is a bad op. */
  send: 1,
  /** Stop reading: no `data`/`end` rows until `resume` (a reset is still reported, a FIN by `hangup`). Holds a relay whose source this is. */
  pause: 2,
  resume: 3,
  /** Send FIN once the output queue is empty. */
  shutdown: 4,
  /** Graceful close: the handle dies now; natively the output queue is flushed, FIN sent, and what still arrives is read and
   * thrown away (bounded) until the peer's FIN or until a = linger in ms is over, so that the peer can read our last words
   * (RFC 9112 §9.6). That time begins with our FIN; before, it is how long the peer may acknowledge nothing while output is queued, and one that stands
   * still so long (a quarter more at most) is reset. a = 0: flush, then close at once without lingering reads; a peer that takes
   * nothing of the rest for 1 s is reset. A connection that is not established yet is dropped, queue and all. */
  close: 5,
  /** Close now with RST, queued output dropped. The handle dies. */
  reset: 6,
  /** Move bytes from this connection to connection (a = fd, b = generation) without waking TypeScript:
   * c + d·2³² = number of bytes (both words unsigned), or c = d = -1 until the source ends. Backpressure is kept natively.
   * While it runs the source yields no `data`/`end` rows; it resumes a paused source. Ends with `relayDone` (or `reset` of the source).
   * One relay per source and one per destination, none to itself or into a connection that was shut down: else a bad op, unanswered.
   * A destination that is already dead counts as a stale op and is answered with status broken. */
  relay: 7,
  /** Stop the relay whose source this is; answered by `relayDone` with status stopped (unless it ended by itself before). */
  relayStop: 8,
  /** Give the connection to engine a (its shard index) with tag b (int32). The handle dies here and `takenOver` appears there with a new generation.
   * While connecting or part of a relay: a bad op. No such engine (any more): it appears here again. */
  handover: 9,
} as const

/** Engine counters, in the order of the Float64Array `stats` (single writer: the engine; monotonic unless said otherwise). */
export const ENGINE_STATS = [
  'accepted',
  'refusedOverLimit', // accepted and closed at once: `maxConnections` reached, or no descriptor left
  'acceptExhausted', // EMFILE, ENFILE, ENOBUFS, ENOMEM on accept
  'acceptAborted', // ECONNABORTED and kin: the peer left before we accepted
  'connects',
  'connectFailures',
  'bytesIn',
  'bytesOut',
  'bytesRelayed',
  'resets', // connections that broke
  'staleEvents',
  'staleOps',
  'badOps', // rows whose spans or words were out of bounds: dropped
  'overflows', // connections reset because their output queue passed the cap
  'lingerTimeouts',
  'open', // gauge: connections of this engine now, lingering ones included
  'queuedBytes', // gauge: output queued natively now
  'ticks',
  'events',
] as const
export type EngineStat = (typeof ENGINE_STATS)[number]

/**
 * What of a life of a shard outlives its thread, in one SharedArrayBuffer that main makes (one per life) and keeps until the estate of
 * that life is settled: the buffer, the tables, and where its thread was in them.
 */
export type EngineMemory = {
  readonly buffer: SharedArrayBuffer
  /** Byte offsets of the parts. `mem` is `arenaBytes + ownBytes` long and begins on a page. */
  readonly mem: number
  readonly events: number
  readonly ops: number
  /** Int32s, see `LIVE`. */
  readonly live: number
}

/** Words (Int32, plain stores) that tell where a shard's thread was when it died. */
export const LIVE = {
  /** Rows of the event table in the batch being handled; 0 outside of one. Stands as it is when the handler did not return.
   * Writer: the engine; and the reactor, 0 once all rows were seen, before it puts the cursor back: between the two they would seem unseen. */
  rows: 0,
  /** Index of the row being handled; -1 outside of a batch. Rows behind it were not seen by anybody. Writer: the reactor; the engine puts it to -1 with the rows. */
  cursor: 1,
  /** Op rows written and not yet run: the engine runs them when it is stopped, so what was decided is done. Writer: the op writer, after each row; the engine sets 0 when it takes them. */
  ops: 2,
} as const
export const LIVE_WORDS = 32

export type EngineOptions = {
  /** Absent: memory of the engine's own, which ends with it. */
  readonly memory?: EngineMemory
  /** One word of shared memory, see `Host.attend`; the engine attends by itself, and stores to it whenever it begins to look for events, too. Absent: none. */
  readonly heartbeat?: Float64Array
  /** This engine's index in the process: owner id of its connections and target of `wake` and `handover`. 0…255. */
  readonly shard: number
  /** Bytes of `mem` for incoming data, at the front. At least 64 KiB. */
  readonly arenaBytes: number
  /** Bytes of `mem` after the arena, owned by TypeScript: scratch output and slabs. */
  readonly ownBytes: number
  /** Largest single read in bytes (16 KiB by default); at most arenaBytes. */
  readonly readBytes: number
  /** Hard cap of one connection's native output queue in bytes. Passing it resets the connection. */
  readonly queueCap: number
  /** Accepted connections open in the whole process at which further ones are closed at once and counted. */
  readonly maxConnections: number
  /** Rows of the event and op tables. At least 64. */
  readonly eventRows: number
  readonly opRows: number
  /** Length ENGINE_STATS.length, over shared memory, so that telemetry reads it from its own thread. */
  readonly stats: Float64Array
}

/** Called once per batch with the number of event rows (0 for a timer tick); returns the number of op rows to run. */
export type BatchHandler = (events: number) => number

export interface Engine {
  /** One buffer for everything: `[0, arenaBytes)` is written by the engine, the rest belongs to TypeScript. */
  readonly mem: Uint8Array
  readonly arenaBytes: number
  readonly events: Int32Array
  readonly ops: Int32Array
  /** `LIVE_WORDS` int32s, see `LIVE`. */
  readonly live: Int32Array
  /** `[0]` monotonic milliseconds (fractional), `[1]` wall clock in Unix milliseconds; read once at the start of each batch. */
  readonly clock: Float64Array
  /** Begin to deliver batches. An exception out of the handler is rethrown as an uncaught exception of the thread. */
  start(handler: BatchHandler): void
  /** Run the first `rows` op rows now: when the op table or the scratch runs full inside a batch, or outside of one. */
  flush(rows: number): void
  /** Non-blocking connect to `ip:port`, `[v6]:port` or `unix:/path` (no names). Returns the fd (its generation is `generationOf(fd)`),
   * or -errno when it failed at once. Data may be sent to it at once (it queues). TCP_NODELAY is set. */
  connect(address: string): number
  /** 0 if this engine has no live handle of that fd. */
  generationOf(fd: number): number
  /** Bytes received plus bytes that were sent and that the peer's kernel acknowledged, over the connection's life: an inactivity timer compares two readings. It never
   * falls. (Ours takes more only once a third of its buffer is free, which a slow reader may need minutes for.) Over a unix socket, what our kernel took.
   * -1 for a dead handle. A system call while something is under way: for timers, not for every event. */
  progress(fd: number, generation: number): number
  /** Bytes of output queued natively for a connection: not 0 while its peer does not read fast enough, whoever feeds it. -1 for a dead handle. */
  queued(fd: number, generation: number): number
  /** Call the handler at least every `ms` (with 0 rows if nothing happened); 0 stops. Lets the timing wheel turn. */
  tickEvery(ms: number): void
  /** Accept from a listening socket owned by the acceptor; `token` comes back in `accepted` rows. The engine never closes it. */
  listen(listenerFd: number, token: number): void
  /** Take no more from it. Nothing already accepted is touched. */
  unlisten(listenerFd: number): void
  /** Make engine `shard` of this process deliver a `wake` row. True if it exists. Callable from any thread. */
  wake(shard: number): boolean
  /**
   * Take a connection that a stopped engine left in the process's table (`Connections.estate`), be it one that had this engine's index: it is
   * this engine's from now on, reading paused until `resume`, relays of the life before forgotten, queued output kept (which counts as blocked: `writable` follows),
   * what is readable announced anew. Returns the new generation, or 0 if that handle is not to be had any more: taken by another, ended, connecting,
   * broken or closing. Of a handle that this engine serves already (`takenOver` was delivered) it returns the generation and changes nothing.
   */
  take(fd: number, generation: number): number
  /** FLAG bits of a live handle: 1 = the peer's FIN was read, 2 = output is queued natively. -1 for a dead one. */
  flagsOf(fd: number, generation: number): number
  /** IP as text (as in `accepted` rows) and port of the peer, `ip port`; `unix: 0`; undefined for a dead handle, and when the peer has reset the connection already. */
  peerOf(fd: number, generation: number): string | undefined
  /** Stop for good: op rows written and not yet run are run (`LIVE.ops`), then connections that are still open stay in the process's table, counted to this shard's index,
   * for someone to take or reset, and the gauges of `stats` are 0. The end of the thread does the same, however it comes. Inside of a handler nothing of its batch runs any more but what was in `LIVE.ops`. */
  stop(): void
}

/** A listening socket group, made and kept by the acceptor. */
export type ListenerGroup = {
  /** As bound: `127.0.0.1:8080` with the real port, `[::1]:8080`, `unix:/path`. */
  readonly address: string
  /** One fd per member of the SO_REUSEPORT group; a unix socket has one, shared by all shards. */
  readonly fds: readonly number[]
}

/** What the acceptor needs: sockets that outlive shards. Errors are `Error`s with `code` (`EADDRINUSE`, `EACCES`, …) and `address`. */
export interface Listeners {
  /** Bind and listen: `members` sockets on one address (SO_REUSEPORT; unix: one socket, a stale socket file nobody listens on is replaced). Port 0 picks one port for all members. */
  open(address: string, members: number, backlog: number): ListenerGroup
  /** Close every member (queued connections are reset by the kernel: unlisten and drain before). Removes a unix socket's file if it was made here, not if it was inherited.
   * Sockets that another process goes on with are let go of by `Host.closeFd`. */
  close(group: ListenerGroup): void
  /** Listening sockets that this process was born with (systemd, our master, a predecessor): grouped by local address, in the order of their numbers.
   * What does not listen, is no stream socket or has no name (an abstract unix socket) is left out and untouched. The others are ours from now on: CLOEXEC, non-blocking. */
  inherit(fds: readonly number[]): readonly ListenerGroup[]
  /** One group with more members on its address, appended (SO_REUSEPORT groups only; a socket without it is shared by all shards as it is). At most 256.
   * While the group is steered the new members get no connection until the next `steer`; else the kernel's hash counts them in at once. */
  extend(group: ListenerGroup, members: number, backlog: number): ListenerGroup
  /** Share of new connections per member (any non-negative numbers, not all 0), by classic BPF on the group; a 0 gets none. */
  steer(group: ListenerGroup, weights: readonly number[]): void
}

/** Process-wide facts and duties that outlive a shard. */
export interface Connections {
  /** Raise the soft fd limit to the hard one (at most 1,048,576, the table's size). Returns the limit in force. */
  raiseFdLimit(): number
  /** Number of connections owned by a shard index, and of all. */
  count(shard?: number): number
  /** Reset every connection a dead shard left behind and return how many; those closed gracefully whose output is the kernel's already are
   * only closed, and not counted. Only when that shard's engine has stopped. */
  resetOwned(shard: number): number
  /** What a stopped shard left that can go on: `ESTATE_WORDS` int32s each: fd, generation, kind (1 client, 2 upstream), listener token, bytes received and sent so far
   * (low, high word). Whatever was connecting, failing or closing is ended here (as `resetOwned` does). Only when that shard's engine has stopped. */
  estate(shard: number): Int32Array
  /** Reset one connection that nobody's engine serves. False if that handle is gone or served. */
  resetOne(fd: number, generation: number): boolean
}
export const ESTATE_WORDS = 6
