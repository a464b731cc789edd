import { PICK_KIND } from '../balance/pick-request.ts'
import type { ClientConnection } from '../downstream/client.ts'
import { HOLD } from '../io/connection.ts'
import type { Reactor } from '../io/reactor.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { Attempt, AttemptOwner } from './attempt.ts'
import type { Tries } from './tries.ts'

/**
 * Backpressure and the request's body: whoever does not take what the other sends has the other held. The body goes to the one try there
 * is: while there are several, or none, there is none to send.
 */
export class Flow {
  readonly #reactor: Reactor
  readonly #exchange: Pick<AttemptOwner, 'request' | 'patience'>
  readonly #tries: Tries
  #client!: ClientConnection

  constructor(reactor: Reactor, exchange: Pick<AttemptOwner, 'request' | 'patience'>, tries: Tries) {
    this.#reactor = reactor
    this.#exchange = exchange
    this.#tries = tries
  }

  begin(client: ClientConnection): void {
    this.#client = client
  }

  get #up(): UpstreamConnection | undefined {
    return this.#tries.main?.up
  }

  /** Body bytes of the client's. As `RequestSide.feed`. */
  feed(start: number, end: number): number {
    const { request } = this.#exchange
    if (request.done) return start
    const at = request.feed(start, end, this.#up)
    if (at > start) this.#sent()
    return at
  }

  /** Some of the body went to the endpoint by a relay. */
  fed(): void {
    if (this.#exchange.request.done) this.#sent()
  }

  #sent(): void {
    const { request, patience } = this.#exchange
    const up = this.#up
    if (!request.done) {
      if (up !== undefined) request.relayRest(this.#client, up)
      patience.awaitBody()
      if (this.#client.relaying) patience.awaitServer(up!) // which may be the one that holds the relay up
    } else if (up !== undefined && !up.connecting) patience.awaitServer(up)
  }

  /** A try has its connection: the body may go on. `waited`: it could not be sent for a while. */
  sent(attempt: Attempt, waited: boolean): void {
    if (this.#client.blocked) attempt.up!.hold(HOLD.peerBlocked)
    if (!waited && attempt.kind === PICK_KIND.first) return
    if (!this.#exchange.request.done) this.#exchange.patience.awaitBody() // its clock may have run out, unheeded, while we had no use for its body
    this.#client.resumeBody()
  }

  /** A try lost its connection: if that was blocked, it is not any more. */
  lost(): void {
    this.#client.unhold(HOLD.peerBlocked)
  }

  clientBlocked(): void {
    for (let i = 0; i < this.#tries.begun; i++) {
      const { up } = this.#tries.at(i)
      if (up?.relaying === false) up.hold(HOLD.peerBlocked)
    }
    this.#exchange.patience.awaitReader()
  }

  clientWritable(): void {
    for (let i = 0; i < this.#tries.begun; i++) {
      const { up } = this.#tries.at(i)
      if (up === undefined) continue
      up.unhold(HOLD.peerBlocked)
      if (!up.connecting) this.#exchange.patience.awaitServer(up)
    }
  }

  blocked(attempt: Attempt): void {
    if (!this.#client.relaying) this.#client.hold(HOLD.peerBlocked)
    this.#exchange.patience.awaitServer(attempt.up!)
  }

  writable(attempt: Attempt): void {
    this.#client.lastActiveMs = this.#reactor.nowMs
    this.#client.unhold(HOLD.peerBlocked)
    this.#exchange.patience.awaitServer(attempt.up!)
  }
}
