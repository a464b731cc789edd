import { text } from '../base/bytes.ts'
import { Slabs } from '../base/slab.ts'
import type { SlabClass } from '../base/slab.ts'
import type { Timer } from '../base/wheel.ts'
import { TimingWheel } from '../base/wheel.ts'
import { Connection } from './connection.ts'
import { EVENT, EVENT_WORDS, LIVE } from './engine.ts'
import type { Engine, Handle } from './engine.ts'
import { OpWriter } from './ops.ts'
import type { ReactorHandler } from './reactor-handler.ts'
import { Turns } from './turns.ts'

/** What can be armed in the shard's wheel. */
export interface Armed extends Timer {
  /** The deadline passed; it is disarmed. */
  onTimer(nowMs: number): void
}

export type ReactorOptions = {
  readonly scratchBytes: number
  readonly slabs: readonly SlabClass[]
  readonly granularityMs: number
  /** Rows of connection notes by fd (`shm/notes.ts`); absent: nothing is to outlive the thread. */
  readonly notes?: Int32Array
}

/**
 * One shard's loop: turns event rows into calls on connections, turns the timing wheel, and owns what all its connections
 * share (buffer, slabs, op table, clock). One batch in, one batch of ops out.
 */
export class Reactor {
  readonly engine: Engine
  readonly mem: Uint8Array
  readonly ops: OpWriter
  readonly slabs: Slabs
  readonly wheel: TimingWheel<Armed>
  readonly notes: Int32Array
  /** Monotonic and wall clock of this batch, in ms. */
  nowMs: number
  wallMs: number
  readonly #handler: ReactorHandler
  readonly #live: Int32Array
  readonly #table: (Connection | undefined)[] = []
  /** Those whose fd has its next tenant already, made by a `connect` of ours while the row that reports their death was still to come. */
  #displaced: Connection[] = []
  readonly #turns: Turns
  readonly #fire = (timer: Armed): void => {
    try {
      timer.onTimer(this.nowMs)
    } catch (error) {
      this.#contain(error, timer instanceof Connection ? timer : undefined)
    }
  }
  /** Slabs given back in this batch: ops still to run may read them, so they are free only afterwards. */
  readonly #retired: number[] = []
  readonly #deferred: Connection[] = []

  static ownBytes(options: ReactorOptions): number {
    return options.scratchBytes + Slabs.bytesOf(options.slabs)
  }

  constructor(engine: Engine, options: ReactorOptions, handler: ReactorHandler) {
    this.engine = engine
    this.mem = engine.mem
    this.notes = options.notes ?? new Int32Array(0)
    this.#live = engine.live
    const scratchEnd = engine.arenaBytes + options.scratchBytes
    this.ops = new OpWriter(engine, engine.arenaBytes, scratchEnd)
    this.slabs = new Slabs(scratchEnd, options.slabs)
    this.nowMs = engine.clock[0]!
    this.wallMs = engine.clock[1]!
    this.#turns = new Turns(engine, options.granularityMs)
    this.wheel = new TimingWheel({ granularityMs: options.granularityMs, capacity: 1024 }, this.nowMs)
    this.#handler = handler
  }

  start(): void {
    this.engine.start((events) => this.#onBatch(events))
    this.#turns.start()
  }

  /** A batch at least so often; undefined: as usual. */
  tickEvery(ms: number = this.wheel.granularityMs): void {
    this.#turns.tickEvery(ms)
  }

  /** There is nothing to do, and next to no turns. */
  get atRest(): boolean {
    return this.#turns.atRest
  }

  /** Something begins outside of a batch (a control message), so long after the last batch did. */
  stir(sinceMs: number): void {
    const { clock } = this.engine
    this.nowMs = Math.max(this.nowMs, clock[0]! + sinceMs)
    this.wallMs = Math.max(this.wallMs, clock[1]! + sinceMs)
    this.#turns.rouse()
  }

  /** Connections alive. */
  *connections(): Iterable<Connection> {
    for (const connection of this.#table) if (connection !== undefined) yield connection
  }

  register(connection: Connection): void {
    const before = this.#table[connection.fd]
    if (before !== undefined) this.#displaced.push(before)
    this.#table[connection.fd] = connection
  }

  /** The handle died. */
  forget(connection: Connection): void {
    this.wheel.disarm(connection)
    if (this.#table[connection.fd] === connection) this.#table[connection.fd] = undefined
    else if (this.#displaced.length > 0) {
      this.#displaced = this.#displaced.filter((other) => other !== connection)
    }
  }

  /** The connection of ours that has this handle. */
  find({ fd, generation }: Handle): Connection | undefined {
    const connection = this.#table[fd]
    return connection?.generation === generation ? connection : undefined
  }

  /** Reset whatever has this handle: a connection of ours, as one that broke, or one that was to become ours. */
  breakOff(handle: Handle): void {
    const connection = this.find(handle)
    if (connection === undefined) this.ops.reset(handle)
    else connection.breakOff()
  }

  /** Call `connection.onDeferred` at the end of this batch (or flush): breaks recursion between connections. */
  defer(connection: Connection): void {
    this.#deferred.push(connection)
  }

  /** Give a slab back. It is reused from the next batch on: an op of this one may still have to send from it. */
  release(slab: number): void {
    this.#retired.push(slab)
  }

  /** Run what was decided outside of a batch (a control message, say). */
  flush(): void {
    this.#runDeferred()
    this.ops.flush()
    this.#freeRetired()
  }

  #runDeferred(): void {
    const deferred = this.#deferred
    // Running one may defer others, itself included: they go to the end of the list.
    for (let i = 0; i < deferred.length; i++) if (!deferred[i]!.dead) deferred[i]!.onDeferred()
    deferred.length = 0
  }

  #freeRetired(): void {
    const retired = this.#retired
    while (retired.length > 0) this.slabs.free(retired.pop()!)
  }

  #onBatch(events: number): number {
    const started = this.#handler.onBatchStart()
    this.#freeRetired()
    const clock = this.engine.clock
    this.nowMs = clock[0]!
    this.wallMs = clock[1]!
    // Who rested makes up for the turns it left out before anything is done that goes by them.
    if (events > 0 && this.#turns.rouse() && this.#turns.due(this.nowMs)) this.#turn()
    const live = this.#live
    for (let i = 0; i < events; i++) {
      const at = i * EVENT_WORDS
      live[LIVE.cursor] = i
      try {
        this.#dispatch(at)
      } catch (error) {
        this.#containRow(error, at)
      }
    }
    // All rows were seen, none is to blame for what happens from here on; in this order, or rows would seem unseen.
    live[LIVE.rows] = 0
    live[LIVE.cursor] = -1
    if (this.#turns.due(this.nowMs)) this.#turn()
    if (this.#deferred.length > 0) this.#runDeferred()
    this.#handler.onBatchEnd(this.nowMs, started)
    return this.ops.take()
  }

  #turn(): void {
    this.wheel.advance(this.nowMs, this.#fire)
    this.#handler.onTurn(this.nowMs)
    if (!this.wheel.idle || this.#table.some(isThere) || this.#handler.restless()) this.#turns.rouse()
    else this.#turns.quiet()
  }

  #containRow(error: unknown, at: number): void {
    const row = this.engine.events
    const fd = row[at + 1]!
    const connection = this.#table[fd]
    this.#contain(error, connection)
    // Accepted, but nobody's yet: it must not stay open unowned.
    if (row[at] === EVENT.accepted && connection === undefined)
      this.ops.reset({ fd, generation: row[at + 2]! })
  }

  /** A bug met one connection: it must not meet the others. The connection is broken off, its handle given back. */
  #contain(error: unknown, connection: Connection | undefined): void {
    this.#handler.onError(error)
    if (connection === undefined || connection.dead) return
    connection.breakOff()
  }

  #dispatch(at: number): void {
    const row = this.engine.events
    let connection = this.#table[row[at + 1]!]
    if (connection?.generation !== row[at + 2]!) connection = this.#displacedWith(row[at + 1]!, row[at + 2]!)
    if (connection === undefined) {
      this.#dispatchUnowned(at)
      return
    }
    switch (row[at]) {
      case EVENT.data:
        connection.onData(row[at + 3]!, row[at + 3]! + row[at + 4]!)
        return
      case EVENT.connected:
        connection.onConnected()
        return
      case EVENT.end:
        connection.ended = true
        connection.onEnd()
        return
      case EVENT.reset:
      case EVENT.connectFailed:
        connection.dead = true
        this.forget(connection)
        connection.endNote()
        connection.onReset(row[at + 3]!)
        return
      case EVENT.hangup:
        connection.onHangup()
        return
      case EVENT.blocked:
        connection.blocked = true
        connection.onBlocked()
        return
      case EVENT.writable:
        connection.blocked = false
        connection.onWritable()
        return
      case EVENT.relayDone:
        connection.relaying = false
        connection.onRelayDone(row[at + 3]!, (row[at + 4]! >>> 0) + (row[at + 5]! >>> 0) * 4294967296)
        return
      default:
        this.#dispatchUnowned(at)
    }
  }

  #displacedWith(fd: number, generation: number): Connection | undefined {
    if (this.#displaced.length === 0) return undefined
    return this.#displaced.find((other) => other.fd === fd && other.generation === generation)
  }

  /** Rows about no connection of ours, and stale ones, whose connection we closed earlier in this very batch: those are dropped. */
  #dispatchUnowned(at: number): void {
    const row = this.engine.events
    switch (row[at]) {
      case EVENT.accepted: {
        const start = row[at + 4]!
        const peer = text(this.mem, start, start + row[at + 5]!)
        this.#handler.onAccepted({
          fd: row[at + 1]!,
          generation: row[at + 2]!,
          token: row[at + 3]!,
          peer,
          port: row[at + 6]!,
        })
        return
      }
      case EVENT.wake:
        this.#handler.onWake()
        return
      case EVENT.exhausted:
        this.#handler.onExhausted(row[at + 1]!, row[at + 3]!)
        return
      case EVENT.takenOver:
        this.#handler.onTakenOver(row[at + 1]!, row[at + 2]!, row[at + 3]!)
        return
      default:
    }
  }
}

const isThere = (connection: Connection | undefined): boolean => connection !== undefined
