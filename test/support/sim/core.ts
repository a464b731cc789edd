import {
  ENGINE_STATS,
  EVENT,
  EVENT_WORDS,
  LIVE_WORDS,
  OP_WORDS,
  RELAY,
  type EngineOptions,
  type EngineStat,
} from '../../../src/io/engine.ts'
import { allocateEngineMemory } from '../../../src/io/engine-memory.ts'
import type { Clockwork, Task } from './clockwork.ts'
import { SimConnection } from './connection.ts'
import type { ProcessMember, SimProcess } from './process.ts'
import { EventRows } from './rows.ts'
import { ERRNO, type SimSocket } from './socket.ts'

const STAT = Object.fromEntries(ENGINE_STATS.map((name, index) => [name, index])) as Record<
  EngineStat,
  number
>

/**
 * The state of one simulated engine and the moves its parts share: rows, counters, output, the death of a connection.
 * Reading and batches are the engine's (`serve.ts`, `sim-engine.ts`), ops are `ops.ts`.
 */
export class EngineCore implements ProcessMember {
  readonly options: EngineOptions
  readonly shard: number
  readonly clock: Clockwork
  readonly process: SimProcess
  readonly rows: EventRows
  readonly name: string
  readonly mem: Uint8Array
  readonly ops: Int32Array
  readonly live: Int32Array
  /** Ready connections, in the order they became so. */
  ready: SimConnection[] = []
  stopped = false
  /** Its thread is stuck for good: nothing is served until it is stopped. */
  hung = false
  #wakeRaised = false
  /** Asks for a batch soon. */
  onWork: () => void = () => {}

  constructor(clock: Clockwork, process: SimProcess, options: EngineOptions) {
    this.clock = clock
    this.process = process
    this.options = options
    this.shard = options.shard
    this.name = `engine${options.shard}`
    const { buffer, ...at } = options.memory ?? allocateEngineMemory(options)
    this.rows = new EventRows(new Int32Array(buffer, at.events, options.eventRows * EVENT_WORDS))
    this.mem = new Uint8Array(buffer, at.mem, options.arenaBytes + options.ownBytes)
    this.ops = new Int32Array(buffer, at.ops, options.opRows * OP_WORDS)
    this.live = new Int32Array(buffer, at.live, LIVE_WORDS)
    this.live.set([0, -1, 0])
  }

  count(stat: EngineStat, by = 1): void {
    const { stats } = this.options
    stats[STAT[stat]] = (stats[STAT[stat]] ?? 0) + by
  }

  stat(stat: EngineStat): number {
    return this.options.stats[STAT[stat]] ?? 0
  }

  emit(kind: number, connection: SimConnection, words: readonly number[] = []): void {
    this.rows.emit({ kind, connection, fd: connection.fd, generation: connection.generation, words })
    this.onWork()
  }

  markReady(connection: SimConnection): void {
    if (connection.listed || this.stopped) return
    connection.listed = true
    this.ready.push(connection)
    this.onWork()
  }

  raiseWake(): void {
    if (this.stopped || this.#wakeRaised) return
    this.#wakeRaised = true
    this.later(this.clock.chance.between(this.clock.profile.batchMs), () => {
      this.#wakeRaised = false
      this.rows.emit({ kind: EVENT.wake, connection: null, fd: 0, generation: 0, words: [] })
      this.onWork()
    })
  }

  adopt(connection: SimConnection, generation: number, tag: number): void {
    this.#own(connection, generation)
    this.emit(EVENT.takenOver, connection, [tag, flagsOf(connection)])
  }

  /** The engine stops: its connections keep what is true of them, and forget what it was about to do with them. */
  leave(): void {
    this.stopped = true
    for (const connection of this.process.owned(this)) {
      connection.relay = null
      connection.feeder = null
      connection.listed = false
    }
    this.ready = []
    this.count('open', -this.stat('open'))
    this.count('queuedBytes', -this.stat('queuedBytes'))
  }

  /** A connection that a stopped engine left; its new generation. */
  take(connection: SimConnection): number {
    this.#own(connection, this.process.nextOf(connection.generation))
    this.clock.note(this.name, 'take', connection.fd)
    return connection.generation
  }

  #own(connection: SimConnection, generation: number): void {
    connection.owner = this
    connection.generation = generation
    connection.paused = true
    connection.listed = false
    connection.hangupSaid = false
    connection.blocked = connection.out.length > 0
    this.count('open')
    this.count('queuedBytes', connection.out.length)
    this.markReady(connection)
  }

  /** Give a live connection away. */
  release(connection: SimConnection): void {
    this.kill(connection)
    this.count('open', -1)
    this.count('queuedBytes', -connection.out.length)
    if (connection.listed) this.ready.splice(this.ready.indexOf(connection), 1)
    connection.listed = false
  }

