import { PICK_KIND } from '../balance/pick-request.ts'
import type { ClusterTimeouts } from '../config/snapshot.ts'
import type { ClientConnection } from '../downstream/client.ts'
import type { RequestHandler } from '../downstream/service.ts'
import { HOLD } from '../io/connection.ts'
import { RELAY } from '../io/engine.ts'
import { CLIENT_TIMEOUT } from '../telemetry/catalogue.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { Attempt, AttemptOwner } from './attempt.ts'
import type { ProxyContext } from './context.ts'
import { bodyRejected, FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'
import { LIFE, STATE, STEP } from './lifecycle.ts'
import { Patience } from './patience.ts'
import { replyFailure } from './reply.ts'
import { BODY_OVER_LIMIT } from './pump.ts'
import type { InboundRequest, RequestHeadWriter } from './request-head.ts'
import { RequestSide } from './request-side.ts'
import type { ResponseHeadSender } from './response-head.ts'
import { READ, ResponseSide } from './response-side.ts'
import { Times } from './times.ts'
import { Tries } from './tries.ts'
import { countTunnelTimeout, Tunnel } from './tunnel.ts'

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
export class Exchange implements RequestHandler, AttemptOwner {
  readonly #context: ProxyContext
  readonly #ports: ExchangePorts
  readonly request: RequestSide
  readonly patience: Patience
  timeouts!: ClusterTimeouts
  readonly #response: ResponseSide
  readonly #tries: Tries
  readonly #times: Times
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
    this.patience = new Patience(context.reactor, this.request, this.#response)
    this.#tries = new Tries(context, this)
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
    this.timeouts = destination.cluster.spec.timeouts
    this.#times.begin()
    this.patience.begin(request.client, this.timeouts.serverMs)
    this.#tries.begin(destination.cluster)
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
    const attempt = this.#tries.next(PICK_KIND.first)
    if (attempt === undefined) {
      this.#fail(FAILURE.noEndpoint)
      return
    }
    this.#step(STEP.try)
    attempt.seek()
  }

  sent(attempt: Attempt, waited: boolean): void {
    if (this.#client.blocked) attempt.up!.hold(HOLD.peerBlocked)
    if (!waited) return
    if (!this.request.done) this.patience.awaitBody() // its clock may have run out, unheeded, while we had no use for its body
    this.#client.resumeBody()
  }

  connected(): void {
    this.#client.resumeBody()
  }

  replaying(): void {
    this.#client.unhold(HOLD.peerBlocked) // it was the lost connection that was blocked
  }

  failed(_attempt: Attempt, failure: Failure): void {
    this.#fail(failure)
  }

  // ── the client's side ──

  feed(start: number, end: number): number {
    if (this.request.done) return start
    const at = this.request.feed(start, end, this.#up)
    if (at < 0) {
      this.#fail(at === BODY_OVER_LIMIT ? FAILURE.bodyTooLarge : bodyRejected(-at))
      return end
    }
    if (at > start) this.#fed()
    return at
  }

  /** Body bytes were sent on. */
  #fed(): void {
    const up = this.#up
    if (!this.request.done) {
      if (up !== undefined) this.request.relayRest(this.#client, up)
      this.patience.awaitBody()
      if (this.#client.relaying) this.patience.awaitServer(up!) // which may be the one that holds the relay up
    } else if (up !== undefined && !up.connecting) this.patience.awaitServer(up)
  }

  /** The connection that the request's body goes to, and that the answer comes from. While there are several, there is no body. */
  get #up(): UpstreamConnection | undefined {
    return this.#tries.main?.up
  }

  clientGone(reset: boolean): void {
    const outcome = reset ? OUTCOME['client-reset'] : OUTCOME['client-abort']
    // It may still read: what it has of a response must not look complete.
    this.#finish(outcome, this.#response.started ? CLIENT.reset : CLIENT.close)
  }

  clientBlocked(): void {
    if (this.#up?.relaying === false) this.#up.hold(HOLD.peerBlocked)
    this.patience.awaitReader()
  }

  clientWritable(): void {
    const up = this.#up
    if (up === undefined) return
    up.unhold(HOLD.peerBlocked)
    if (!up.connecting) this.patience.awaitServer(up)
  }

  clientRelayDone(status: number, bytes: number): void {
    this.request.relayed(status, bytes)
    if (status === RELAY.ended) this.clientGone(false)
    else if (this.request.done) this.#fed()
  }

  clientTimer(nowMs: number): void {
    if (!this.patience.clientOverdue(nowMs, this.#up)) return
    this.#context.recorder.clientTimeout(this.#client.listener.spec.id, CLIENT_TIMEOUT.client)
    this.#fail(FAILURE.clientTimeout)
  }

  // ── the endpoint's side ──

  interim(attempt: Attempt): void {
    this.#response.interim(attempt.reader.head)
  }

  responded(attempt: Attempt): void {
    const { reader } = attempt
    const up = attempt.up!
    if (!this.#response.fits(reader.head)) {
      this.failed(attempt, FAILURE.upstreamMalformed)
      return
    }
    this.#tries.win(attempt)
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
    if (!this.#client.relaying) this.#client.hold(HOLD.peerBlocked)
    this.patience.awaitServer(attempt.up!)
  }

  writable(attempt: Attempt): void {
    this.#client.lastActiveMs = this.#context.reactor.nowMs
    this.#client.unhold(HOLD.peerBlocked)
    this.patience.awaitServer(attempt.up!)
  }

  /** A 101 went to the client: from here on a tunnel drives both connections, and this exchange only waits for its end. */
  #switch(up: UpstreamConnection): void {
    const { tunnelMs, clientFinMs } = this.#client.listener.spec.timeouts
    const timeouts = { tunnelMs, clientFinMs, serverFinMs: this.timeouts.serverFinMs }
    const sides = { client: this.#client, up }
    this.#tunnel = new Tunnel(this.#context.reactor, sides, timeouts, (outcome) => this.#tunnelOver(outcome))
    this.#tunnel.start(this.#response.restStart, this.#response.restEnd)
  }

  #tunnelOver(outcome: number): void {
    const attempt = this.#tries.main!
    const { up, pool } = attempt
    if (outcome === OUTCOME['tunnel-timeout']) {
      countTunnelTimeout(this.#context.recorder, this.#tunnel!.limit, {
        listener: this.#client.listener.spec.id,
        cluster: this.#destination.cluster.spec.id,
      })
    }
    if (outcome === OUTCOME['upstream-reset']) attempt.up = undefined // gone, and its place in the pool given back
    if (outcome !== OUTCOME['tunnel-closed']) {
      this.#finish(outcome, CLIENT.reset)
      return
    }
    // Both sides said all they had to say: a reset would take what the endpoint has not read yet from it.
    attempt.up = undefined
    pool.part(up!, this.timeouts.serverFinMs)
    this.#finish(outcome, CLIENT.close)
  }

  // ── the end ──

  /** Answer with an error of ours; if the endpoint's response has begun, break it off, for it must not look complete. */
  #fail(failure: Failure): void {
    if (this.#response.started || this.#client.dead) {
      this.#finish(failure.outcome, CLIENT.reset)
      return
    }
    // To an HTTP/1.0 client our replies do not say keep-alive, so it expects the end.
    const keep = this.#response.mayGoOn && this.request.minor === 1 && failure !== FAILURE.overloaded
    this.#response.status = failure.status
    this.#response.bytes = replyFailure(this.#context, this.#client, failure, {
      close: !keep,
      method: this.request.method,
      requestIdStart: this.request.requestIdStart,
    })
    this.#finish(failure.outcome, keep ? CLIENT.keep : CLIENT.close)
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
    tries.cancelOthers()
    const { main } = tries
    const up = main?.up
    if (up !== undefined) this.#response.settle(up)
    this.#account(outcome, main)
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

  #account(outcome: number, main: Attempt | undefined): void {
    const { recorder, record } = this.#context
    const { route, cluster } = this.#destination
    record.reset()
    record.listener = this.#client.listener.spec.id
    record.cluster = cluster.spec.id
    record.route = route
    record.outcome = outcome
    record.status = this.#response.status
    this.#times.describe(record)
    record.peer = this.#client.peer
    this.request.describe(record)
    record.bytesToClient = this.#response.bytes + this.#response.payload
    if (this.#tunnel !== undefined) {
      record.bytesFromClient += this.#tunnel.bytesUp
      record.bytesToClient += this.#tunnel.bytesDown
    }
    record.retries = this.#tries.begun - 1
    if (main !== undefined) this.#tries.conclude(main, record, this.#response.started)
    recorder.finish(record)
    recorder.exchangeEnded(record.listener)
  }

  #step(event: number): void {
    this.#state = LIFE.next(this.#state, event)
  }
}
