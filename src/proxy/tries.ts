import { PICK_KIND, PickRequest } from '../balance/pick-request.ts'
import type { ExchangeRecord } from '../telemetry/record.ts'
import type { Cluster } from '../upstream/cluster.ts'
import { Attempt } from './attempt.ts'
import type { AttemptOwner } from './attempt.ts'
import type { ProxyContext } from './context.ts'

/** No outcome: the try was given up, and its endpoint is not to blame. */
export const GIVEN_UP = -1

/**
 * The tries of one exchange: begun one after the other, each at another endpoint (traefik #2723). Mostly one; while a hedge runs, several are
 * under way at once. `main` is the one that matters: the one that answers, else the first under way.
 */
export class Tries {
  readonly #context: ProxyContext
  readonly #owner: AttemptOwner
  readonly #attempts: Attempt[] = []
  readonly ask: PickRequest = new PickRequest()
  /** Tries begun, by their kind. */
  begun = 0
  retries = 0
  hedges = 0
  /** Tries under way. */
  live = 0
  main: Attempt | undefined
  #cluster!: Cluster

  constructor(context: ProxyContext, owner: AttemptOwner) {
    this.#context = context
    this.#owner = owner
  }

  begin(cluster: Cluster): void {
    this.#cluster = cluster
    this.begun = 0
    this.retries = 0
    this.hedges = 0
    this.live = 0
    this.main = undefined
    this.ask.reset()
  }

  /** A try at an endpoint that has not been tried, begun but for its search of a connection; undefined if there is none: `ask.slot` says why. */
  next(kind: number): Attempt | undefined {
    const { ask } = this
    ask.kind = kind
    const pool = this.#cluster.pick(ask)
    if (pool === undefined) return undefined
    const attempt = (this.#attempts[this.begun] ??= new Attempt(this.#context, this.#owner))
    this.begun++
    if (kind === PICK_KIND.retry) this.retries++
    if (kind === PICK_KIND.hedge) this.hedges++
    ask.exclude(pool.spec.id)
    attempt.begin(this.#cluster, pool, kind)
    this.live++
    this.main ??= attempt
    return attempt
  }

  /** Endpoints that were tried in vain or are busy with the request, in order. */
  at(index: number): Attempt {
    return this.#attempts[index]!
  }

  /** This one answers: the others are not needed any more. */
  win(attempt: Attempt): void {
    this.main = attempt
    if (this.live > 1) this.cancelOthers()
  }

  /** All but `main` are given up. */
  cancelOthers(): void {
    for (let i = 0; i < this.begun && this.live > 1; i++) {
      const attempt = this.#attempts[i]!
      if (!attempt.over && attempt !== this.main) this.drop(attempt, GIVEN_UP, 0)
    }
  }

  /** End a try that is not to be the last, and with it its connection. `status`: of its response, 0 for none. */
  drop(attempt: Attempt, outcome: number, status: number): void {
    const { up } = attempt
    const { tryRecord } = this.#context
    tryRecord.bytesOut = 0
    tryRecord.bytesIn = 0
    this.settle(attempt, outcome, status)
    if (up !== undefined) attempt.pool.discard(up)
  }

  /** End a try and count it; the bytes moved stand in `tryRecord` already. Its connection is the caller's. */
  settle(attempt: Attempt, outcome: number, status: number): void {
    attempt.end()
    this.live--
    if (this.main === attempt) this.main = this.#firstLive()
    const { recorder, tryRecord } = this.#context
    tryRecord.cluster = attempt.cluster.spec.id
    tryRecord.endpoint = attempt.pool.spec.id
    tryRecord.outcome = outcome
    tryRecord.status = status
    tryRecord.reused = attempt.reused
    tryRecord.connectMs = attempt.times.connectMs
    tryRecord.firstByteMs = attempt.times.firstByteMs
    recorder.tryEnded(tryRecord)
  }

  /** End the last try with the exchange, whose record says how it went. */
  conclude(main: Attempt, record: ExchangeRecord, responded: boolean): void {
    const { tryRecord } = this.#context
    tryRecord.bytesOut = record.bytesFromClient
    tryRecord.bytesIn = responded ? record.bytesToClient : 0
    record.endpoint = main.pool.spec.id
    record.queueMs = main.times.queueMs
    record.connectMs = main.times.connectMs
    record.reusedUpstream = main.reused
    this.settle(main, record.outcome, responded ? record.status : 0)
  }

  #firstLive(): Attempt | undefined {
    for (let i = 0; i < this.begun && this.live > 0; i++)
      if (!this.#attempts[i]!.over) return this.#attempts[i]
    return undefined
  }
}
