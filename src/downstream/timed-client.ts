import { Connection, HOLD } from '../io/connection.ts'
import type { Handle } from '../io/engine.ts'
import type { Reactor } from '../io/reactor.ts'
import { Pace } from '../limit/pace.ts'
import { NOTE } from '../shm/notes.ts'
import type { Listener } from './listener.ts'

/** A standstill is looked for this many times per timeout: it is found at most a fourth late. */
const LOOKS = 4
/**
 * A connection whose time has come is closed when it has been quiet for so long: a client in a hurry sends its next request sooner, and is told with the
 * response to that one; a FIN that crosses with a request loses it.
 */
export const QUIET_MS = 100

/** How long a client connection may last, between two requests, for a head, for reading, and in all. */
export abstract class TimedClient extends Connection {
  readonly listener: Listener
  /** Requests begun in its life. */
  requests = 0
  /** It was refused and is not read for a while: whether it has sent something meanwhile is not known. */
  leftAlone = false
  /** When the head being read must be complete. */
  #headDeadlineMs: number
  /** From then on it is closed as soon as that loses nothing: its age, or a drain. */
  #endsAtMs: number
  /** Behind this many requests it is closed. */
  readonly #lastRequest: number
  /** Of what it reads between two requests; few ever need one. */
  #pace: Pace | undefined

  constructor(reactor: Reactor, listener: Listener, { fd, generation }: Handle, openedMs: number) {
    super(reactor, fd, generation)
    this.listener = listener
    this.#endsAtMs = openedMs + listener.drawAgeMs()
    this.#lastRequest = listener.drawRequests()
    this.#headDeadlineMs = reactor.nowMs + listener.spec.timeouts.requestHeadMs
    reactor.wheel.arm(this, Math.min(this.#headDeadlineMs, this.#endsAtMs))
  }

  /** Waiting for a request, nothing of it read: may be closed without loss. */
  abstract get idle(): boolean

  /** It was another shard's, which began so many requests on it. `blocked`: what was sent to it is queued. `goOn` follows. */
  adopt(requests: number, blocked: boolean): void {
    this.requests = requests
    this.reactor.notes[this.note + NOTE.count] = requests
    this.blocked = blocked
    this.reactor.ops.resume(this)
  }

  /** Its time has come, or will have before it would count as quiet: what is begun now is the last. */
  protected get lastsNoLonger(): boolean {
    return this.requests >= this.#lastRequest || this.#endsAtMs <= this.reactor.nowMs + QUIET_MS
  }

  /** Its time has come. */
  isOver(nowMs: number): boolean {
    return this.#endsAtMs <= nowMs
  }

  /** End by then, in good order, unless it ends earlier anyway. */
  endBy(atMs: number): void {
    if (atMs >= this.#endsAtMs) return
    this.#endsAtMs = atMs
    if (!this.idle || this.blocked) return
    const { wheel } = this.reactor
    wheel.arm(this, Math.min(wheel.deadlineOf(this), Math.max(atMs, this.lastActiveMs + QUIET_MS)))
  }

  /** Do not read from it, for less than it was asked to wait. */
  leaveAlone(): void {
    this.leftAlone = true
    this.hold(HOLD.refused)
  }

  readAgain(): void {
    this.leftAlone = false
    this.unhold(HOLD.refused)
  }

  /** It has left, or asks no more: it is closed once what it sent before is answered, which is nothing as a rule. */
  override onHangup(): void {
    super.onHangup()
    if (this.leftAlone) this.listener.service.letGo(this)
  }

  /** Before it is closed for being quiet: see whether it is. A request that lies unread would be lost. */
  protected readFirst(): boolean {
    if (!this.leftAlone) return false
    this.listener.service.letGo(this)
    const { nowMs, wheel } = this.reactor
    this.lastActiveMs = nowMs
    wheel.arm(this, nowMs + QUIET_MS)
    return true
  }

  /** Between requests. */
  protected rest(): void {
    const { nowMs, wheel } = this.reactor
    this.lastActiveMs = nowMs // it is quiet from the response on, not from the request
    this.#pace = undefined
    if (this.requests > 0) this.#headDeadlineMs = Infinity // the first request's clock runs from the accept on
    const idleEndMs =
      this.#headDeadlineMs === Infinity
        ? nowMs + this.listener.spec.timeouts.keepAliveMs
        : this.#headDeadlineMs
    wheel.arm(this, Math.min(idleEndMs, Math.max(this.#endsAtMs, nowMs + QUIET_MS)))
  }

  /** Its last response is still on its way: no request is due before it has read that, and while it reads it may take its time. False: that is over. */
  protected awaitReader(nowMs: number): boolean {
    const { clientMs } = this.listener.spec.timeouts
    const leftMs = clientMs - this.idleMs(nowMs, true)
    this.#pace ??= this.#newPace()
    if (this.#pace.limited) this.#pace.run(nowMs, this.progress())
    if (leftMs <= 0 || this.#pace.spent) return false
    this.reactor.wheel.arm(this, Math.min(nowMs + Math.min(leftMs, clientMs / LOOKS), this.#pace.dueMs))
    return true
  }

  #newPace(): Pace {
    const pace = new Pace()
    pace.begin(this.listener.pace)
    return pace
  }

  /** Part of a head is there: the whole of it must come in time, and a byte now and then buys none. */
  protected awaitHead(): void {
    if (this.#headDeadlineMs === Infinity) {
      this.#headDeadlineMs = this.reactor.nowMs + this.listener.spec.timeouts.requestHeadMs
    }
    this.reactor.wheel.arm(this, this.#headDeadlineMs)
  }

  /** The whole of it is there. */
  protected headIsHere(): void {
    this.#headDeadlineMs = Infinity
    this.#pace = undefined
  }
}
