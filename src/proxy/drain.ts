import type { Rng } from '../base/random.ts'
import type { DrainSpec } from '../config/lifecycle.ts'
import { ClientConnection } from '../downstream/client.ts'
import { QUIET_MS } from '../downstream/timed-client.ts'
import type { Listener } from '../downstream/listener.ts'
import type { Reactor } from '../io/reactor.ts'
import { ClosingTimes } from '../limit/closing-times.ts'
import { Tunnel } from './tunnel.ts'

/** What a drain asks of its shard. */
export type DrainPorts = {
  /** No client is left. */
  readonly empty: () => boolean
  /** Nothing is left that clients closed gracefully have still to be given. */
  readonly sent: () => boolean
  /** Runs when both hold, within its batch: what waits for the promise runs while the ops of a batch are still to be run, and must not write any. */
  readonly atEnd: () => void
  /** For the counters: whose drain is over, and whether somebody was left and reset. */
  readonly over: (of: 'listener' | 'program', late: boolean) => void
}

/** How late an idle connection may be closed: turns of the wheel are too long for an even spread. */
const TICK_MS = 10
const NO_TIMES = new Float64Array(0)

/** Clients that leave over the same time. Listeners of one reading of the configuration: if one comes back, its new clients are not meant. */
type Departure = {
  readonly listeners: Set<Listener>
  /** In the order of their times. */
  readonly clients: ClientConnection[]
  timesMs: Float64Array
  /** Those before it had their time. */
  next: number
  readonly windowMs: number
  readonly hardEndMs: number
  /** Dealt in the next batch: before, nobody knows how late it is. */
  times: ClosingTimes | undefined
  /** Those in the midst of a head were closed: the window is over. */
  swept: boolean
  /** The shard goes on: who has a tunnel then is not meant. */
  readonly sparesTunnels: boolean
}

/**
 * The end of clients: of all a shard has, or of those whose listener left the configuration. Each gets a time, even over the window
 * (`limit/closing-times.ts`), and is served until then. When it has come an idle connection is closed; one in use is told with its next response, or with
 * the one before where no other may come in time. What is left at the hard end is reset, but tunnels of a listener that left: they keep their shard, and end
 * by themselves.
 *
 * Law: of `n` connections that share a window, at most
 *
 *     n · (lengthMs + lateMs) / windowMs + 2
 *
 * are closed in any `lengthMs` of it. `lateMs` is how far a close may be from its time: of an idle connection a tick of the engine (`TICK_MS`); in traffic
 * `QUIET_MS` before, and `QUIET_MS`, three turns of the wheel (150 ms) and what is left of the request behind. So among idle ones any 100 ms see 1.1 times their share, and 2, for certain.
 */
export class Drain {
  readonly #reactor: Reactor
  readonly #rng: Rng
  readonly #ports: DrainPorts
  #departures: Departure[] = []
  /** How the whole shard drains, and how it would if nobody had said otherwise. */
  #shard: { readonly spec: DrainSpec; readonly usual: DrainSpec } | undefined
  #hardEndMs = Infinity
  /** Some of the shard's clients were reset. */
  #late = false
  /** The time of some has not come. */
  #dealing = false
  #resolve: (() => void) | undefined
  #promise: Promise<void> | undefined

  constructor(reactor: Reactor, rng: Rng, ports: DrainPorts) {
    this.#reactor = reactor
    this.#rng = rng
    this.#ports = ports
  }

  /**
   * Drain the shard as `spec` says. A listener whose drain is not the `usual` one keeps to its own, but never goes beyond the hard end. A second
   * one can only bring the end forward.
   */
  begin(spec: DrainSpec, usual: DrainSpec): Promise<void> {
    const { nowMs } = this.#reactor
    this.#shard = { spec, usual }
    this.#hardEndMs = Math.min(this.#hardEndMs, nowMs + spec.hardMs)
    this.#promise ??= new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#depart(this.#clients(), (listener) => this.#drainOf(listener), false)
    this.onTurn(nowMs)
    this.#reactor.flush()
    return this.#promise
  }

