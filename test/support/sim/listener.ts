import { EVENT } from '../../../src/io/engine.ts'
import type { ArenaCursor } from './serve.ts'
import type { EngineCore } from './core.ts'
import { ERRNO, type SimSocket } from './socket.ts'

/** A connection the kernel has established and nobody accepted yet. `socket` is our end. */
export type Arrival = { readonly socket: SimSocket; readonly ip: string; readonly port: number }

const PAUSE_MS = 100
const ROW_EVERY_MS = 1000
const EXHAUSTED = [ERRNO.EMFILE, ERRNO.ENFILE, ERRNO.ENOBUFS, ERRNO.ENOMEM] as const
const encoder = new TextEncoder()

/** A listening socket of the process: it belongs to no engine, its queue outlives those that accept from it. */
export class SimListener {
  readonly fd: number
  readonly queue: Arrival[] = []
  /** Engines that accept from it, each with its own token. */
  readonly users: Map<EngineCore, number> = new Map()
  /** Tokens it was listened on with and not dismissed from: whoever connects waits for the successor of an engine that died. */
  readonly tokens: Set<number> = new Set()

  constructor(fd: number) {
    this.fd = fd
  }

  dismiss(user: EngineCore): void {
    const token = this.users.get(user)
    this.users.delete(user)
    if (token !== undefined && ![...this.users.values()].includes(token)) this.tokens.delete(token)
  }

  arrive(arrival: Arrival): void {
    this.queue.push(arrival)
    for (const user of this.users.keys()) user.onWork()
  }
}

/** One engine's way of accepting: pauses when the host's resources are exhausted, and perhaps turns away who waits. */
export class Acceptor {
  readonly #core: EngineCore
  #pausedUntilMs = -1
  readonly #lastRowMs: Map<number, number> = new Map()

  constructor(core: EngineCore) {
    this.#core = core
  }

  /** Accept what is queued while the batch has room. */
  acceptInto(arena: ArenaCursor, listener: SimListener, token: number): void {
    const core = this.#core
    const { chance, profile, nowMs } = core.clock
    while (listener.queue.length > 0 && nowMs >= this.#pausedUntilMs) {
      if (core.rows.waiting > 0 || core.rows.free < 4 || core.options.arenaBytes - arena.at < 64)
        return core.onWork()
      if (chance.happens(profile.acceptExhausted)) return this.#exhausted(listener)
      const arrival = listener.queue.shift()
      if (arrival === undefined) return
      if (arrival.socket.error !== 0 && chance.happens(0.5)) {
        core.count('acceptAborted')
        arrival.socket.abort()
      } else if (core.process.acceptedOpen >= core.options.maxConnections) {
        core.count('refusedOverLimit')
        arrival.socket.close()
      } else this.#accept(arena, arrival, token)
    }
  }

  #accept(arena: ArenaCursor, arrival: Arrival, token: number): void {
    const core = this.#core
    const connection = core.admit(arrival.socket, true)
    connection.peer = `${arrival.ip} ${arrival.port}`
    connection.token = token
    const ip = encoder.encode(arrival.ip)
    core.mem.set(ip, arena.at)
    core.count('accepted')
    core.clock.note(core.name, 'accept', connection.fd, token)
    core.emit(EVENT.accepted, connection, [token, arena.at, ip.length, arrival.port])
    arena.at += ip.length
    if (arrival.socket.hasInput) core.markReady(connection)
  }

  #exhausted(listener: SimListener): void {
    const core = this.#core
    const { nowMs, chance } = core.clock
    core.count('acceptExhausted')
    this.#pausedUntilMs = nowMs + PAUSE_MS
    if (chance.happens(0.5)) for (const waiting of listener.queue.splice(0)) waiting.socket.close()
    core.later(PAUSE_MS, () => core.onWork())
    const lastMs = this.#lastRowMs.get(listener.fd)
    if (lastMs !== undefined && nowMs - lastMs < ROW_EVERY_MS) return
    this.#lastRowMs.set(listener.fd, nowMs)
    const errno = EXHAUSTED[chance.below(EXHAUSTED.length)] ?? ERRNO.EMFILE
    core.rows.emit({
      kind: EVENT.exhausted,
      connection: null,
      fd: listener.fd,
      generation: 0,
      words: [errno],
    })
  }
}
