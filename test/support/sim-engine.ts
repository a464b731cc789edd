import {
  LIVE,
  OP_WORDS,
  type BatchHandler,
  type Engine,
  type EngineOptions,
  type EngineStat,
} from '../../src/io/engine.ts'
import { EngineAudit } from './engine-audit.ts'
import { linger } from './sim/closing.ts'
import type { Clockwork, Task } from './sim/clockwork.ts'
import type { SimConnection } from './sim/connection.ts'
import { EngineCore, flagsOf } from './sim/core.ts'
import { Acceptor } from './sim/listener.ts'
import { runOps } from './sim/ops.ts'
import type { SimProcess } from './sim/process.ts'
import { ROWS_PER_CONNECTION, serve, type ArenaCursor } from './sim/serve.ts'
import { ERRNO, type SimSocket } from './sim/socket.ts'

/** Simulated Unix time at virtual time 0: 2026-01-01. */
const WALL_START_MS = 1_767_225_600_000
/** What arena bytes are overwritten with once their batch is over. */
const POISON = 0xdd
/** How often somebody hears (`Host.hear`). */
const HEAR_MS = 50

/** Where an engine's connects lead: our end of a connection being made, or an errno when it fails at once. */
export type Dial = (address: string) => SimSocket | number

/**
 * The engine port over a simulated network: virtual time, chance out of a seed, no thread, no socket, no promise.
 *
 * It is as nasty as the port's page allows: batches of any size, spans anywhere in the arena and destroyed after the batch,
 * an fd's next tenant moves in at once. Every row and op passes the audit that also holds the native engine to the page.
 */
export class SimEngine implements Engine {
  readonly mem: Uint8Array
  readonly arenaBytes: number
  readonly events: Int32Array
  readonly ops: Int32Array
  readonly live: Int32Array
  readonly clock: Float64Array = new Float64Array(2)
  readonly audit: EngineAudit
  readonly #core: EngineCore
  readonly #acceptor: Acceptor
  readonly #dial: Dial
  #handler: BatchHandler | null = null
  #batch: Task | null = null
  #tickMs = 0
  #tick: Task | null = null
  #lastBatchMs = 0
  /** Bytes of the arena that the batch at hand takes. */
  #read = 0
  #pulse: Task | null = null

  constructor(clock: Clockwork, process: SimProcess, dial: Dial, options: EngineOptions) {
    const sitting = process.members.get(options.shard)
    if (sitting !== undefined && !sitting.stopped) throw new Error(`shard ${options.shard} is taken`)
    const core = new EngineCore(clock, process, options)
    this.#core = core
    this.#acceptor = new Acceptor(core)
    this.#dial = dial
    this.mem = core.mem
    this.arenaBytes = options.arenaBytes
    this.events = core.rows.table
    this.ops = core.ops
    this.live = core.live
    this.audit = new EngineAudit({ ...options, memBytes: this.mem.length })
    this.mem.fill(POISON, 0, options.arenaBytes)
    core.onWork = () => this.#schedule()
    process.members.set(options.shard, core)
    this.hear()
    this.#readClock()
  }

