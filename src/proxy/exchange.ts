import { NOT_ARMED } from '../base/wheel.ts'
import type { ClusterSpec } from '../config/snapshot.ts'
import type { ClientConnection } from '../downstream/client.ts'
import type { RequestHandler } from '../downstream/service.ts'
import { HOLD } from '../io/connection.ts'
import { RELAY } from '../io/engine.ts'
import type { Armed } from '../io/reactor.ts'
import { CLIENT_TIMEOUT, UPSTREAM_TIMEOUT } from '../telemetry/catalogue.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { EndpointPool, Waiter } from '../upstream/pool.ts'
import type { ProxyContext } from './context.ts'
import { connectFailure, FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'
import { LIFE, STATE, STEP } from './lifecycle.ts'
import { replyFailure } from './reply.ts'
import type { InboundRequest, RequestHeadWriter } from './request-head.ts'
import { BODY_OVER_LIMIT, RequestSide } from './request-side.ts'
import type { ResponseHeadSender } from './response-head.ts'
import { READ, ResponseSide } from './response-side.ts'
import { Tunnel } from './tunnel.ts'

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

/** While the engine relays, a standstill is looked for this many times per timeout: it is found at most a fourth late. */
const LOOKS = 4

/**
 * One request and its response, from the complete head to the one `#finish` that every exit reaches: it gives back the connection, the
 * buffers and the timers, counts and logs. It is what the client connection drives and what the upstream connection
 * serves; instances are reused, so that a request allocates nothing.
 */
export class Exchange implements RequestHandler, Waiter, Armed {
  timerSlot: number = NOT_ARMED
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
  /** Monotonic ms; durations are -1 where it did not come to that. */
  #startedMs = 0
  #wallStartMs = 0
  #attemptMs = 0
  #queueMs = -1
  #connectMs = -1
  #firstByteMs = -1

  constructor(context: ProxyContext, ports: ExchangePorts) {
    this.#context = context
    this.#ports = ports
    this.#request = new RequestSide(context)
    this.#response = new ResponseSide(context, ports.sender)
  }

  /** About to be kept for reuse: must be over. */
  reset(): void {
    if (this.#state !== STATE.done) throw new Error('an exchange under way is not to be reused')
  }

  /** Take a request to its endpoint. The body follows through `feed`. */
  begin(request: InboundRequest, destination: Destination, wantsKeepAlive: boolean): void {
    const { reactor, recorder } = this.#context
    this.#state = STATE.begun
    this.#client = request.client
    this.#destination = destination
    this.#timeouts = destination.cluster.spec.timeouts
    this.#up = undefined
    this.#retries = 0
    this.#startedMs = reactor.nowMs
    this.#wallStartMs = reactor.wallMs
    this.#queueMs = -1
    this.#connectMs = -1
    this.#firstByteMs = -1
    request.client.handler = this
    this.#response.begin(request.client, this.#request, wantsKeepAlive)
    recorder.exchangeBegan(request.client.listener.spec.id)
    recorder.picked(destination.cluster.spec.id, destination.pool.spec.id)
    if (!this.#request.begin(request, this.#ports.writer)) {
      recorder.buffersExhausted()
      this.#fail(FAILURE.overloaded)
      return
    }
    if (!this.#request.done || request.client.blocked) {
      reactor.wheel.arm(request.client, reactor.nowMs + this.#clientMs)
    }
    this.#connect(false)
  }

  // ── the way to a connection ──

  #connect(fresh: boolean): void {
    const { pool } = this.#destination
    this.#attemptMs = this.#context.reactor.nowMs
    const idle = fresh ? undefined : pool.takeIdle(this)
    if (idle !== undefined) {
      this.#use(idle)
      return
    }
    const acquired = pool.acquire(this)
    if (acquired.kind === 'connection') this.#use(acquired.connection)
    else if (acquired.kind === 'failed') this.#fail(connectFailure(acquired.errno))
    else if (acquired.kind === 'full') this.#fail(FAILURE.queueFull)
    else this.#queue()
  }

  #queue(): void {
    const { reactor } = this.#context
    this.#step(STEP.queue)
    reactor.wheel.arm(this, reactor.nowMs + this.#timeouts.queueMs)
  }

  granted(up: UpstreamConnection): void {
    this.#leaveQueue()
    this.#use(up)
    this.#client.resumeBody()
  }

  connectFailed(errno: number): void {
    this.#leaveQueue()
    this.#fail(connectFailure(errno))
  }

  #leaveQueue(): void {
    const { reactor } = this.#context
    reactor.wheel.disarm(this)
    this.#queueMs = reactor.nowMs - this.#attemptMs
    this.#attemptMs = reactor.nowMs
  }

  /** The time to wait for a connection is over. */
  onTimer(): void {
    this.#context.recorder.upstreamTimeout(this.#destination.cluster.spec.id, UPSTREAM_TIMEOUT.queue)
    this.#leaveQueue()
    this.#fail(FAILURE.queueTimeout)
  }

  #use(up: UpstreamConnection): void {
    const { reactor } = this.#context
    this.#up = up
    this.#reused = up.served > 0
    this.#step(up.connecting ? STEP.connect : STEP.sent)
    up.lastActiveMs = reactor.nowMs
    this.#request.sendTo(up)
    const { connectMs, serverMs } = this.#timeouts
    reactor.wheel.arm(up, reactor.nowMs + (up.connecting ? connectMs : serverMs))
    if (this.#client.blocked) up.hold(HOLD.peerBlocked)
  }

  // ── the client's side ──

  feed(start: number, end: number): number {
    if (this.#tunnel !== undefined) {
      this.#context.reactor.ops.send(this.#up!, start, end)
      return end
    }
    if (this.#request.done) return start
    const at = this.#request.feed(start, end, this.#up)
    if (at < 0) {
      this.#fail(at === BODY_OVER_LIMIT ? FAILURE.bodyTooLarge : FAILURE.requestMalformed)
      return end
    }
    if (at > start) this.#fed()
    return at
  }

  /** Body bytes were sent on. */
  #fed(): void {
    const { reactor } = this.#context
    const up = this.#up
    if (!this.#request.done) {
      reactor.wheel.arm(this.#client, reactor.nowMs + this.#clientMs)
      if (up !== undefined) this.#request.relayRest(this.#client, up)
    } else if (up !== undefined && !up.connecting) this.#serverClock(up)
  }

  /** From now on the endpoint is the one we wait for. */
  #serverClock(up: UpstreamConnection): void {
    const { reactor } = this.#context
    up.lastActiveMs = reactor.nowMs
    reactor.wheel.arm(up, reactor.nowMs + this.#timeouts.serverMs)
  }

  clientGone(reset: boolean): void {
    const outcome = reset ? OUTCOME['client-reset'] : OUTCOME['client-abort']
    this.#finish(outcome, CLIENT.close)
  }

  clientBlocked(): void {
    const { reactor } = this.#context
    this.#up?.hold(HOLD.peerBlocked)
    this.#client.lastActiveMs = reactor.nowMs
    reactor.wheel.arm(this.#client, reactor.nowMs + this.#clientMs / LOOKS)
  }

  clientWritable(): void {
    const up = this.#up
    if (up === undefined) return
    up.lastActiveMs = this.#context.reactor.nowMs
    up.unhold(HOLD.peerBlocked)
  }

  clientRelayDone(status: number, bytes: number): void {
    if (this.#tunnel !== undefined) {
      this.#tunnelStep(true, status, bytes)
      return
    }
    this.#request.relayed(status, bytes)
    if (status === RELAY.ended) this.clientGone(false)
    else if (this.#request.done) this.#fed()
  }

  clientTimer(nowMs: number): void {
    const client = this.#client
    if (this.#tunnel !== undefined) return
    const unfinished = !this.#request.done && this.#up !== undefined
    if (!client.blocked && !unfinished) return
    const { wheel } = this.#context.reactor
    if (!client.blocked && (client.held || this.#up!.blocked)) {
      wheel.arm(client, nowMs + this.#clientMs)
      return
    }
    const leftMs = this.#clientMs - client.idleMs(nowMs)
    if (leftMs > 0) {
      const watching = client.blocked || client.relaying
      wheel.arm(client, nowMs + (watching ? Math.min(leftMs, this.#clientMs / LOOKS) : leftMs))
      return
    }
    this.#context.recorder.clientTimeout(client.listener.spec.id, CLIENT_TIMEOUT.client)
    this.#fail(FAILURE.clientTimeout)
  }

  get #clientMs(): number {
    return this.#client.listener.spec.timeouts.clientMs
  }

  // ── the endpoint's side ──

  upstreamConnected(): void {
    const up = this.#up!
    this.#step(STEP.sent)
    this.#connectMs = this.#context.reactor.nowMs - this.#attemptMs
    this.#serverClock(up)
    if (!this.#request.done) this.#request.relayRest(this.#client, up)
  }

  upstreamData(start: number, end: number): void {
    const { reactor } = this.#context
    const up = this.#up!
    const response = this.#response
    const begun = response.started
    up.lastActiveMs = reactor.nowMs
    const result = response.read(up, start, end)
    if (response.started && !begun) this.#answered(result === READ.switched)
    switch (result) {
      case READ.more:
        if (up.relaying) reactor.wheel.arm(up, reactor.nowMs + this.#timeouts.serverMs / LOOKS)
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
    this.#firstByteMs = this.#context.reactor.nowMs - this.#startedMs
    this.#request.answered()
  }

  #complete(up: UpstreamConnection, persistent: boolean): void {
    const { done } = this.#request
    if (persistent && done && !up.ended) {
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
    if (!stale || this.#retries > 0 || !this.#request.repeatable || this.#tunnel !== undefined) {
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
    this.#connect(true)
  }

  upstreamBlocked(): void {
    this.#client.hold(HOLD.peerBlocked)
    this.#serverClock(this.#up!)
  }

  upstreamWritable(): void {
    this.#client.lastActiveMs = this.#context.reactor.nowMs
    this.#client.unhold(HOLD.peerBlocked)
    this.#serverClock(this.#up!)
  }

  upstreamRelayDone(status: number, bytes: number): void {
    if (this.#tunnel !== undefined) {
      this.#tunnelStep(false, status, bytes)
      return
    }
    const up = this.#up!
    const complete = this.#response.relayed(bytes)
    if (complete) this.#complete(up, this.#response.persistentUpstream)
    else if (status === RELAY.ended) this.#lost(FAILURE.upstreamClosed)
  }

  upstreamTimer(nowMs: number): void {
    const up = this.#up!
    if (this.#tunnel !== undefined) {
      if (this.#tunnel.idleTooLong(nowMs)) this.#tunnelTimedOut()
      return
    }
    const { recorder, reactor } = this.#context
    const cluster = this.#destination.cluster.spec.id
    if (this.#state === STATE.connecting) {
      recorder.upstreamTimeout(cluster, UPSTREAM_TIMEOUT.connect)
      this.#fail(FAILURE.connectTimeout)
      return
    }
    const { serverMs } = this.#timeouts
    const leftMs = this.#waitsForClient(up) ? serverMs : serverMs - up.idleMs(nowMs)
    if (leftMs > 0) {
      const watching = up.relaying || up.blocked
      reactor.wheel.arm(up, nowMs + (watching ? Math.min(leftMs, serverMs / LOOKS) : leftMs))
      return
    }
    recorder.upstreamTimeout(cluster, UPSTREAM_TIMEOUT.server)
    this.#fail(FAILURE.upstreamTimeout)
  }

  /** It is not the endpoint that holds things up. */
  #waitsForClient(up: UpstreamConnection): boolean {
    if (this.#client.blocked) return true
    return !this.#request.done && !up.blocked && !this.#response.started
  }

  // ── a tunnel ──

  #switch(up: UpstreamConnection): void {
    const { reactor } = this.#context
    const { tunnelMs, clientFinMs } = this.#client.listener.spec.timeouts
    const timeouts = { tunnelMs, clientFinMs, serverFinMs: this.#timeouts.serverFinMs }
    this.#tunnel = new Tunnel(reactor, this.#client, up, timeouts)
    reactor.ops.send(this.#client, this.#response.restStart, this.#response.restEnd)
    this.#client.resumeBody()
    reactor.wheel.disarm(this.#client)
    this.#tunnel.start()
  }

  #tunnelStep(fromClient: boolean, status: number, bytes: number): void {
    if (this.#tunnel!.relayDone(fromClient, status, bytes)) {
      this.#finish(OUTCOME['tunnel-closed'], CLIENT.close)
    }
  }

  #tunnelTimedOut(): void {
    this.#context.recorder.clientTimeout(this.#client.listener.spec.id, CLIENT_TIMEOUT.tunnel)
    this.#finish(OUTCOME['tunnel-timeout'], CLIENT.reset)
  }

  // ── the end ──

  /** Answer with an error of ours; if the endpoint's response has begun, break it off, for it must not look complete. */
  #fail(failure: Failure): void {
    if (this.#response.started || this.#client.dead) {
      this.#finish(failure.outcome, CLIENT.reset)
      return
    }
    const keep = this.#request.done && !this.#context.draining && failure !== FAILURE.overloaded
    this.#response.status = failure.status
    this.#response.bytes = replyFailure(this.#context, this.#client, failure, {
      close: !keep,
      method: this.#request.method,
      requestIdStart: this.#request.requestIdStart,
    })
    this.#finish(failure.outcome, keep ? CLIENT.keep : CLIENT.close)
  }

  /** Hard end: the shard stops. */
  cut(): void {
    this.#finish(OUTCOME.shutdown, CLIENT.reset)
  }

  /** The one way out. `reusable`: the connection that goes back to the pool. */
  #finish(outcome: number, disposition: number, reusable?: UpstreamConnection): void {
    this.#step(STEP.finish)
    const { reactor } = this.#context
    const client = this.#client
    const { pool } = this.#destination
    const up = this.#up
    this.#up = undefined
    reactor.wheel.disarm(this)
    pool.cancel(this)
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
    const { reactor, recorder, record } = this.#context
    const { route, cluster, pool } = this.#destination
    const client = this.#client
    record.reset()
    record.listener = client.listener.spec.id
    record.cluster = cluster.spec.id
    record.endpoint = pool.spec.id
    record.route = route
    record.outcome = outcome
    record.status = this.#response.status
    record.startedMs = this.#startedMs
    record.wallStartMs = this.#wallStartMs
    record.queueMs = this.#queueMs
    record.connectMs = this.#connectMs
    record.firstByteMs = this.#firstByteMs
    record.durationMs = reactor.nowMs - this.#startedMs
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
