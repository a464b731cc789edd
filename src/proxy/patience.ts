import type { ClientConnection } from '../downstream/client.ts'
import type { Reactor } from '../io/reactor.ts'
import { Pace } from '../limit/pace.ts'
import { CLIENT_TIMEOUT } from '../telemetry/catalogue.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { RequestSide } from './request-side.ts'
import type { ResponseSide } from './response-side.ts'

/** While the engine moves bytes by itself, a standstill is looked for this many times per timeout: it is found at most a fourth late. */
const LOOKS = 4

/** What `clientOverdue` says of a client that is in time. */
export const IN_TIME = -1

/**
 * Whom an exchange waits for, and whether for too long. The client's and the endpoint's clocks are timers of their connections; they
 * are moved, not stopped, so when one fires it first asks whether that side is the one that holds things up. How fast the client is
 * is measured by a stop watch, which runs while it is the one; between two looks nothing is asked.
 */
export class Patience {
  readonly #reactor: Reactor
  readonly #request: RequestSide
  readonly #response: ResponseSide
  readonly #pace = new Pace()
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
    this.#pace.begin(client.listener.pace)
  }

  /** The client is to send its body. */
  awaitBody(): void {
    this.#armClient(this.#client.relaying ? this.#clientMs / LOOKS : this.#clientMs)
  }

  /** The whole of it was read. */
  bodyIsHere(): void {
    if (this.#pace.running) this.#pace.excuse(this.#client.progress())
  }

  /** The client is to read what we have for it. */
  awaitReader(): void {
    this.#client.lastActiveMs = this.#reactor.nowMs
    this.#armClient(this.#clientMs / LOOKS)
  }

  /** Whom we wait for may have changed: the client's pace counts while it is the client. */
  turned(up: UpstreamConnection | undefined): void {
    const client = this.#client
    const pace = this.#pace
    if (!pace.limited || client.dead) return
    const waits = client.blocked || (up !== undefined && !up.connecting && this.#clientHoldsUp(up))
    if (waits) {
      pace.run(this.#reactor.nowMs, client.progress())
      this.#reactor.wheel.arm(client, Math.min(this.#reactor.wheel.deadlineOf(client), pace.dueMs))
    } else if (pace.running) pace.stop(this.#reactor.nowMs, client.progress())
  }

  /** The endpoint is to answer, or to take more. */
  awaitServer(up: UpstreamConnection): void {
    const reactor = this.#reactor
    up.lastActiveMs = reactor.nowMs
    const watching = up.relaying || this.#client.relaying
    reactor.wheel.arm(up, reactor.nowMs + (watching ? this.#serverMs / LOOKS : this.#serverMs))
  }

  /** The client's timer fired. If the client is the one we wait for and its time is over, which (`CLIENT_TIMEOUT`); else `IN_TIME`, and its clock runs on as needed. */
  clientOverdue(nowMs: number, up: UpstreamConnection | undefined): number {
    const client = this.#client
    const fedAlone = up?.relaying === true
    const owesBody = !this.#request.done && up !== undefined
    if (!client.blocked && !fedAlone && !owesBody) {
      if (this.#pace.running) this.#pace.excuse(client.progress())
      return IN_TIME
    }
    const holdsUp = client.blocked || this.#clientHoldsUp(up!)
    if (!holdsUp) client.lastActiveMs = nowMs
    const watching = client.blocked || client.relaying || fedAlone
    const leftMs = this.#clientMs - client.idleMs(nowMs, watching)
    if (leftMs <= 0) return CLIENT_TIMEOUT.client
    if (this.#pace.limited) {
      if (holdsUp && up?.connecting !== true) this.#pace.run(nowMs, client.progress())
      else this.#pace.excuse(client.progress())
      if (this.#pace.spent) return CLIENT_TIMEOUT.minRate
    }
    this.#armClient(watching ? Math.min(leftMs, this.#clientMs / LOOKS) : leftMs)
    return IN_TIME
  }

  #armClient(ms: number): void {
    this.#reactor.wheel.arm(this.#client, Math.min(this.#reactor.nowMs + ms, this.#pace.dueMs))
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