  start(handler: BatchHandler): void {
    if (this.#handler !== null) throw new Error('started twice')
    this.#handler = handler
    this.#schedule()
  }

  flush(rows: number): void {
    if (!Number.isInteger(rows) || rows < 0 || rows * OP_WORDS > this.ops.length) {
      throw new RangeError(`${rows} op rows`)
    }
    if (this.#core.stopped) return
    this.live[LIVE.ops] = 0
    this.audit.ops(this.ops, rows)
    runOps(this.#core, this.ops, rows)
  }

  connect(address: string): number {
    const core = this.#core
    if (core.stopped) throw new Error('the engine was stopped')
    const socket = this.#dial(address)
    if (socket === ERRNO.EINVAL) return -socket
    core.count('connects')
    if (typeof socket === 'number') {
      core.count('connectFailures')
      core.clock.note(core.name, 'connect fails', socket)
      return -socket
    }
    const connection = core.admit(socket, false)
    connection.peer = peerText(address)
    core.clock.note(core.name, 'connect', connection.fd)
    this.audit.connecting(connection.fd, connection.generation)
    return connection.fd
  }

  generationOf(fd: number): number {
    const connection = this.#core.process.at(fd)
    const ours = connection !== null && connection.owner === this.#core && !this.#core.stopped
    return ours ? connection.generation : 0
  }

  progress(fd: number, generation: number): number {
    const connection = this.#find(fd, generation)
    return connection?.progress ?? -1
  }

  queued(fd: number, generation: number): number {
    return this.#find(fd, generation)?.out.length ?? -1
  }

  tickEvery(ms: number): void {
    this.#core.clock.cancel(this.#tick)
    this.#tick = null
    this.#tickMs = ms
    if (ms > 0) this.#armTick()
  }

  listen(listenerFd: number, token: number): void {
    const { users, tokens } = this.#core.process.listener(listenerFd)
    if (users.has(this.#core)) throw new Error(`EEXIST: engine ${this.#core.shard} listens on ${listenerFd}`)
    users.set(this.#core, token)
    tokens.add(token)
    this.#schedule()
  }

  unlisten(listenerFd: number): void {
    this.#core.process.listeners.get(listenerFd)?.dismiss(this.#core)
  }

  wake(shard: number): boolean {
    const member = this.#core.process.members.get(shard)
    if (member === undefined || member.stopped) return false
    member.raiseWake()
    return true
  }

  take(fd: number, generation: number): number {
    if (this.#core.stopped) throw new Error('the engine was stopped')
    if (this.#find(fd, generation) !== null) return generation
    const connection = this.#core.process.leftBy(fd, generation)
    if (connection === null) return 0
    const taken = this.#core.take(connection)
    this.audit.taken(fd, taken, flagsOf(connection))
    return taken
  }

  flagsOf(fd: number, generation: number): number {
    const connection = this.#find(fd, generation)
    return connection === null ? -1 : flagsOf(connection)
  }

  peerOf(fd: number, generation: number): string | undefined {
    const connection = this.#find(fd, generation)
    return connection === null || connection.socket.error !== 0 ? undefined : connection.peer
  }

  stop(): void {
    const core = this.#core
    if (core.stopped) return
    this.flush(this.live[LIVE.ops] ?? 0)
    core.leave()
    for (const task of [this.#batch, this.#tick, this.#pulse]) core.clock.cancel(task)
    for (const listener of core.process.listeners.values()) listener.users.delete(core)
  }

  /** The thread is stuck from now on: no batch ends and none begins. What follows is `stop`. */
  hang(): void {
    this.#core.hung = true
    this.#core.clock.cancel(this.#batch)
    this.#core.clock.cancel(this.#tick)
  }

  /** A counter or gauge by name. */
  stat(name: EngineStat): number {
    return this.#core.stat(name)
  }

  #find(fd: number, generation: number): SimConnection | null {
    return this.#core.stopped ? null : this.#core.process.find(this.#core, fd, generation)
  }

  /** Somebody hears this thread: it lives, unless it hangs. */
  hear(): void {
    const { clock, hung, options } = this.#core
    if (options.heartbeat === undefined || hung) return
    options.heartbeat[0] = clock.nowMs
    clock.cancel(this.#pulse)
    this.#pulse = clock.at(clock.nowMs + HEAR_MS, () => this.hear(), true)
  }

  #schedule(): void {
    const { clock, stopped, hung } = this.#core
    if (this.#handler === null || stopped || hung || this.#batch !== null) return
    this.#batch = clock.after(clock.chance.between(clock.profile.batchMs), () => this.#runBatch(false))
  }

  #runBatch(evenIfEmpty: boolean): void {
    this.#core.clock.cancel(this.#batch)
    this.#batch = null
    this.#readClock()
    const rows = this.#build()
    if (rows > 0 || evenIfEmpty) this.#deliver(rows)
  }

  /** Fill the event table; returns the number of rows. */
  #build(): number {
    const core = this.#core
    const { chance, profile } = core.clock
    const limit = Math.min(chance.size(profile.batchRows), core.options.eventRows - ROWS_PER_CONNECTION)
    const arena: ArenaCursor = { at: 0 }
    this.#read = 0
    core.count('staleEvents', core.rows.begin(limit))
    const acceptFirst = chance.happens(profile.coalesce)
    if (acceptFirst) this.#accept(arena)
    this.#serveReady(limit, arena)
    if (!acceptFirst) this.#accept(arena)
    this.#read = arena.at
    if (core.rows.waiting > 0 || core.ready.length > 0) this.#schedule()
    return core.rows.finish()
  }

  #accept(arena: ArenaCursor): void {
    for (const listener of this.#core.process.listeners.values()) {
      const token = listener.users.get(this.#core)
      if (token !== undefined) this.#acceptor.acceptInto(arena, listener, token)
    }
  }

  #serveReady(limit: number, arena: ArenaCursor): void {
    const core = this.#core
    const turns = core.ready
    core.ready = []
    if (core.clock.profile.shuffle) core.clock.chance.shuffle(turns)
    let served = 0
    for (const connection of turns) {
      if (core.rows.waiting > 0 || core.rows.count >= limit || core.rows.free < ROWS_PER_CONNECTION) break
      served += 1
      connection.listed = false
      if (connection.lingering) linger(core, connection)
      else if (connection.alive) serve(core, connection, arena)
    }
    core.ready = [...turns.slice(served), ...core.ready]
  }

  #deliver(rows: number): void {
    const core = this.#core
    this.#lastBatchMs = core.clock.nowMs
    core.count('ticks')
    core.count('events', rows)
    core.clock.note(core.name, 'batch', rows)
    this.audit.batch(this.events, rows)
    const handler = this.#handler
    this.live[LIVE.cursor] = -1
    this.live[LIVE.rows] = rows
    const ops = handler === null ? 0 : handler(rows)
    if (!core.stopped && !core.hung) this.flush(ops)
    if (core.stopped || core.hung) return // it ended in this batch: what it had read stays where it lies
    this.live[LIVE.rows] = 0
    this.mem.fill(POISON, 0, this.#read) // the rest still is: shared memory is slow to fill
  }

  #readClock(): void {
    this.clock[0] = this.#core.clock.nowMs
    this.clock[1] = WALL_START_MS + this.#core.clock.nowMs
  }

  #armTick(): void {
    const { clock } = this.#core
    const dueMs = Math.max(clock.nowMs, this.#lastBatchMs + this.#tickMs)
    this.#tick = clock.at(dueMs, () => this.#onTick(), true)
  }

  #onTick(): void {
    this.#tick = null
    const overdue = this.#core.clock.nowMs >= this.#lastBatchMs + this.#tickMs
    if (overdue && this.#handler !== null) this.#runBatch(true)
    const { stopped, hung } = this.#core
    if (this.#tick === null && this.#tickMs > 0 && !stopped && !hung) this.#armTick()
  }
}

/** `ip port` of an address that is connected to. */
function peerText(address: string): string {
  const parts = /^\[?(?<ip>[^\]]+)\]?:(?<port>\d+)$/.exec(address)?.groups
  return address.startsWith('unix:') ? 'unix: 0' : `${parts?.['ip']} ${parts?.['port']}`
}
