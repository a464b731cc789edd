import type { Decision } from '../balance/decision.ts'
import { ALL_FULL, BY, PICK_KIND, PickRequest } from '../balance/pick-request.ts'
import { NOT_ARMED } from '../base/wheel.ts'
import type { HedgeSpec, RetryClass, RetrySpec } from '../config/snapshot.ts'
import type { Armed } from '../io/reactor.ts'
import { UPSTREAM_TIMEOUT } from '../telemetry/catalogue.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { ExchangeRecord } from '../telemetry/record.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { EndpointPool } from '../upstream/pool.ts'
import { Attempt } from './attempt.ts'
import type { AttemptOwner } from './attempt.ts'
import type { ProxyContext } from './context.ts'
import { FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'
import { observe } from './observe.ts'
import { mayRepeat } from './retry.ts'

/** Whose tries these are. */
export interface TriesOwner extends AttemptOwner {
  /** Answer with an error of ours: the time for all tries together is over. */
  fail(failure: Failure): void
}

/** No outcome: the try was given up, and its endpoint is not to blame. */
const GIVEN_UP = -1

/**
 * The tries of one exchange, each at another endpoint (traefik #2723): mostly one; one in place of another that failed; while a hedge runs
 * several at once. Those beyond the first are within the cluster's budget. `main` is the one that matters: the one that
 * answers, else the first under way.
 */
export class Tries implements Armed {
  timerSlot: number = NOT_ARMED
  readonly #context: ProxyContext
  readonly #owner: TriesOwner
  readonly #attempts: Attempt[] = []
  readonly ask: PickRequest = new PickRequest()
  #cluster!: Cluster
  #retry!: RetrySpec
  #hedge: HedgeSpec | undefined
  /** Tries begun so far. */
  begun = 0
  #retries = 0
  #hedges = 0
  /** The client has a byte of a response: there will be no other try. */
  #chosen = false
  /** The last try is not to blame for how the exchange ended. */
  #innocent = false
  /** The last pick found nobody: what it went by is behind the tries begun. */
  inVain = false
  /** How each of them was picked is taken down: decided once, for a reload may change it in between, and what is not taken down is another request's. */
  noted = false
  /** Tries under way. */
  live = 0
  main: Attempt | undefined
  /** When the next hedge is due, and when the head of a response must be here, whatever was tried; Infinity: never. */
  #hedgeAtMs: number = Infinity
  #deadlineMs: number = Infinity

  constructor(context: ProxyContext, owner: TriesOwner) {
    this.#context = context
    this.#owner = owner
  }

  /** `upgrade`: it may become a tunnel, of which there is only one. */
  begin(cluster: Cluster, upgrade: boolean): void {
    const { retry, hedge } = cluster.spec
    this.#cluster = cluster
    this.#retry = retry
    this.#hedge = upgrade ? undefined : hedge
    this.begun = 0
    this.inVain = false
    this.noted = this.#context.explainer.on
    this.#retries = 0
    this.#hedges = 0
    this.#chosen = false
    this.#innocent = false
    this.live = 0
    this.main = undefined
    this.#hedgeAtMs = Infinity
    this.#deadlineMs = Infinity
    this.ask.reset()
    this.#context.budget.request(cluster.spec.id, this.#context.reactor.nowMs)
  }

  /** The first try, begun but for its search of a connection. undefined if there is no endpoint for it: `ask.slot` says why. */
  first(): Attempt | undefined {
    const attempt = this.#start(PICK_KIND.first)
    if (attempt === undefined) return undefined
    const { totalMs } = this.#owner.timeouts
    if (totalMs > 0) this.#deadlineMs = this.#context.reactor.nowMs + totalMs
    this.#awaitHedge()
    return attempt
  }

  isRetried(retryClass: RetryClass | undefined): boolean {
    return retryClass !== undefined && this.#retry.on.includes(retryClass)
  }

  /** Likewise, one in place of `failed`, if the request, the configuration, the budget and the endpoints allow one. */
  retry(failed: Attempt, retryClass: RetryClass | undefined): Attempt | undefined {
    if (this.#retries >= this.#retry.attempts || !this.isRetried(retryClass)) return undefined
    if (!mayRepeat(this.#owner.request, failed, retryClass!)) return undefined
    const attempt = this.#beyondFirst(PICK_KIND.retry)
    if (attempt !== undefined) this.#retries++
    return attempt
  }

  /** The head of the response is here: no clock runs any more but those of the connections. */
  answered(): void {
    this.#context.reactor.wheel.disarm(this)
  }

  onTimer(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) {
      // Time ran out while it was this one's turn: it is to blame if it had half of the time to itself.
      const took = this.main?.times.tookMs ?? 0
      this.#innocent = took * 2 < this.#owner.timeouts.totalMs
      this.#context.recorder.upstreamTimeout(this.#cluster.spec.id, UPSTREAM_TIMEOUT.total)
      this.#owner.fail(FAILURE.upstreamTimeout)
      return
    }
    const hedge = nowMs >= this.#hedgeAtMs ? this.#startHedge() : undefined
    this.#awaitHedge()
    hedge?.seek()
  }

  /** One try more beside those under way, for they take long. */
  #startHedge(): Attempt | undefined {
    const { request } = this.#owner
    this.#hedges++
    if (!request.done || !request.repeatable) return undefined
    const attempt = this.#beyondFirst(PICK_KIND.hedge)
    if (attempt !== undefined) this.#context.recorder.hedged(this.#cluster.spec.id)
    return attempt
  }

  /** Wind the clock of the next hedge, if there may be one, and that of all tries together. */
  #awaitHedge(): void {
    const { reactor } = this.#context
    const hedge = this.#hedge
    this.#hedgeAtMs =
      hedge !== undefined && this.#hedges < hedge.attempts && !this.#chosen
        ? reactor.nowMs + hedge.delayMs
        : Infinity
    const atMs = Math.min(this.#hedgeAtMs, this.#deadlineMs)
    if (atMs < Infinity) reactor.wheel.arm(this, atMs)
  }

  #beyondFirst(kind: number): Attempt | undefined {
    const { budget, reactor, recorder } = this.#context
    const { id } = this.#cluster.spec
    if (!budget.claim(id, reactor.nowMs, this.#retry.budget)) {
      recorder.retryRefused(id)
      return undefined
    }
    const attempt = this.#start(kind)
    if (attempt === undefined) budget.giveBack()
    return attempt
  }

  #start(kind: number): Attempt | undefined {
    const { ask } = this
    ask.kind = kind
    const placed = this.#cluster.admission.endpointsLimited
    const attempt = (this.#attempts[this.begun] ??= new Attempt(this.#context, this.#owner))
    const decision = this.noted ? attempt.decision : undefined
    const pool = placed ? this.#pickPlaced(decision) : this.#cluster.pick(ask, decision)
    this.inVain = pool === undefined
    if (pool === undefined) {
      attempt.nobody(kind)
      return undefined
    }
    this.begun++
    ask.exclude(pool.spec.id)
    attempt.begin(this.#cluster, pool, kind)
    attempt.placed = placed
    attempt.stuck = ask.by === BY.sticky
    this.live++
    this.main ??= attempt
    return attempt
  }

  /** An endpoint and a place at it: what the balancer heard of the others' exchanges may be of the last turn. */
  #pickPlaced(decision: Decision | undefined): EndpointPool | undefined {
    const { ask } = this
    const { admission } = this.#cluster
    const tried = ask.excludedCount
    let full = false
    let pool = this.#cluster.pick(ask, decision)
    while (pool !== undefined && !admission.takeAt(pool.spec.id)) {
      full = true
      pool = ask.exclude(pool.spec.id) ? this.#cluster.pick(ask, decision) : undefined
    }
    ask.excludedCount = tried
    if (full && pool === undefined) ask.slot = ALL_FULL
    return pool
  }

  /** The client is to get this one's response: the others are not needed any more. */
  choose(attempt: Attempt): void {
    this.main = attempt
    this.#chosen = true
    this.#hedgeAtMs = Infinity
    if (this.live > 1) this.#cancelOthers()
  }

  /** All but `main` are given up: the exchange ends. */
  stop(): void {
    this.#context.reactor.wheel.disarm(this)
    if (this.live > 1) this.#cancelOthers()
  }

  #cancelOthers(): void {
    for (let i = 0; i < this.begun && this.live > 1; i++) {
      const attempt = this.#attempts[i]!
      if (!attempt.over && attempt !== this.main) this.drop(attempt, GIVEN_UP)
    }
  }

  /** End a try that is not the last, and with it its connection. */
  drop(attempt: Attempt, outcome: number): void {
    const { up } = attempt
    const { tryRecord } = this.#context
    tryRecord.bytesOut = 0
    tryRecord.bytesIn = 0
    const answered = outcome === OUTCOME.complete
    if (answered) attempt.times.firstByte()
    this.#settle(attempt, outcome, answered ? attempt.reader.head.status : 0)
    if (up !== undefined) attempt.pool.discard(up)
  }

  /** End the last try with the exchange, whose record says how it went. Its connection is the caller's. */
  conclude(record: ExchangeRecord, responded: boolean): void {
    const { main } = this
    record.retries = Math.max(0, this.begun - 1)
    for (let i = 0; i < this.begun; i++) if (this.#attempts[i]!.replayed) record.retries++
    if (main === undefined) return
    if (main.kind === PICK_KIND.hedge && responded) this.#context.recorder.hedgeWon(record.cluster)
    const { tryRecord } = this.#context
    tryRecord.bytesOut = record.bytesFromClient
    tryRecord.bytesIn = responded ? record.bytesToClient : 0
    record.endpoint = main.pool.spec.id
    record.queueMs = main.times.queueMs
    record.connectMs = main.times.connectMs
    record.reusedUpstream = main.reused
    this.#settle(main, this.#innocent ? GIVEN_UP : record.outcome, responded ? record.status : 0)
  }

  /** The bytes moved stand in `tryRecord` already. */
  #settle(attempt: Attempt, outcome: number, status: number): void {
    const { recorder, tryRecord } = this.#context
    tryRecord.cluster = attempt.cluster.spec.id
    tryRecord.endpoint = attempt.pool.spec.id
    tryRecord.outcome = outcome
    tryRecord.status = status
    tryRecord.reused = attempt.reused
    tryRecord.connectMs = attempt.times.connectMs
    tryRecord.firstByteMs = attempt.times.firstByteMs
    observe(this.#context, attempt, outcome, status)
    attempt.end(outcome, status)
    this.live--
    if (this.main === attempt) this.main = this.#firstLive()
    recorder.tryEnded(tryRecord)
    attempt.cluster.ended(attempt.pool, attempt.times.startedMs)
    if (attempt.placed) attempt.cluster.admission.giveAt(attempt.pool.spec.id)
  }

  /** All of them when the exchange is over, the pick that found nobody included. */
  all(): readonly Attempt[] {
    return this.#attempts.slice(0, this.inVain ? this.begun + 1 : this.begun)
  }

  /** The tries begun, over or not, in order. */
  at(index: number): Attempt {
    return this.#attempts[index]!
  }

  #firstLive(): Attempt | undefined {
    if (this.live === 0) return undefined
    for (let i = 0; i < this.begun; i++) if (!this.#attempts[i]!.over) return this.#attempts[i]
    return undefined
  }
}
