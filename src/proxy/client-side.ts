import type { ClientConnection } from '../downstream/client.ts'
import type { RequestHandler } from '../downstream/service.ts'
import { HOLD } from '../io/connection.ts'
import { RELAY } from '../io/engine.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { Attempt, AttemptFlow } from './attempt.ts'
import type { ProxyContext } from './context.ts'
import { bodyRejected, FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'
import { IN_TIME } from './patience.ts'
import type { Patience } from './patience.ts'
import { BODY_OVER_LIMIT } from './pump.ts'
import type { RequestSide } from './request-side.ts'
import type { Tries } from './tries.ts'

/** Whose client this is: the exchange. */
export interface ClientOwner {
  readonly request: RequestSide
  readonly patience: Patience
  /** Write the client's note. */
  note(): void
  /** Answer with an error of ours, as far as that can still be done. */
  fail(failure: Failure): void
  /** There is no use in an answer any more. */
  abandoned(outcome: number): void
}

/**
 * The client's side of an exchange: its body on the way to the endpoint, and backpressure: whoever does not take what the other sends has
 * the other held. The body goes to the one try there is: while there are several, or none, there is none to send.
 */
export class ClientSide implements RequestHandler, AttemptFlow {
  readonly #context: ProxyContext
  readonly #exchange: ClientOwner
  readonly #tries: Tries
  #client!: ClientConnection

  constructor(context: ProxyContext, exchange: ClientOwner, tries: Tries) {
    this.#context = context
    this.#exchange = exchange
    this.#tries = tries
  }

  begin(client: ClientConnection): void {
    this.#client = client
  }

  get #up(): UpstreamConnection | undefined {
    return this.#tries.main?.up
  }

  feed(start: number, end: number): number {
    const { request } = this.#exchange
    if (request.done) return start
    const at = request.feed(start, end, this.#up)
    if (at < 0) {
      this.#exchange.fail(at === BODY_OVER_LIMIT ? FAILURE.bodyTooLarge : bodyRejected(-at))
      return end
    }
    if (at > start) this.#sent()
    return at
  }

  note(): void {
    this.#exchange.note()
  }

  clientRelayDone(status: number, bytes: number): void {
    const { request } = this.#exchange
    request.relayed(status, bytes)
    if (status === RELAY.ended) this.clientGone(false)
    else if (request.done) this.#sent()
  }

  clientGone(reset: boolean): void {
    this.#exchange.abandoned(reset ? OUTCOME['client-reset'] : OUTCOME['client-abort'])
  }

  clientTimer(nowMs: number): void {
    const limit = this.#exchange.patience.clientOverdue(nowMs, this.#up)
    if (limit === IN_TIME) return
    this.#context.recorder.clientTimeout(this.#client.listener.spec.id, limit)
    this.#exchange.fail(FAILURE.clientTimeout)
  }

  starved(): void {
    this.#exchange.fail(FAILURE.overloaded)
  }

  cut(): void {
    this.#exchange.abandoned(OUTCOME.shutdown)
  }

  /** Some of the body went on. */
  #sent(): void {
    const { request, patience } = this.#exchange
    const up = this.#up
    if (!request.done) {
      if (up !== undefined) request.relayRest(this.#client, up)
      patience.awaitBody()
      if (this.#client.relaying) patience.awaitServer(up!) // which may be the one that holds the relay up
      return
    }
    patience.bodyIsHere()
    if (up !== undefined && !up.connecting) patience.awaitServer(up)
  }

  /** The body may go on. */
  sent(attempt: Attempt): void {
    if (this.#client.blocked) attempt.up!.hold(HOLD.peerBlocked)
    if (!this.#exchange.request.done) this.#exchange.patience.awaitBody() // its clock may have run out, unheeded, while we had no use for its body
    this.#client.resumeBody()
    this.#turned()
  }

  connected(): void {
    this.#client.resumeBody()
    this.#turned()
  }

  /** Whom the exchange waits for may have changed; unless it is over by now. */
  #turned(): void {
    if (this.#client.handler === this) this.#exchange.patience.turned(this.#up)
  }

  /** If the connection that was lost was blocked, it is not any more. */
  lost(): void {
    this.#client.unhold(HOLD.peerBlocked)
    this.#turned()
  }

  clientBlocked(): void {
    for (let i = 0; i < this.#tries.begun; i++) {
      const { up } = this.#tries.at(i)
      if (up?.relaying === false) up.hold(HOLD.peerBlocked)
    }
    this.#exchange.patience.awaitReader()
    this.#turned()
  }

  clientWritable(): void {
    for (let i = 0; i < this.#tries.begun; i++) {
      const { up } = this.#tries.at(i)
      if (up === undefined) continue
      up.unhold(HOLD.peerBlocked)
      if (!up.connecting) this.#exchange.patience.awaitServer(up)
    }
    this.#turned()
  }

  blocked(attempt: Attempt): void {
    if (!this.#client.relaying) this.#client.hold(HOLD.peerBlocked)
    this.#exchange.patience.awaitServer(attempt.up!)
    this.#turned()
  }

  writable(attempt: Attempt): void {
    this.#client.lastActiveMs = this.#context.reactor.nowMs
    this.#client.unhold(HOLD.peerBlocked)
    this.#exchange.patience.awaitServer(attempt.up!)
    this.#turned()
  }
}
