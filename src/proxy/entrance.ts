import { NOT_ARMED } from '../base/wheel.ts'
import type { Armed } from '../io/reactor.ts'
import { UPSTREAM_TIMEOUT } from '../telemetry/catalogue.ts'
import type { ExchangeRecord } from '../telemetry/record.ts'
import type { Admission, Entrant } from '../upstream/admission.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { ProxyContext } from './context.ts'
import { FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'

/** Who wants in: the exchange. */
export interface EntranceOwner {
  /** Begin. False: every endpoint has as many exchanges under way as it may. */
  enter(): boolean
  /** It waits. */
  queued(): void
  fail(failure: Failure): void
}

/** The way of one exchange into a cluster that limits how many may be under way: at once, or after a wait of limited time. */
export class Entrance implements Entrant, Armed {
  timerSlot: number = NOT_ARMED
  readonly #context: ProxyContext
  readonly #owner: EntranceOwner
  #cluster!: Cluster
  #admission!: Admission
  /** A place in the cluster is ours. */
  #placed = false
  #waiting = false
  #sinceMs = 0
  #untilMs = 0
  #waitedMs = -1

  constructor(context: ProxyContext, owner: EntranceOwner) {
    this.#context = context
    this.#owner = owner
  }

  begin(cluster: Cluster): void {
    this.#cluster = cluster
    this.#admission = cluster.admission
    this.#placed = false
    this.#waiting = false
    this.#waitedMs = -1
  }

  /** Ask to be let in. */
  come(queueMs: number): void {
    const { recorder, reactor } = this.#context
    if (this.#admission.waiting === 0 && this.admit()) return
    if (!this.#admission.queue(this)) {
      this.#owner.fail(FAILURE.queueFull)
      return
    }
    this.#sinceMs = reactor.nowMs
    this.#untilMs = reactor.nowMs + queueMs
    this.#goOnWaiting()
    recorder.admissionWaited(this.#cluster.spec.id)
    this.#owner.queued()
  }

  #goOnWaiting(): void {
    this.#waiting = true
    this.#waitedMs = -1
    this.#context.reactor.wheel.arm(this, this.#untilMs)
  }

  #stopWaiting(): void {
    const { reactor } = this.#context
    this.#waiting = false
    this.#waitedMs = reactor.nowMs - this.#sinceMs
    reactor.wheel.disarm(this)
  }

  admit(): boolean {
    const admission = this.#admission
    if (admission.limited) {
      if (!admission.take()) return false
      this.#placed = true
    }
    const waited = this.#waiting
    if (waited) this.#stopWaiting() // what begins now may be over before we hear of it again
    if (this.#owner.enter()) return true
    if (this.#placed) admission.withdraw()
    this.#placed = false
    if (waited) this.#goOnWaiting()
    return false
  }

  /** The time to wait is over. */
  onTimer(): void {
    this.#context.recorder.upstreamTimeout(this.#cluster.spec.id, UPSTREAM_TIMEOUT.queue)
    this.#owner.fail(FAILURE.queueTimeout)
  }

  /** The exchange is over. */
  leave(): void {
    if (this.#waiting) this.#stopWaiting()
    this.#admission.leave(this)
    if (this.#placed) this.#admission.give()
    this.#placed = false
  }

  describe(record: ExchangeRecord): void {
    if (this.#waitedMs >= 0) record.queueMs = Math.max(0, record.queueMs) + this.#waitedMs
  }
}
