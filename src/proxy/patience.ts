import type { ClientConnection } from '../downstream/client.ts'
import type { Reactor } from '../io/reactor.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { RequestSide } from './request-side.ts'
import type { ResponseSide } from './response-side.ts'

/** While the engine moves bytes by itself, a standstill is looked for this many times per timeout: it is found at most a fourth late. */
const LOOKS = 4

/**
 * Whom an exchange waits for, and whether for too long. The client's and the endpoint's clocks are timers of their connections; they
 * are moved, not stopped, so when one fires it first asks whether that side is the one that holds things up.
 */
export class Patience {
  readonly #reactor: Reactor
  readonly #request: RequestSide
  readonly #response: ResponseSide
  #client!: ClientConnection
  #clientMs = 0
  #serverMs = 0

  constructor(reactor: Reactor, request: RequestSide, response: ResponseSide) {
    this.#reactor = reactor
    this.#request = request
    this.#response = response
  }

  begin(client: ClientConnection, serverMs: number): void {
    this.#client = client
    this.#clientMs = client.listener.spec.timeouts.clientMs
    this.#serverMs = serverMs
  }

  /** The client is to send its body. */
  awaitBody(): void {
    this.#reactor.wheel.arm(this.#client, this.#reactor.nowMs + this.#clientMs)
  }

  /** The client is to read what we have for it. */
  awaitReader(): void {
    this.#client.lastActiveMs = this.#reactor.nowMs
    this.#reactor.wheel.arm(this.#client, this.#reactor.nowMs + this.#clientMs / LOOKS)
  }

  /** The endpoint is to answer, or to take more. */
  awaitServer(up: UpstreamConnection): void {
    const reactor = this.#reactor
    up.lastActiveMs = reactor.nowMs
    reactor.wheel.arm(up, reactor.nowMs + (up.relaying ? this.#serverMs / LOOKS : this.#serverMs))
  }

  /** The client's timer fired. True if the client is the one we wait for and its time is over; else its clock runs on as needed. */
  clientOverdue(nowMs: number, up: UpstreamConnection | undefined): boolean {
    const client = this.#client
    const owesBody = !this.#request.done && up !== undefined
    if (!client.blocked && !owesBody) return false
    const heldByUs = !client.blocked && (client.held || up!.blocked)
    const leftMs = heldByUs ? this.#clientMs : this.#clientMs - client.idleMs(nowMs)
    if (leftMs <= 0) return true
    const watching = client.blocked || client.relaying
    this.#reactor.wheel.arm(client, nowMs + (watching ? Math.min(leftMs, this.#clientMs / LOOKS) : leftMs))
    return false
  }

  /** The endpoint's timer fired, the connection being established: likewise. */
  serverOverdue(nowMs: number, up: UpstreamConnection): boolean {
    const leftMs = this.#waitsForClient(up) ? this.#serverMs : this.#serverMs - up.idleMs(nowMs)
    if (leftMs <= 0) return true
    const watching = up.relaying || up.blocked
    this.#reactor.wheel.arm(up, nowMs + (watching ? Math.min(leftMs, this.#serverMs / LOOKS) : leftMs))
    return false
  }

  /** It is not the endpoint that holds things up. */
  #waitsForClient(up: UpstreamConnection): boolean {
    if (this.#client.blocked) return true
    return !this.#request.done && !up.blocked && !this.#response.started
  }
}