  /** The listeners for which `stays` does not hold left the configuration: their clients follow, as each says, but for tunnels. */
  leave(stays: (listener: Listener) => boolean): void {
    const left: ClientConnection[] = []
    for (const client of this.#clients()) {
      const { listener } = client
      if (isTunnel(client)) continue
      if (!stays(listener) && !this.#departures.some(({ listeners }) => listeners.has(listener)))
        left.push(client)
    }
    this.#depart(left, ({ spec }) => spec.drain, true)
  }

  /** A client that comes while the shard drains: it has what is left of the window. */
  joined(client: ClientConnection): void {
    if (this.#shard === undefined) return
    const { listener } = client
    const departure = this.#departures.findLast(({ listeners }) => listeners.has(listener))
    if (departure === undefined) this.#depart([client], () => this.#drainOf(listener), false)
    else if (departure.times === undefined) departure.clients.push(client)
    else client.endBy(departure.times.draw(this.#reactor.nowMs))
  }

  /** Once per batch: those whose time has come. */
  onBatch(nowMs: number): void {
    if (!this.#dealing) return
    this.#dealing = false
    for (const departure of this.#departures) {
      if (departure.times === undefined) this.#deal(departure, nowMs)
      const { clients, timesMs } = departure
      while (departure.next < clients.length && timesMs[departure.next]! <= nowMs) {
        clients[departure.next++]!.retire(nowMs)
      }
      if (departure.next < clients.length) this.#dealing = true
      else clients.length = departure.next = 0
    }
    if (!this.#dealing) this.#reactor.tickEvery()
  }

  /** Somebody waits for it to be over, or has time left. */
  get isUnderWay(): boolean {
    return this.#resolve !== undefined || this.#departures.length > 0
  }

  onTurn(nowMs: number): void {
    for (const departure of this.#departures) {
      if (nowMs >= departure.hardEndMs) this.#end(departure)
      else if (!departure.swept && nowMs >= sweepMs(departure)) this.#sweep(departure)
    }
    if (this.#departures.some(({ hardEndMs }) => nowMs >= hardEndMs)) {
      this.#departures = this.#departures.filter(({ hardEndMs }) => nowMs < hardEndMs)
    }
    if (this.#resolve === undefined) return
    const hard = nowMs >= this.#hardEndMs
    if (hard) this.#endAll()
    if (!this.#ports.empty()) return
    this.#reactor.ops.flush() // closing is an op: what it leaves queued is known when it ran
    if (!hard && !this.#ports.sent()) return
    this.#ports.atEnd()
    for (const { sparesTunnels, listeners } of this.#departures)
      if (sparesTunnels) this.#tell(listeners, false)
    this.#ports.over('program', this.#late)
    this.#resolve()
    this.#resolve = undefined
  }

  /** From the next batch on these leave, those whose drains are the same together. */
  #depart(
    clients: Iterable<ClientConnection>,
    drainOf: (listener: Listener) => DrainSpec,
    sparesTunnels: boolean,
  ): void {
    const { nowMs } = this.#reactor
    const made = new Map<string, Departure>()
    for (const client of clients) {
      const { windowMs, hardMs } = drainOf(client.listener)
      const key = `${windowMs} ${hardMs}`
      let departure = made.get(key)
      if (departure === undefined) {
        departure = {
          listeners: new Set(),
          clients: [],
          timesMs: NO_TIMES,
          next: 0,
          windowMs,
          hardEndMs: nowMs + hardMs,
          times: undefined,
          swept: false,
          sparesTunnels,
        }
        made.set(key, departure)
      }
      departure.listeners.add(client.listener)
      departure.clients.push(client)
    }
    this.#departures.push(...made.values())
    if (made.size === 0 || this.#dealing) return
    this.#dealing = true
    this.#reactor.tickEvery(TICK_MS)
  }

  #deal(departure: Departure, nowMs: number): void {
    const { clients } = departure
    departure.times = new ClosingTimes(nowMs, departure.windowMs, this.#rng)
    departure.timesMs = departure.times.deal(clients)
    for (let i = 0; i < clients.length; i++) if (!clients[i]!.dead) clients[i]!.endBy(departure.timesMs[i]!)
  }

  #drainOf({ spec: { drain } }: Listener): DrainSpec {
    const { spec, usual } = this.#shard!
    if (drain.windowMs === usual.windowMs && drain.hardMs === usual.hardMs) return spec
    return {
      windowMs: Math.min(drain.windowMs, spec.hardMs),
      hardMs: Math.min(drain.hardMs, spec.hardMs),
    }
  }

  #sweep(departure: Departure): void {
    departure.swept = true
    for (const client of this.#clients()) {
      if (client.handler === undefined && departure.listeners.has(client.listener)) client.closeGracefully()
    }
  }

  /** Its hard end: what is left is reset. */
  #end({ listeners, sparesTunnels }: Departure): void {
    const late = this.#cut((client) => listeners.has(client.listener) && !(sparesTunnels && isTunnel(client)))
    if (sparesTunnels) this.#tell(listeners, late)
    else if (late) this.#late = true
  }

  /** The hard end of the shard: that of everybody who is left. */
  #endAll(): void {
    for (const departure of this.#departures) this.#end(departure)
    this.#departures = []
    if (this.#cut(() => true)) this.#late = true
  }

  #tell(listeners: ReadonlySet<Listener>, late: boolean): void {
    for (let i = 0; i < listeners.size; i++) this.#ports.over('listener', late)
  }

  /** False: there was nobody. */
  #cut(isMeant: (client: ClientConnection) => boolean): boolean {
    let some = false
    for (const client of this.#clients()) {
      if (!isMeant(client)) continue
      client.handler?.cut()
      client.resetNow()
      some = true
    }
    return some
  }

  *#clients(): Iterable<ClientConnection> {
    for (const connection of this.#reactor.connections()) {
      if (connection instanceof ClientConnection) yield connection
    }
  }
}

/** When part of a head does not count as a request any more: the window is over. */
const sweepMs = ({ times }: Departure): number =>
  times === undefined ? Infinity : times.endMs + 2 * QUIET_MS

const isTunnel = ({ handler }: ClientConnection): boolean => handler instanceof Tunnel
