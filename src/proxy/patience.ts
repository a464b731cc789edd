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
    const ms = this.#client.relaying ? this.#clientMs / LOOKS : this.#clientMs
    this.#reactor.wheel.arm(this.#client, this.#reactor.nowMs + ms)
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
    const watching = up.relaying || this.#client.relaying
    reactor.wheel.arm(up, reactor.nowMs + (watching ? this.#serverMs / LOOKS : this.#serverMs))
  }

  /** The client's timer fired. True if the client is the one we wait for and its time is over; else its clock runs on as needed. */
  clientOverdue(nowMs: number, up: UpstreamConnection | undefined): boolean {
    const client = this.#client
    const fedAlone = up?.relaying === true
    const owesBody = !this.#request.done && up !== undefined
    if (!client.blocked && !fedAlone && !owesBody) return false
    if (!client.blocked && !this.#clientHoldsUp(up!)) client.lastActiveMs = nowMs
    const watching = client.blocked || client.relaying || fedAlone
    const leftMs = this.#clientMs - client.idleMs(nowMs, watching)
    if (leftMs <= 0) return true
    this.#reactor.wheel.arm(client, nowMs + (watching ? Math.min(leftMs, this.#clientMs / LOOKS) : leftMs))
    return false
  }

  /** The endpoint's timer fired, the connection being established: likewise. */
  serverOverdue(nowMs: number, up: UpstreamConnection): boolean {
    if (!this.#endpointHoldsUp(up)) up.lastActiveMs = nowMs
    const watching = up.relaying || up.blocked || this.#client.relaying
    const leftMs = this.#serverMs - up.idleMs(nowMs, watching)
    if (leftMs <= 0) return true
    this.#reactor.wheel.arm(up, nowMs + (watching ? Math.min(leftMs, this.#serverMs / LOOKS) : leftMs))
    return false
  }

  /** It does not read, or owes its body and could send it. */
  #clientHoldsUp(up: UpstreamConnection): boolean {
    const client = this.#client
    if (client.blocked || (up.relaying && client.queuedBytes > 0)) return true
    return !this.#request.done && !client.held && !this.#endpointBlocks(up)
  }

  /** It does not take the body, or owes its response and could send it. */
  #endpointHoldsUp(up: UpstreamConnection): boolean {
    const client = this.#client
    if (client.blocked || (up.relaying && client.queuedBytes > 0)) return false
    return this.#request.done || this.#response.started || this.#endpointBlocks(up)
  }

  /** What the client sends waits for the endpoint to take it. */
  #endpointBlocks(up: UpstreamConnection): boolean {
    return up.blocked || (this.#client.relaying && up.queuedBytes > 0)
  }
}
