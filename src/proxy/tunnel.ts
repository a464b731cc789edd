import type { ClientConnection } from '../downstream/client.ts'
import { RELAY } from '../io/engine.ts'
import type { Reactor } from '../io/reactor.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'

/** Inactivity allowed: of both sides, and of the one still open after the other's FIN (HAProxy: tunnel, client-fin, server-fin). */
export type TunnelTimeouts = {
  readonly tunnelMs: number
  readonly clientFinMs: number
  readonly serverFinMs: number
}

/** Bytes both ways between two connections, moved by the engine, until both have sent FIN or nothing moves for too long. */
export class Tunnel {
  readonly #reactor: Reactor
  readonly #client: ClientConnection
  readonly #up: UpstreamConnection
  readonly #timeouts: TunnelTimeouts
  #clientEnded = false
  #upEnded = false
  bytesUp = 0
  bytesDown = 0

  constructor(reactor: Reactor, client: ClientConnection, up: UpstreamConnection, timeouts: TunnelTimeouts) {
    this.#reactor = reactor
    this.#client = client
    this.#up = up
    this.#timeouts = timeouts
  }

  start(): void {
    const { ops } = this.#reactor
    this.#client.relaying = true
    this.#up.relaying = true
    ops.relay(this.#client, this.#up, -1)
    ops.relay(this.#up, this.#client, -1)
    this.#arm()
  }

  /** True when the tunnel is over: both sides have ended. */
  relayDone(fromClient: boolean, status: number, bytes: number): boolean {
    if (fromClient) this.bytesUp += bytes
    else this.bytesDown += bytes
    if (status !== RELAY.ended) return false
    if (fromClient) {
      this.#clientEnded = true
      this.#reactor.ops.shutdown(this.#up)
    } else {
      this.#upEnded = true
      this.#reactor.ops.shutdown(this.#client)
    }
    this.#arm()
    return this.#clientEnded && this.#upEnded
  }

  /** True when nothing has moved for too long. */
  idleTooLong(nowMs: number): boolean {
    const idleMs = Math.min(this.#client.idleMs(nowMs), this.#up.idleMs(nowMs))
    if (idleMs >= this.#limitMs()) return true
    this.#arm()
    return false
  }

  #limitMs(): number {
    const { tunnelMs, clientFinMs, serverFinMs } = this.#timeouts
    if (this.#upEnded) return Math.min(tunnelMs, clientFinMs)
    return this.#clientEnded ? Math.min(tunnelMs, serverFinMs) : tunnelMs
  }

  /** Movement is only seen by looking: four looks per timeout find a standstill at most a fourth late. */
  #arm(): void {
    this.#reactor.wheel.arm(this.#up, this.#reactor.nowMs + this.#limitMs() / 4)
  }
}
