import { Decision } from '../balance/decision.ts'
import { NOT_ARMED } from '../base/wheel.ts'
import type { ClusterTimeouts } from '../config/snapshot.ts'
import type { Armed } from '../io/reactor.ts'
import { UPSTREAM_TIMEOUT } from '../telemetry/catalogue.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { EndpointPool } from '../upstream/pool.ts'
import { Acquisition } from './acquisition.ts'
import type { Seeker } from './acquisition.ts'
import type { ProxyContext } from './context.ts'
import { connectFailure, FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'
import { TRY, TRY_LIFE, TRY_STEP } from './lifecycle.ts'
import type { Patience } from './patience.ts'
import type { RequestSide } from './request-side.ts'
import { FOUND, ResponseReader } from './response-reader.ts'
import { TryTimes } from './times.ts'

/** Whose tries these are: the exchange, as far as a try knows it. Of a try that is over nothing is said any more. */
export interface AttemptOwner {
  readonly request: RequestSide
  readonly patience: Patience
  readonly flow: AttemptFlow
  /** As configured when the exchange began: a reload does not move the goal posts. */
  readonly timeouts: ClusterTimeouts
  /** The request is about to be sent on this connection. */
  sending(up: UpstreamConnection): void
  /** The head of an interim response: `attempt.reader.head`. */
  interim(attempt: Attempt): void
  /** The head of the final one. */
  responded(attempt: Attempt): void
  /** Bytes of the body. */
  body(attempt: Attempt, start: number, end: number): void
  /** The endpoint sent FIN behind the head of its response. */
  ended(attempt: Attempt): void
  relayed(attempt: Attempt, status: number, bytes: number): void
  /** It can come to nothing any more. */
  failed(attempt: Attempt, failure: Failure): void
}

/** What the client's side wants to know of a try's connection. */
export interface AttemptFlow {
  /** It has one, which may still be connecting. */
  sent(attempt: Attempt): void
  /** It is connected. */
  connected(): void
  /** It lost it, and may get another. */
  lost(): void
  /** It does not take what we send, … */
  blocked(attempt: Attempt): void
  /** … and does again. */
  writable(attempt: Attempt): void
}

/**
 * One try: an exchange's dealings with one endpoint, from the pick to the end. It finds a connection, sends the request on it, reads the
 * heads of what comes back, and tells the exchange, which decides. A pooled connection that turns out dead is replaced
 * once by a fresh one, where that can do no harm (RFC 9110 §9.2.2). Instances are reused.
 */
export class Attempt implements Seeker, Armed {
  timerSlot: number = NOT_ARMED
  readonly #context: ProxyContext
  readonly #owner: AttemptOwner
  readonly #acquisition: Acquisition
  readonly times: TryTimes
  readonly reader: ResponseReader
  #state: number = TRY.over
  cluster!: Cluster
  pool!: EndpointPool
  #timeouts!: ClusterTimeouts
  up: UpstreamConnection | undefined
  /** `PICK_KIND`. */
  kind = 0
  reused = false
  /** How it was picked. */
  readonly decision: Decision = new Decision()
  /** What came of it (`OUTCOME`, -1: given up; status of its response, 0: none) and how long that took. */
  outcome = 0
  status = 0
  tookMs = 0
  /** An endpoint was found. */
  pooled = false
  /** A place at its endpoint was taken for it. */
  placed = false
  /** Its endpoint is the one that the client's cookie names. */
  stuck = false
  /** For how long the endpoint asked to be left alone, ms. */
  retryAfterMs = 0
  replayed = false

  constructor(context: ProxyContext, owner: AttemptOwner) {
    this.#context = context
    this.#owner = owner
    this.times = new TryTimes(context.reactor)
    this.reader = new ResponseReader(context)
    this.#acquisition = new Acquisition(context.reactor, this, this.times)
  }

  /** In flight at the endpoint from now on, until `end`. */
  begin(cluster: Cluster, pool: EndpointPool, kind: number): void {
    this.#state = TRY.begun
    this.pooled = true
    this.cluster = cluster
    this.pool = pool
    this.#timeouts = this.#owner.timeouts
    this.kind = kind
    this.up = undefined
    this.reused = false
    this.replayed = false
    this.times.begin()
    this.reader.begin()
    this.retryAfterMs = 0
    this.#context.recorder.picked(cluster.spec.id, pool.spec.id)
    cluster.began(pool)
    const { perTryMs } = this.#timeouts
    if (perTryMs > 0) this.#context.reactor.wheel.arm(this, this.times.startedMs + perTryMs)
  }

  /** There is nobody to try. */
  nobody(kind: number): void {
    this.kind = kind
    this.pooled = false
    this.replayed = false
    this.tookMs = 0
    this.times.begin()
  }

  seek(): void {
    this.#acquisition.seek(this.pool, this.#timeouts.queueMs, this.replayed)
  }

  get over(): boolean {
    return this.#state === TRY.over
  }

  /** Nothing of the request has left us: what is sent on a connection that is connecting goes out with the end of its handshake. */
  get unsent(): boolean {
    return this.#state === TRY.begun || this.#state === TRY.queued || this.#state === TRY.connecting
  }

  /** It has the whole request and has not answered. */
  get awaited(): boolean {
    return this.#state === TRY.waiting && this.#owner.request.done
  }

  get answering(): boolean {
    return this.#state === TRY.answering
  }

  // ── the way to a connection ──

  queued(): void {
    this.#step(TRY_STEP.queue)
  }

  denied(failure: Failure): void {
    if (failure === FAILURE.queueTimeout) {
      this.#context.recorder.upstreamTimeout(this.cluster.spec.id, UPSTREAM_TIMEOUT.queue)
    }
    this.#owner.failed(this, failure)
  }

  granted(up: UpstreamConnection): void {
    const { reactor } = this.#context
    this.up = up
    this.reused = up.served > 0
    this.#step(up.connecting ? TRY_STEP.connect : TRY_STEP.sent)
    this.#owner.sending(up)
    this.#owner.request.sendTo(up)
    if (up.connecting) reactor.wheel.arm(up, reactor.nowMs + this.#timeouts.connectMs)
    else this.#owner.patience.awaitServer(up)
    this.#owner.flow.sent(this)
  }

  // ── the connection ──

  upstreamConnected(): void {
    this.#step(TRY_STEP.sent)
    this.times.connected()
    this.#owner.patience.awaitServer(this.up!)
    this.#owner.flow.connected()
  }

  upstreamData(start: number, end: number): void {
    const up = this.up!
    up.lastActiveMs = this.#context.reactor.nowMs
    if (this.#state === TRY.answering) this.#owner.body(this, start, end)
    else this.#heads(up, this.reader.read(up, start, end))
  }

  #heads(up: UpstreamConnection, first: number): void {
    let found = first
    while (found === FOUND.interim) {
      this.#owner.interim(this)
      found = this.reader.next(up)
    }
    if (found === FOUND.final) this.#owner.responded(this)
    else if (found === FOUND.nothing) this.#owner.patience.awaitServer(up)
    else if (found === FOUND.malformed) this.#owner.failed(this, FAILURE.upstreamMalformed)
    else {
      this.#context.recorder.buffersExhausted()
      this.#owner.failed(this, FAILURE.overloaded)
    }
  }

  /** What it found is the answer. */
  answer(): void {
    this.#step(TRY_STEP.head)
    this.times.firstByte()
    this.#context.reactor.wheel.disarm(this)
  }

  /** The time for one try is over, and no head of a response is here. */
  onTimer(): void {
    this.#context.recorder.upstreamTimeout(this.cluster.spec.id, UPSTREAM_TIMEOUT.perTry)
    this.#owner.failed(this, FAILURE.upstreamTimeout)
  }

  upstreamEnded(): void {
    if (this.#state === TRY.answering) this.#owner.ended(this)
    else this.#lost(FAILURE.upstreamClosed)
  }

  upstreamBroke(errno: number, connecting: boolean): void {
    this.up = undefined
    if (connecting) this.#owner.failed(this, connectFailure(errno))
    else this.#lost(FAILURE.upstreamReset)
  }

  /** The connection is of no more use. If it had idled too long, the endpoint may never have seen the request: try once more. */
  #lost(failure: Failure): void {
    const stale = this.reused && !this.reader.touched && this.#state === TRY.waiting
    if (!stale || this.replayed || !this.#owner.request.repeatable) {
      this.#owner.failed(this, failure)
      return
    }
    this.#context.recorder.staleReuse(this.cluster.spec.id)
    const up = this.up
    this.up = undefined
    this.#step(TRY_STEP.replay)
    this.replayed = true
    this.times.replayed()
    if (up !== undefined) this.pool.discard(up)
    this.#owner.flow.lost()
    this.seek()
  }

  upstreamBlocked(): void {
    this.#owner.flow.blocked(this)
  }

  upstreamWritable(): void {
    this.#owner.flow.writable(this)
  }

  upstreamRelayDone(status: number, bytes: number): void {
    this.#owner.relayed(this, status, bytes)
  }

  upstreamTimer(nowMs: number): void {
    const connecting = this.#state === TRY.connecting
    if (!connecting && !this.#owner.patience.serverOverdue(nowMs, this.up!)) return
    const kind = connecting ? UPSTREAM_TIMEOUT.connect : UPSTREAM_TIMEOUT.server
    this.#context.recorder.upstreamTimeout(this.cluster.spec.id, kind)
    this.#owner.failed(this, connecting ? FAILURE.connectTimeout : FAILURE.upstreamTimeout)
  }

  // ── the end ──

  /** The one way out. Its connection, if it has one, is the caller's to give back or to close. `status`: of its response, 0 for none. */
  end(outcome: number, status: number): void {
    this.#step(TRY_STEP.end)
    this.outcome = outcome
    this.status = status
    this.tookMs = this.times.tookMs
    this.#acquisition.giveUp()
    this.#context.reactor.wheel.disarm(this)
    this.reader.release()
    this.up = undefined
  }

  #step(event: number): void {
    this.#state = TRY_LIFE.next(this.#state, event)
  }
}
