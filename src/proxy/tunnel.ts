import type { ClientConnection } from '../downstream/client.ts'
import type { RequestHandler } from '../downstream/service.ts'
import { RELAY } from '../io/engine.ts'
import type { Reactor } from '../io/reactor.ts'
import { ROLE } from '../shm/notes.ts'
import { CLIENT_TIMEOUT, UPSTREAM_TIMEOUT } from '../telemetry/catalogue.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { ExchangeRecord } from '../telemetry/record.ts'
import type { UpstreamConnection, UpstreamUser } from '../upstream/connection.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { EndpointPool } from '../upstream/pool.ts'
import type { ProxyContext } from './context.ts'

/** Inactivity allowed: of both sides, and of the one still open after the other's FIN (HAProxy: tunnel, client-fin, server-fin). */
type TunnelTimeouts = {
  readonly tunnelMs: number
  readonly clientFinMs: number
  readonly serverFinMs: number
}

/** Where the upstream connection belongs. `up` is unset when it is gone, its place in the pool given back. */
export interface TunnelEnd {
  readonly cluster: Cluster
  readonly pool: EndpointPool
  up: UpstreamConnection | undefined
}

/** A tunnel that another shard had: its two sides, and what became of them there. */
export type ResumedTunnel = {
  readonly client: ClientConnection
  readonly up: UpstreamConnection
  /** What the endpoint said and nobody has passed on: `mem[start, end)`, until the ops of now ran. What the client said is carried in. */
  readonly start: number
  readonly end: number
  /** Monotonic ms: when the request that began it did. */
  readonly startedMs: number
  /** Whose FIN was read. */
  readonly clientEnded: boolean
  readonly upEnded: boolean
}

/** The limit that a standstill passed: one of a half-closed tunnel only if it is what cut `tunnelMs` short. */
type TunnelLimit = keyof TunnelTimeouts

/** A standstill is looked for this many times per timeout: it is found at most a fourth late. */
const LOOKS = 4

/**
 * What is left of an exchange after a switch of protocols: bytes both ways between two connections, moved by the engine, until both
 * sides have sent FIN, one breaks, or nothing moves for too long. Then `ended` is called, once, with the outcome.
 */
export class Tunnel implements RequestHandler, UpstreamUser {
  readonly #reactor: Reactor
  readonly #client: ClientConnection
  readonly #up: UpstreamConnection
  readonly #attempt: TunnelEnd
  readonly #timeouts: TunnelTimeouts
  readonly #ended: (outcome: number) => void
  readonly #context: ProxyContext
  #clientEnded = false
  #upEnded = false
  #bytesUp = 0
  #bytesDown = 0

  constructor(
    context: ProxyContext,
    sides: { readonly client: ClientConnection; readonly attempt: TunnelEnd },
    serverFinMs: number,
    ended: (outcome: number) => void,
  ) {
    this.#context = context
    this.#reactor = context.reactor
    this.#client = sides.client
    this.#attempt = sides.attempt
    this.#up = sides.attempt.up!
    const { tunnelMs, clientFinMs } = sides.client.listener.spec.timeouts
    this.#timeouts = { tunnelMs, clientFinMs, serverFinMs }
    this.#ended = ended
  }

