import type { ClusterSpec } from '../config/snapshot.ts'
import type { ClientConnection } from '../downstream/client.ts'
import type { RequestHandler } from '../downstream/service.ts'
import { HOLD } from '../io/connection.ts'
import { RELAY } from '../io/engine.ts'
import { CLIENT_TIMEOUT, UPSTREAM_TIMEOUT } from '../telemetry/catalogue.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { EndpointPool } from '../upstream/pool.ts'
import { Acquisition } from './acquisition.ts'
import type { Seeker } from './acquisition.ts'
import type { ProxyContext } from './context.ts'
import { bodyRejected, connectFailure, FAILURE } from './failure.ts'
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
import { Tunnel } from './tunnel.ts'
import type { TunnelLimit } from './tunnel.ts'

/** Where a request was routed. */
export type Destination = {
  readonly route: number
  readonly cluster: Cluster
  readonly pool: EndpointPool
}

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
 * One request and its response, from the complete head to the one `#finish` that every exit reaches: it gives back the connection, the
 * buffers and the timers, counts and logs. It is what the client connection drives and what the upstream connection
 * serves. Instances, with their pumps and times, are reused: what a request allocates are a few small objects that die with the call.
 */
export class Exchange implements RequestHandler, Seeker {
  readonly #context: ProxyContext
  readonly #ports: ExchangePorts
  readonly #request: RequestSide
  readonly #response: ResponseSide
  #state: number = STATE.done
  #client!: ClientConnection
  #destination!: Destination
  /** As configured when the exchange began: a reload does not move the goal posts. */
  #timeouts!: ClusterSpec['timeouts']
  #up: UpstreamConnection | undefined
  #reused = false
  #tunnel: Tunnel | undefined
  #retries = 0
  readonly #times: Times
  readonly #patience: Patience
  readonly #acquisition: Acquisition

  constructor(context: ProxyContext, ports: ExchangePorts) {
    this.#context = context
    this.#ports = ports
    this.#request = new RequestSide(context)
    this.#response = new ResponseSide(context, ports.sender)
    this.#times = new Times(context.reactor)
    this.#patience = new Patience(context.reactor, this.#request, this.#response)
    this.#acquisition = new Acquisition(context.reactor, this, this.#times)
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
    this.#timeouts = destination.cluster.spec.timeouts
    this.#up = undefined
    this.#reused = false
    this.#retries = 0
    this.#times.begin()
    this.#patience.begin(request.client, this.#timeouts.serverMs)
    request.client.handler = this
    this.#response.begin(request.client, this.#request, wantsKeepAlive)
    recorder.exchangeBegan(request.client.listener.spec.id)
    recorder.picked(destination.cluster.spec.id, destination.pool.spec.id)
    if (!this.#request.begin(request, this.#ports.writer)) {
      recorder.buffersExhausted()
      this.#fail(FAILURE.overloaded)
      return
    }
    if (request.client.blocked) this.#patience.awaitReader()
    else if (!this.#request.done) this.#patience.awaitBody()
    this.#connect(false)
  }

  // ── the way to a connection ──

  #connect(fresh: boolean): void {
    this.#acquisition.seek(this.#destination.pool, this.#timeouts.queueMs, fresh)
  }

  queued(): void {
    this.#step(STEP.queue)
  }

  denied(failure: Failure): void {
    if (failure === FAILURE.queueTimeout) {
      this.#context.recorder.upstreamTimeout(this.#destination.cluster.spec.id, UPSTREAM_TIMEOUT.queue)
    }
    this.#fail(failure)
  }