  /** A new connection moves into the lowest free fd. */
  admit(socket: SimSocket, accepted: boolean): SimConnection {
    const { process } = this
    const handle = { fd: process.lowestFreeFd(), generation: process.nextGeneration() }
    const connection = new SimConnection(handle, socket, this, accepted)
    process.add(connection)
    this.count('open')
    return connection
  }

  /** Send; what does not fit is queued, under the cap. */
  output(connection: SimConnection, bytes: Uint8Array): void {
    if (connection.failure !== 0) return
    let taken = 0
    if (connection.out.length === 0 && !connection.connecting) {
      taken = connection.socket.write(bytes)
      if (taken < 0) return this.fail(connection, -taken)
      this.#sent(connection, taken)
    }
    const rest = bytes.length - taken
    if (connection.out.length + rest > this.options.queueCap) {
      this.count('overflows')
      return this.fail(connection, ERRNO.ENOBUFS)
    }
    if (rest > 0) {
      connection.out.push(bytes.slice(taken))
      this.count('queuedBytes', rest)
    }
  }

  /** Offer the queue to the socket; send the FIN that waits behind it. */
  flush(connection: SimConnection): void {
    while (connection.out.length > 0) {
      const offered = connection.out.peek(connection.out.length)
      const taken = connection.socket.write(offered)
      if (taken < 0) return this.fail(connection, -taken)
      connection.out.drop(taken)
      this.count('queuedBytes', -taken)
      this.#sent(connection, taken)
      if (taken < offered.length) return
    }
    if (connection.shutdown && !connection.connecting) connection.socket.shutdown()
  }

  /** Nobody reads, and the peer has sent FIN. */
  reportHangup(connection: SimConnection): void {
    if (!connection.owesHangup) return
    connection.hangupSaid = true
    this.emit(EVENT.hangup, connection)
  }

  /** Output sits in the queue: say so, once per blocking. */
  reportBlocked(connection: SimConnection): void {
    if (connection.blocked || connection.connecting || connection.out.length === 0) return
    connection.blocked = true
    this.emit(EVENT.blocked, connection, [connection.out.length])
  }

  /** Nothing can be sent any more. The handle lives until a `reset` row says so, after the input that is still there. */
  fail(connection: SimConnection, errno: number): void {
    if (connection.failure !== 0) return
    this.clock.note(this.name, 'fails', connection.fd, errno)
    connection.failure = errno
    this.#dropOutput(connection)
    if (connection.feeder !== null) this.endRelay(connection.feeder, RELAY.broken)
    this.markReady(connection)
  }

  /** The connection is gone, and this row says so. */
  breakUp(connection: SimConnection, errno: number): void {
    this.clock.note(this.name, 'breaks', connection.fd, errno)
    this.count(connection.connecting ? 'connectFailures' : 'resets')
    this.emit(connection.connecting ? EVENT.connectFailed : EVENT.reset, connection, [errno])
    this.kill(connection)
    this.discard(connection)
  }

  /** The handle dies: relays it takes part in end, a source that relayed into it hears of it. */
  kill(connection: SimConnection): void {
    if (connection.relay !== null) connection.relay.to.feeder = null
    connection.relay = null
    if (connection.feeder !== null) this.endRelay(connection.feeder, RELAY.broken)
    connection.generation = 0
  }

  endRelay(source: SimConnection, status: number): void {
    const { relay } = source
    if (relay === null) return
    relay.to.feeder = null
    source.relay = null
    source.paused = status === RELAY.broken || status === RELAY.stopped
    this.reportRelay(source, status, relay.moved)
    this.markReady(source)
  }

  reportRelay(source: SimConnection, status: number, moved: number): void {
    this.clock.note(this.name, 'relayDone', status, moved)
    this.emit(EVENT.relayDone, source, [status, moved | 0, Math.floor(moved / 0x1_0000_0000)])
  }

  /** Free everything: socket (reset unless it was closed properly before), fd, queue. */
  discard(connection: SimConnection): void {
    this.#dropOutput(connection)
    this.clock.cancel(connection.deadline)
    connection.socket.abort()
    this.process.remove(connection)
    this.count('open', -1)
  }

  later(delayMs: number, run: () => void): Task {
    return this.clock.after(delayMs, () => {
      if (!this.stopped && !this.hung) run()
    })
  }

  #dropOutput(connection: SimConnection): void {
    this.count('queuedBytes', -connection.out.length)
    connection.out.clear()
  }

  #sent(connection: SimConnection, bytes: number): void {
    connection.bytesOut += bytes
    this.count('bytesOut', bytes)
  }
}

/** As `Engine.flagsOf` has them. */
export const flagsOf = ({ ended, out }: SimConnection): number => (ended ? 1 : 0) | (out.length > 0 ? 2 : 0)