  /** `mem[start, end)`: what the endpoint said behind its 101. */
  start(start: number, end: number): void {
    const { ops, wheel } = this.#reactor
    this.#client.handler = this
    this.#up.user = this
    ops.send(this.#client, start, end)
    this.#bytesDown += end - start
    this.#client.resumeBody() // what the client said too early
    wheel.disarm(this.#client)
    if (!this.#clientEnded) this.#relay(this.#client, this.#up)
    if (!this.#upEnded) this.#relay(this.#up, this.#client)
    this.note()
    this.#restartClock()
  }

  /** Go on with one that another shard began: a FIN that was read there is passed on, if it was not yet. */
  resume({ start, end, clientEnded, upEnded }: ResumedTunnel): void {
    this.#clientEnded = clientEnded
    this.#upEnded = upEnded
    this.start(start, end)
    if (clientEnded) this.#reactor.ops.shutdown(this.#up)
    if (upEnded) this.#reactor.ops.shutdown(this.#client)
    if (clientEnded || upEnded) this.#sideEnded()
  }

  #relay(from: ClientConnection | UpstreamConnection, to: ClientConnection | UpstreamConnection): void {
    from.relaying = true
    this.#reactor.ops.relay(from, to, -1)
  }

  note(): void {
    this.#up.notePeer(ROLE.tunnel, this.#client)
    this.#client.notePeer(ROLE.tunnel, this.#up)
  }

  feed(start: number, end: number): number {
    this.#reactor.ops.send(this.#up, start, end)
    this.#bytesUp += end - start
    return end
  }

  clientRelayDone(status: number, bytes: number): void {
    this.#bytesUp += bytes
    if (status !== RELAY.ended) return
    this.#clientEnded = true
    this.#reactor.ops.shutdown(this.#up)
    this.#sideEnded()
  }

  upstreamRelayDone(status: number, bytes: number): void {
    this.#bytesDown += bytes
    if (status !== RELAY.ended) return
    this.#upEnded = true
    this.#reactor.ops.shutdown(this.#client)
    this.#sideEnded()
  }

  clientGone(reset: boolean): void {
    // An end reported in the batch of the switch: the relay begun in it ends at once, and says so.
    if (!reset && this.#client.relaying) return
    this.#over(reset ? OUTCOME['client-reset'] : OUTCOME['client-abort'])
  }

  starved(): void {
    this.#over(OUTCOME.overloaded)
  }

  cut(): void {
    this.#over(OUTCOME.shutdown)
  }

  upstreamBroke(): void {
    this.#over(OUTCOME['upstream-reset'])
  }

  upstreamTimer(nowMs: number): void {
    const leftMs = this.#limitMs() - this.#idleMs(nowMs)
    if (leftMs <= 0) this.#over(OUTCOME['tunnel-timeout'])
    else this.#arm(leftMs)
  }

  // The engine keeps both directions in step, and tells of the ends with `relayDone`.
  clientBlocked(): void {}
  clientWritable(): void {}
  clientTimer(): void {}
  upstreamConnected(): void {}
  upstreamData(): void {}
  upstreamEnded(): void {}
  upstreamBlocked(): void {}
  upstreamWritable(): void {}

  /** What went through it counts besides what went before. */
  describe(record: ExchangeRecord): void {
    record.bytesFromClient += this.#bytesUp
    record.bytesToClient += this.#bytesDown
  }

  #sideEnded(): void {
    if (this.#clientEnded && this.#upEnded) this.#over(OUTCOME['tunnel-closed'])
    else this.#restartClock()
  }

  #over(outcome: number): void {
    if (outcome === OUTCOME['tunnel-timeout']) this.#countTimeout()
    if (outcome === OUTCOME['tunnel-closed']) this.#part()
    if (outcome === OUTCOME['upstream-reset']) this.#attempt.up = undefined // gone, and its place in the pool given back
    this.#ended(outcome)
  }

  /** Both sides said all they had to say: a reset would take what the endpoint has not read yet from it. */
  #part(): void {
    this.#attempt.up = undefined
    this.#attempt.pool.part(this.#up, this.#timeouts.serverFinMs)
  }

  /** It stood still for too long: that is counted where the limit is from. */
  #countTimeout(): void {
    const { recorder } = this.#context
    const limit = this.#limit
    if (limit === 'serverFinMs') {
      recorder.upstreamTimeout(this.#attempt.cluster.spec.id, UPSTREAM_TIMEOUT.serverFin)
      return
    }
    const kind = limit === 'clientFinMs' ? CLIENT_TIMEOUT.clientFin : CLIENT_TIMEOUT.tunnel
    recorder.clientTimeout(this.#client.listener.spec.id, kind)
  }

  #idleMs(nowMs: number): number {
    return Math.min(this.#client.idleMs(nowMs, true), this.#up.idleMs(nowMs, true))
  }

  /** What moved up to now is noted, and not taken for fresh movement later. */
  #restartClock(): void {
    const { nowMs } = this.#reactor
    this.#idleMs(nowMs)
    this.#client.lastActiveMs = nowMs
    this.#arm(this.#limitMs())
  }

  /** Which limit holds at present. */
  get #limit(): TunnelLimit {
    const { tunnelMs, clientFinMs, serverFinMs } = this.#timeouts
    if (this.#upEnded) return clientFinMs < tunnelMs ? 'clientFinMs' : 'tunnelMs'
    return this.#clientEnded && serverFinMs < tunnelMs ? 'serverFinMs' : 'tunnelMs'
  }

  #limitMs(): number {
    return this.#timeouts[this.#limit]
  }

  #arm(leftMs: number): void {
    this.#reactor.wheel.arm(this.#up, this.#reactor.nowMs + Math.min(leftMs, this.#limitMs() / LOOKS))
  }
}