  granted(up: UpstreamConnection): void {
    const { reactor } = this.#context
    const waited = this.#state === STATE.queued
    this.#up = up
    this.#reused = up.served > 0
    this.#step(up.connecting ? STEP.connect : STEP.sent)
    this.#request.sendTo(up)
    if (up.connecting) reactor.wheel.arm(up, reactor.nowMs + this.#timeouts.connectMs)
    else this.#patience.awaitServer(up)
    if (this.#client.blocked) up.hold(HOLD.peerBlocked)
    if (!waited) return
    if (!this.#request.done) this.#patience.awaitBody() // its clock may have run out, unheeded, while we had no use for its body
    this.#client.resumeBody()
  }

  // ── the client's side ──

  feed(start: number, end: number): number {
    if (this.#request.done) return start
    const at = this.#request.feed(start, end, this.#up)
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
    if (!this.#request.done) {
      if (up !== undefined) this.#request.relayRest(this.#client, up)
      this.#patience.awaitBody()
      if (this.#client.relaying) this.#patience.awaitServer(up!) // which may be the one that holds the relay up
    } else if (up !== undefined && !up.connecting) this.#patience.awaitServer(up)
  }

  clientGone(reset: boolean): void {
    const outcome = reset ? OUTCOME['client-reset'] : OUTCOME['client-abort']
    // It may still read: what it has of a response must not look complete.
    this.#finish(outcome, this.#response.started ? CLIENT.reset : CLIENT.close)
  }

  clientBlocked(): void {
    if (this.#up?.relaying === false) this.#up.hold(HOLD.peerBlocked)
    this.#patience.awaitReader()
  }

  clientWritable(): void {
    const up = this.#up
    if (up === undefined) return
    up.unhold(HOLD.peerBlocked)
    if (!up.connecting) this.#patience.awaitServer(up)
  }

  clientRelayDone(status: number, bytes: number): void {
    this.#request.relayed(status, bytes)
    if (status === RELAY.ended) this.clientGone(false)
    else if (this.#request.done) this.#fed()
  }

  clientTimer(nowMs: number): void {
    if (!this.#patience.clientOverdue(nowMs, this.#up)) return
    this.#context.recorder.clientTimeout(this.#client.listener.spec.id, CLIENT_TIMEOUT.client)
    this.#fail(FAILURE.clientTimeout)
  }

  // ── the endpoint's side ──

  upstreamConnected(): void {
    const up = this.#up!
    this.#step(STEP.sent)
    this.#times.connected()
    this.#patience.awaitServer(up)
    this.#client.resumeBody()
  }

  upstreamData(start: number, end: number): void {
    const up = this.#up!
    const response = this.#response
    const begun = response.started
    up.lastActiveMs = this.#context.reactor.nowMs
    const result = response.read(up, start, end)
    if (response.started && !begun) this.#answered(result === READ.switched)
    switch (result) {
      case READ.more:
        this.#patience.awaitServer(up)
        if (up.relaying) this.#patience.awaitReader() // the engine does not tell of a queue that it fills itself
        return
      case READ.complete:
        this.#complete(up, response.persistentUpstream)
        return
      case READ.surplus:
        this.#complete(up, false)
        return
      case READ.switched:
        this.#switch(up)
        return
      case READ.noBuffer:
        this.#context.recorder.buffersExhausted()
        this.#fail(FAILURE.overloaded)
        return
      default:
        this.#fail(FAILURE.upstreamMalformed)
    }
  }

  /** The final head went to the client. */
  #answered(switching: boolean): void {
    this.#step(switching ? STEP.switch : STEP.head)
    this.#times.firstByte()
    this.#request.answered()
  }

  #complete(up: UpstreamConnection, persistent: boolean): void {
    // An answer that came before the whole request was read leaves some of it in the way of the next one.
    const clear = this.#request.done && !this.#request.queuedAt(up)
    if (persistent && clear && !up.ended) {
      up.unhold(HOLD.peerBlocked)
      this.#up = undefined
      this.#finish(OUTCOME.complete, this.#response.keepAlive ? CLIENT.keep : CLIENT.close, up)
    } else this.#finish(OUTCOME.complete, this.#response.keepAlive ? CLIENT.keep : CLIENT.close)
  }

  upstreamEnded(): void {
    if (this.#response.ended()) this.#complete(this.#up!, false)
    else this.#lost(FAILURE.upstreamClosed)
  }

  upstreamBroke(errno: number, connecting: boolean): void {
    this.#up = undefined
    if (connecting) this.#fail(connectFailure(errno))
    else this.#lost(FAILURE.upstreamReset)
  }

  /** The connection is of no more use. If it had idled too long, the endpoint may never have seen the request: try once more. */
  #lost(failure: Failure): void {
    const stale = this.#reused && !this.#response.touched && this.#state === STATE.waiting
    if (!stale || this.#retries > 0 || !this.#request.repeatable) {
      this.#fail(failure)
      return
    }
    const { cluster, pool } = this.#destination
    this.#context.recorder.staleReuse(cluster.spec.id)
    const up = this.#up
    this.#up = undefined
    this.#step(STEP.retry)
    this.#retries++
    if (up !== undefined) pool.discard(up)
    this.#client.unhold(HOLD.peerBlocked) // it was the lost connection that was blocked
    this.#connect(true)
  }

  upstreamBlocked(): void {
    if (!this.#client.relaying) this.#client.hold(HOLD.peerBlocked)
    this.#patience.awaitServer(this.#up!)
  }

  upstreamWritable(): void {
    this.#client.lastActiveMs = this.#context.reactor.nowMs
    this.#client.unhold(HOLD.peerBlocked)
    this.#patience.awaitServer(this.#up!)
  }

  upstreamRelayDone(status: number, bytes: number): void {
    const up = this.#up!
    if (this.#response.relayed(bytes)) this.#complete(up, this.#response.persistentUpstream)
    else if (status === RELAY.ended) this.#lost(FAILURE.upstreamClosed)
  }

  upstreamTimer(nowMs: number): void {
    const up = this.#up!
    const connecting = this.#state === STATE.connecting
    if (!connecting && !this.#patience.serverOverdue(nowMs, up)) return
    const kind = connecting ? UPSTREAM_TIMEOUT.connect : UPSTREAM_TIMEOUT.server
    this.#context.recorder.upstreamTimeout(this.#destination.cluster.spec.id, kind)
    this.#fail(connecting ? FAILURE.connectTimeout : FAILURE.upstreamTimeout)
  }

  /** A 101 went to the client: from here on a tunnel drives both connections, and this exchange only waits for its end. */
  #switch(up: UpstreamConnection): void {
    const { tunnelMs, clientFinMs } = this.#client.listener.spec.timeouts
    const timeouts = { tunnelMs, clientFinMs, serverFinMs: this.#timeouts.serverFinMs }
    const sides = { client: this.#client, up }
    this.#tunnel = new Tunnel(this.#context.reactor, sides, timeouts, (outcome) => this.#tunnelOver(outcome))
    this.#tunnel.start(this.#response.restStart, this.#response.restEnd)
  }

  #tunnelOver(outcome: number): void {
    if (outcome === OUTCOME['tunnel-timeout']) this.#countTunnelTimeout(this.#tunnel!.limit)
    if (outcome === OUTCOME['upstream-reset']) this.#up = undefined // gone, and its place in the pool given back
    if (outcome === OUTCOME['tunnel-closed']) this.#part()
    this.#finish(outcome, outcome === OUTCOME['tunnel-closed'] ? CLIENT.close : CLIENT.reset)
  }

  #countTunnelTimeout(limit: TunnelLimit): void {
    const { recorder } = this.#context
    if (limit === 'serverFinMs') {
      recorder.upstreamTimeout(this.#destination.cluster.spec.id, UPSTREAM_TIMEOUT.serverFin)
    } else {
      const kind = limit === 'clientFinMs' ? CLIENT_TIMEOUT.clientFin : CLIENT_TIMEOUT.tunnel
      recorder.clientTimeout(this.#client.listener.spec.id, kind)
    }
  }

  /** Both sides of a tunnel said all they had to say: a reset would take what the endpoint has not read yet from it. */
  #part(): void {
    const up = this.#up!
    this.#up = undefined
    this.#destination.pool.part(up, this.#timeouts.serverFinMs)
  }

  // ── the end ──

  /** Answer with an error of ours; if the endpoint's response has begun, break it off, for it must not look complete. */
  #fail(failure: Failure): void {
    if (this.#response.started || this.#client.dead) {
      this.#finish(failure.outcome, CLIENT.reset)
      return
    }
    // To an HTTP/1.0 client our replies do not say keep-alive, so it expects the end.
    const keep = this.#response.mayGoOn && this.#request.minor === 1 && failure !== FAILURE.overloaded
    this.#response.status = failure.status
    this.#response.bytes = replyFailure(this.#context, this.#client, failure, {
      close: !keep,
      method: this.#request.method,
      requestIdStart: this.#request.requestIdStart,
    })
    this.#finish(failure.outcome, keep ? CLIENT.keep : CLIENT.close)
  }

  starved(): void {
    this.#fail(FAILURE.overloaded)
  }

  cut(): void {
    this.#finish(OUTCOME.shutdown, CLIENT.reset)
  }

  /** The one way out. `reusable`: the connection that goes back to the pool. */
  #finish(outcome: number, disposition: number, reusable?: UpstreamConnection): void {
    this.#step(STEP.finish)
    const client = this.#client
    const { pool } = this.#destination
    const up = this.#up
    this.#up = undefined
    this.#acquisition.giveUp()
    if (up !== undefined) this.#response.settle(up)
    this.#account(outcome)
    this.#request.release()
    this.#response.release()
    this.#tunnel = undefined
    client.handler = undefined
    this.#ports.recycle(this)
    if (reusable !== undefined) pool.release(reusable)
    else if (up !== undefined) pool.discard(up)
    if (disposition === CLIENT.reset) client.resetNow()
    else client.done(disposition === CLIENT.keep)
  }

  #account(outcome: number): void {
    const { recorder, record } = this.#context
    const { route, cluster, pool } = this.#destination
    const client = this.#client
    record.reset()
    record.listener = client.listener.spec.id
    record.cluster = cluster.spec.id
    record.endpoint = pool.spec.id
    record.route = route
    record.outcome = outcome
    record.status = this.#response.status
    this.#times.describe(record)
    record.retries = this.#retries
    record.reusedUpstream = this.#reused
    record.peer = client.peer
    this.#request.describe(record)
    record.bytesToClient = this.#response.bytes + this.#response.payload
    if (this.#tunnel !== undefined) {
      record.bytesFromClient += this.#tunnel.bytesUp
      record.bytesToClient += this.#tunnel.bytesDown
    }
    recorder.finish(record)
    recorder.left(cluster.spec.id, pool.spec.id)
    recorder.exchangeEnded(record.listener)
  }

  #step(event: number): void {
    this.#state = LIFE.next(this.#state, event)
  }
}
