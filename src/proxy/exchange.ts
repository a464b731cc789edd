import { NOT_ARMED } from '../base/wheel.ts'
import type { ClusterTimeouts, RetryClass } from '../config/snapshot.ts'
import type { ClientConnection } from '../downstream/client.ts'
import type { RequestHandler } from '../downstream/service.ts'
import { HOLD } from '../io/connection.ts'
import { RELAY } from '../io/engine.ts'
import type { Armed } from '../io/reactor.ts'
import { CLIENT_TIMEOUT, UPSTREAM_TIMEOUT } from '../telemetry/catalogue.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { ExchangeRecord } from '../telemetry/record.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { Attempt, AttemptOwner } from './attempt.ts'
import type { ProxyContext } from './context.ts'
import { bodyRejected, FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'
import { Flow } from './flow.ts'
import { LIFE, STATE, STEP } from './lifecycle.ts'
import { Patience } from './patience.ts'
import { BODY_OVER_LIMIT } from './pump.ts'
import type { InboundRequest, RequestHeadWriter } from './request-head.ts'
import { RequestSide } from './request-side.ts'
import type { ResponseHeadSender } from './response-head.ts'
import { READ, ResponseSide } from './response-side.ts'
import { retryClassOf, retryClassOfStatus } from './retry.ts'
import { Times } from './times.ts'
import { Tries } from './tries.ts'
import { Tunnel } from './tunnel.ts'

/** Where a request was routed. */
export type Destination = { readonly route: number; readonly cluster: Cluster }

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
export class Exchange implements RequestHandler, AttemptOwner, Armed {
  timerSlot: number = NOT_ARMED
  readonly #context: ProxyContext
  readonly #ports: ExchangePorts
  readonly request: RequestSide
  readonly patience: Patience
  timeouts!: ClusterTimeouts
  readonly #response: ResponseSide
  readonly #tries: Tries
  readonly #flow: Flow
  readonly #times: Times
  #state: number = STATE.done
  #client!: ClientConnection
  #destination!: Destination
  #tunnel: Tunnel | undefined
  /** When the head of the response must be here, whatever was tried. */
  #deadlineMs = Infinity

  constructor(context: ProxyContext, ports: ExchangePorts) {
    this.#context = context
    this.#ports = ports
    this.request = new RequestSide(context)
    this.#response = new ResponseSide(context, ports.sender)
    this.#times = new Times(context.reactor)
    this.patience = new Patience(context.reactor, this.request, this.#response)
    this.#tries = new Tries(context, this)
    this.#flow = new Flow(context.reactor, this, this.#tries)
  }

  /** About to be kept for reuse: must be over. */
  reset(): void {
    if (this.#state !== STATE.done) throw new Error('an exchange under way is not to be reused')
  }

  /** Take a request to its endpoint. The body follows through `feed`. */
  begin(request: InboundRequest, destination: Destination, wantsKeepAlive: boolean): void {
    const { recorder, reactor } = this.#context
    this.#state = STATE.begun
    this.#client = request.client
    this.#destination = destination
    const { timeouts } = destination.cluster.spec
    this.timeouts = timeouts
    this.#deadlineMs = timeouts.totalMs > 0 ? reactor.nowMs + timeouts.totalMs : Infinity
    this.#times.begin()
    this.patience.begin(request.client, timeouts.serverMs)
    this.#flow.begin(request.client)
    this.#tries.begin(destination.cluster, request.upgrade)
    request.client.handler = this
    this.#response.begin(request.client, this.request, wantsKeepAlive)
    recorder.exchangeBegan(request.client.listener.spec.id)
    if (!this.request.begin(request, this.#ports.writer)) {
      recorder.buffersExhausted()
      this.#fail(FAILURE.overloaded)
      return
    }
    if (request.client.blocked) this.patience.awaitReader()
    else if (!this.request.done) this.patience.awaitBody()
    this.#firstTry()
  }

  // ── tries ──

  #firstTry(): void {
    const attempt = this.#tries.first()
    if (attempt === undefined) {
      this.#fail(FAILURE.noEndpoint)
      return
    }
    this.#step(STEP.try)
    this.#watch()
    attempt.seek()
  }

  sent(attempt: Attempt, waited: boolean): void {
    this.#flow.sent(attempt, waited)
  }

  connected(): void {
    this.#client.resumeBody()
  }

  replaying(): void {
    this.#flow.lost()
  }

  failed(attempt: Attempt, failure: Failure): void {
    if (attempt.answering || !this.#goesOnWithout(attempt, failure.outcome, retryClassOf(failure.outcome))) {
      this.#fail(failure)
    }
  }

  /** Another try takes the place of this one: one that is under way already, or a new one at another endpoint. */
  #goesOnWithout(attempt: Attempt, outcome: number, retryClass: RetryClass | undefined): boolean {
    const tries = this.#tries
    let next: Attempt | undefined
    if (tries.live === 1) {
      if (retryClass === undefined || this.#response.touched) return false
      next = tries.retry(attempt, retryClass)
      if (next === undefined) return false
      this.#step(STEP.retry)
    }
    tries.drop(attempt, outcome)
    this.#flow.lost()
    next?.seek()
    return true
  }

  /** The clock of all tries together and that of the next hedge: whichever comes first. */
  #watch(): void {
    const atMs = Math.min(this.#deadlineMs, this.#tries.hedgeAtMs)
    if (atMs < Infinity) this.#context.reactor.wheel.arm(this, atMs)
  }

  onTimer(nowMs: number): void {
    const tries = this.#tries
    if (nowMs >= this.#deadlineMs) {
      this.#context.recorder.upstreamTimeout(this.#destination.cluster.spec.id, UPSTREAM_TIMEOUT.total)
      this.#fail(FAILURE.upstreamTimeout)
      return
    }
    const hedge = this.#response.touched ? undefined : tries.hedge()
    this.#watch()
    hedge?.seek()
  }

  // ── the client's side ──

  feed(start: number, end: number): number {
    const at = this.#flow.feed(start, end)
    if (at >= 0) return at
    this.#fail(at === BODY_OVER_LIMIT ? FAILURE.bodyTooLarge : bodyRejected(-at))
    return end
  }

  clientGone(reset: boolean): void {
    const outcome = reset ? OUTCOME['client-reset'] : OUTCOME['client-abort']
    // It may still read: what it has of a response must not look complete.
    this.#finish(outcome, this.#response.started ? CLIENT.reset : CLIENT.close)
  }

  clientBlocked(): void {
    this.#flow.clientBlocked()
  }

  clientWritable(): void {
    this.#flow.clientWritable()
  }

  clientRelayDone(status: number, bytes: number): void {
    this.request.relayed(status, bytes)
    if (status === RELAY.ended) this.clientGone(false)
    else this.#flow.fed()
  }

  clientTimer(nowMs: number): void {
    if (!this.patience.clientOverdue(nowMs, this.#tries.main?.up)) return
    this.#context.recorder.clientTimeout(this.#client.listener.spec.id, CLIENT_TIMEOUT.client)
    this.#fail(FAILURE.clientTimeout)
  }

  // ── the endpoint's side ──

  interim(attempt: Attempt): void {
    this.#chosen(attempt)
    this.#response.interim(attempt.reader.head)
  }

  /** The client is to have a byte of its response: it is the one, and there will be no other. */
  #chosen(attempt: Attempt): void {
    this.#tries.choose(attempt)
    this.#context.reactor.wheel.disarm(this)
  }

  responded(attempt: Attempt): void {
    const { reader } = attempt
    const up = attempt.up!
    if (!this.#response.fits(reader.head)) {
      this.failed(attempt, FAILURE.upstreamMalformed)
      return
    }
    const retryClass = retryClassOfStatus(reader.head.status)
    if (retryClass !== undefined && this.#goesOnWithout(attempt, OUTCOME.complete, retryClass)) return
    this.#chosen(attempt)
    attempt.answer()
    this.#step(reader.head.status === 101 ? STEP.switch : STEP.head)
    const result = this.#response.deliver(up, reader.head, reader.at, reader.end)
    up.carry.clear(this.#context.reactor)
    reader.release()
    this.#times.firstByte()
    this.request.answered()
    this.#went(up, result)
  }

  body(attempt: Attempt, start: number, end: number): void {
    const up = attempt.up!
    this.#went(up, this.#response.body(up, start, end))
  }

  /** Some of the response went to the client. */
  #went(up: UpstreamConnection, result: number): void {
    switch (result) {
      case READ.more:
        this.patience.awaitServer(up)
        if (up.relaying) this.patience.awaitReader() // the engine does not tell of a queue that it fills itself
        return
      case READ.complete:
        this.#complete(up, this.#response.persistentUpstream)
        return
      case READ.surplus:
        this.#complete(up, false)
        return
      case READ.switched:
        this.#switch(up)
        return
      default:
        this.#fail(FAILURE.upstreamMalformed)
    }
  }

  #complete(up: UpstreamConnection, persistent: boolean): void {
    // An answer that came before the whole request was read leaves some of it in the way of the next one.
    const clear = this.request.done && !this.request.queuedAt(up)
    const reusable = persistent && clear && !up.ended
    if (reusable) up.unhold(HOLD.peerBlocked)
    this.#finish(OUTCOME.complete, this.#response.keepAlive ? CLIENT.keep : CLIENT.close, reusable)
  }

  ended(attempt: Attempt): void {
    if (this.#response.ended()) this.#complete(attempt.up!, false)
    else this.#fail(FAILURE.upstreamClosed)
  }

  relayed(attempt: Attempt, status: number, bytes: number): void {
    if (this.#response.relayed(bytes)) this.#complete(attempt.up!, this.#response.persistentUpstream)
    else if (status === RELAY.ended) this.#fail(FAILURE.upstreamClosed)
  }

  blocked(attempt: Attempt): void {
    this.#flow.blocked(attempt)
  }

  writable(attempt: Attempt): void {
    this.#flow.writable(attempt)
  }

  /** A 101 went to the client: from here on a tunnel drives both connections, and this exchange only waits for its end. */
  #switch(up: UpstreamConnection): void {
    const { tunnelMs, clientFinMs } = this.#client.listener.spec.timeouts
    const timeouts = { tunnelMs, clientFinMs, serverFinMs: this.timeouts.serverFinMs }
    const sides = { client: this.#client, up, cluster: this.#destination.cluster.spec.id }
    this.#tunnel = new Tunnel(this.#context, sides, timeouts, (outcome) => this.#tunnelOver(outcome))
    this.#tunnel.start(this.#response.restStart, this.#response.restEnd)
  }

  #tunnelOver(outcome: number): void {
    const attempt = this.#tries.main!
    const { up, pool } = attempt
    const closed = outcome === OUTCOME['tunnel-closed']
    // Broken off, it is gone, and its place in the pool given back. Where both sides said all they had to say, a reset would take
    // what the endpoint has not read yet from it.
    if (closed || outcome === OUTCOME['upstream-reset']) attempt.up = undefined
    if (closed) pool.part(up!, this.timeouts.serverFinMs)
    this.#finish(outcome, closed ? CLIENT.close : CLIENT.reset)
  }

  // ── the end ──

  /** Answer with an error of ours; if the endpoint's response has begun, break it off, for it must not look complete. */
  #fail(failure: Failure): void {
    if (this.#response.started || this.#client.dead) {
      this.#finish(failure.outcome, CLIENT.reset)
      return
    }
    this.#response.refuse(failure)
    this.#finish(failure.outcome, this.#response.keepAlive ? CLIENT.keep : CLIENT.close)
  }

  starved(): void {
    this.#fail(FAILURE.overloaded)
  }

  cut(): void {
    this.#finish(OUTCOME.shutdown, CLIENT.reset)
  }

  /** The one way out. `reusable`: the connection that answered goes back to the pool. */
  #finish(outcome: number, disposition: number, reusable = false): void {
    this.#step(STEP.finish)
    const client = this.#client
    const tries = this.#tries
    this.#context.reactor.wheel.disarm(this)
    tries.cancelOthers()
    const { main } = tries
    const up = main?.up
    if (up !== undefined) this.#response.settle(up)
    const { recorder, record } = this.#context
    record.reset()
    record.route = this.#destination.route
    record.outcome = outcome
    this.#describe(record)
    tries.conclude(main, record, this.#response.started)
    recorder.finish(record)
    recorder.exchangeEnded(record.listener)
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

  #describe(record: ExchangeRecord): void {
    const client = this.#client
    record.listener = client.listener.spec.id
    record.peer = client.peer
    record.cluster = this.#destination.cluster.spec.id
    this.#times.describe(record)
    this.request.describe(record)
    this.#response.describe(record)
    this.#tunnel?.describe(record)
  }

  #step(event: number): void {
    this.#state = LIFE.next(this.#state, event)
  }
}
