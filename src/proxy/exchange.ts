import { ALL_FULL } from '../balance/pick-request.ts'
import type { ClusterTimeouts, RetryClass } from '../config/snapshot.ts'
import type { ClientConnection } from '../downstream/client.ts'
import { HOLD } from '../io/connection.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { ROLE } from '../shm/notes.ts'
import { Accounts } from './accounts.ts'
import type { Attempt } from './attempt.ts'
import { ClientSide } from './client-side.ts'
import type { ClientOwner } from './client-side.ts'
import type { ProxyContext } from './context.ts'
import { Entrance } from './entrance.ts'
import type { EntranceOwner } from './entrance.ts'
import { noteExchange, noteSending } from './exchange-note.ts'
import { FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'
import { TrailerFeedback } from './feedback.ts'
import { LIFE, STATE, STEP } from './lifecycle.ts'
import { Patience } from './patience.ts'
import type { InboundRequest, RequestHeadWriter } from './request-head.ts'
import { RequestSide } from './request-side.ts'
import type { ResponseHeadSender } from './response-head.ts'
import { READ, ResponseSide } from './response-side.ts'
import { retryClassOf, retryClassOfStatus } from './retry.ts'
import type { Destination } from './routing.ts'
import { Times } from './times.ts'
import { Tries } from './tries.ts'
import type { TriesOwner } from './tries.ts'
import { Tunnel } from './tunnel.ts'

/** What an exchange needs besides the shard's context. */
export interface ExchangePorts {
  readonly writer: RequestHeadWriter
  readonly sender: ResponseHeadSender
  /** It is done and may serve another request. */
  recycle(exchange: Exchange): void
}

/** What becomes of the client's connection at the end. */
const CLIENT = { keep: 0, close: 1, reset: 2 } as const

/**
 * One request and its response, from the complete head to the one `#finish` that every exit reaches: it ends its tries, gives back the
 * buffers and the timers, counts and logs. It is what the client connection drives and what its tries report to. Instances, with
 * all they are made of, are reused: what a request allocates are a few small objects that die with the call.
 */
export class Exchange implements TriesOwner, ClientOwner, EntranceOwner {
  readonly #context: ProxyContext
  readonly #ports: ExchangePorts
  readonly request: RequestSide
  readonly patience: Patience
  timeouts!: ClusterTimeouts
  readonly #response: ResponseSide
  readonly #tries: Tries
  readonly flow: ClientSide
  readonly #times: Times
  readonly #accounts: Accounts
  readonly #entrance: Entrance
  readonly #trailers: TrailerFeedback
  #state: number = STATE.done
  #client!: ClientConnection
  #destination!: Destination
  #tunnel: Tunnel | undefined

  constructor(context: ProxyContext, ports: ExchangePorts) {
    this.#context = context
    this.#ports = ports
    this.request = new RequestSide(context)
    this.#response = new ResponseSide(context, ports.sender)
    this.#times = new Times(context.reactor)
    this.#trailers = new TrailerFeedback(context.feedback)
    this.patience = new Patience(context.reactor, this.request, this.#response)
    this.#tries = new Tries(context, this)
    this.#entrance = new Entrance(context, this)
    this.#accounts = new Accounts(context, {
      times: this.#times,
      request: this.request,
      response: this.#response,
      entrance: this.#entrance,
      tries: this.#tries,
    })
    this.flow = new ClientSide(context, this, this.#tries)
  }

  /** About to be kept for reuse: must be over. */
  reset(): void {
    if (this.#state !== STATE.done) throw new Error('an exchange under way is not to be reused')
  }

  /** Take a request to its endpoint. The body follows through `feed`. */
  begin(request: InboundRequest, destination: Destination, wantsKeepAlive: boolean): void {
    const { recorder } = this.#context
    this.#state = STATE.begun
    this.#client = request.client
    this.#destination = destination
    const { timeouts } = destination.cluster.spec
    this.#times.begin(request.kept?.startedMs ?? this.#context.reactor.nowMs)
    this.timeouts = timeouts
    this.patience.begin(request.client, timeouts.serverMs)
    this.flow.begin(request.client)
    this.#tries.begin(destination.cluster, request.upgrade)
    destination.affinity.direct(this.#tries.ask, request)
    this.#entrance.begin(destination.cluster)
    request.client.handler = this.flow
    const { orca } = destination.cluster.spec.feedback
    this.#response.begin(request.client, this.request, wantsKeepAlive, orca ? this.#trailers : undefined)
    recorder.exchangeBegan(request.client.listener.spec.id)
    if (!this.request.begin(request, this.#ports.writer)) {
      recorder.buffersExhausted()
      this.fail(FAILURE.overloaded)
      return
    }
    if (request.kept?.failure !== undefined) {
      this.fail(request.kept.failure)
      return
    }
    if (request.client.blocked) this.patience.awaitReader()
    else if (!this.request.done) this.patience.awaitBody()
    this.#entrance.come(timeouts.queueMs)
  }

  note(): void {
    noteExchange(this.#client, this.request, this.#response, this.#destination)
  }

  // ── tries ──

  sending(up: UpstreamConnection): void {
    up.notePeer(ROLE.busy, this.#client)
    if (!this.request.repeatable) noteSending(this.#client)
  }

  queued(): void {
    this.#step(STEP.queue)
  }

  enter(): boolean {
    const attempt = this.#tries.first()
    if (attempt === undefined) {
      if (this.#tries.ask.slot === ALL_FULL) return false
      this.fail(FAILURE.noEndpoint)
      return true
    }
    this.#step(STEP.try)
    attempt.seek()
    return true
  }

  failed(attempt: Attempt, failure: Failure): void {
    if (attempt.answering || !this.#goesOnWithout(attempt, failure.outcome, retryClassOf(failure.outcome))) {
      this.fail(failure)
    }
  }

  /** Another try takes the place of this one: one that is under way already, or a new one at another endpoint. */
  #goesOnWithout(attempt: Attempt, outcome: number, retryClass: RetryClass | undefined): boolean {
    const tries = this.#tries
    let next: Attempt | undefined
    if (tries.live === 1) {
      next = this.#response.touched ? undefined : tries.retry(attempt, retryClass)
      if (next === undefined) return false
      this.#step(STEP.retry)
    }
    tries.drop(attempt, outcome)
    this.flow.lost()
    next?.seek()
    return true
  }

  // ── the endpoint's side ──

  interim(attempt: Attempt): void {
    if (this.request.minor !== 1) return // a client that knows of no such thing
    this.#tries.choose(attempt)
    this.#response.interim(attempt.reader.head)
  }

  responded(attempt: Attempt): void {
    const { reader } = attempt
    const up = attempt.up!
    this.#context.feedback.head(attempt, reader.head)
    if (!this.#response.fits(reader.head)) {
      this.failed(attempt, FAILURE.upstreamMalformed)
      return
    }
    const retryClass = retryClassOfStatus(reader.head.status)
    if (this.#tries.isRetried(retryClass) && this.#goesOnWithout(attempt, OUTCOME.complete, retryClass))
      return
    this.#tries.choose(attempt)
    this.#tries.answered()
    this.#trailers.attempt = attempt
    const { sticky } = this.#destination.affinity
    if (sticky !== undefined && !attempt.stuck) this.#response.stick(sticky, attempt.pool.spec.address)
    attempt.answer()
    this.#step(reader.head.status === 101 ? STEP.switch : STEP.head)
    const result = this.#response.deliver(up, reader.head, reader.at, reader.end)
    up.carry.clear(this.#context.reactor)
    reader.release()
    this.#times.firstByte()
    this.request.answered()
    this.#went(attempt, result)
  }

  body(attempt: Attempt, start: number, end: number): void {
    this.#went(attempt, this.#response.body(attempt.up!, start, end))
  }

  ended(attempt: Attempt): void {
    this.#went(attempt, this.#response.ended())
  }

  relayed(attempt: Attempt, status: number, bytes: number): void {
    this.#went(attempt, this.#response.relayed(attempt.up!, status, bytes))
  }

  /** Some of the response went to the client, or will not. */
  #went(attempt: Attempt, result: number): void {
    const up = attempt.up!
    switch (result) {
      case READ.nothing:
        return
      case READ.more:
        this.patience.awaitServer(up)
        if (up.relaying) this.patience.awaitReader() // the engine does not tell of a queue that it fills itself
        return
      case READ.reusable:
        up.unhold(HOLD.peerBlocked)
        this.#finish(OUTCOME.complete, this.#response.keepAlive ? CLIENT.keep : CLIENT.close, true)
        return
      case READ.complete:
        this.#finish(OUTCOME.complete, this.#response.keepAlive ? CLIENT.keep : CLIENT.close)
        return
      case READ.switched:
        this.#switch(attempt)
        return
      case READ.cut:
        this.fail(FAILURE.upstreamClosed)
        return
      default:
        this.fail(FAILURE.upstreamMalformed)
    }
  }

  /** A 101 went to the client: from here on a tunnel drives both connections, and this exchange only waits for its end. */
  #switch(attempt: Attempt): void {
    const sides = { client: this.#client, attempt }
    this.#tunnel = new Tunnel(this.#context, sides, this.timeouts.serverFinMs, (outcome) => {
      this.#finish(outcome, outcome === OUTCOME['tunnel-closed'] ? CLIENT.close : CLIENT.reset)
    })
    this.#tunnel.start(this.#response.restStart, this.#response.restEnd)
  }

  // ── the end ──

  /** Answer with an error of ours; if the endpoint's response has begun, break it off, for it must not look complete. */
  fail(failure: Failure): void {
    if (this.#response.started || this.#client.dead) {
      this.#finish(failure.outcome, CLIENT.reset)
      return
    }
    this.#response.refuse(failure)
    this.#finish(failure.outcome, this.#response.keepAlive ? CLIENT.keep : CLIENT.close)
  }

  abandoned(outcome: number): void {
    // It may still read: what it has of a response must not look complete.
    const gone = outcome === OUTCOME['client-abort'] && !this.#response.started
    this.#finish(outcome, gone ? CLIENT.close : CLIENT.reset)
  }

  /** The one way out. `reusable`: the connection that answered goes back to the pool. */
  #finish(outcome: number, disposition: number, reusable = false): void {
    this.#step(STEP.finish)
    const client = this.#client
    const tries = this.#tries
    tries.stop()
    this.#entrance.leave()
    const { main } = tries
    const up = main?.up
    if (up !== undefined) this.#response.settle(up)
    this.#accounts.close(outcome, client, this.#destination, this.#tunnel)
    this.request.release()
    this.#tunnel = undefined
    client.handler = undefined
    this.#ports.recycle(this)
    if (up !== undefined) {
      if (reusable) main!.pool.release(up)
      else main!.pool.discard(up)
    }
    if (disposition === CLIENT.reset) client.resetNow()
    else client.done(disposition === CLIENT.keep)
  }

  #step(event: number): void {
    this.#state = LIFE.next(this.#state, event)
  }
}
