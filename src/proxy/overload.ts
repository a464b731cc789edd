import type { Rng } from '../base/random.ts'
import type { OverloadSpec } from '../config/lifecycle.ts'
import type { ClientConnection } from '../downstream/client.ts'
import type { TimedClient } from '../downstream/timed-client.ts'
import type { Reactor } from '../io/reactor.ts'
import { HeldBack } from '../limit/held-back.ts'
import { ShardDelay } from '../limit/shard-delay.ts'
import { Shedder } from '../limit/shedding.ts'
import { VITAL } from '../shm/vitals.ts'

/**
 * What a shard does when it cannot keep up: measures how late it is, refuses what is more than it can do, and does not read from a client it refused for
 * less than it was asked to wait (`retry-after`). Whoever heeds that notices nothing; of the others' requests, those that come sooner wait in the kernel,
 * where they cost nothing: reading and refusing every one of them would take a third of the work of serving it, and at twice the load little would be
 * left. A proxy that is trusted speaks for many clients and is read on. Who hangs up is read at once, to its end, or those who come, are refused and leave
 * would stay for as long.
 */
export class Overload {
  readonly #reactor: Reactor
  readonly #shard: number
  readonly #vitals: Float64Array
  readonly #delay = new ShardDelay()
  readonly #shedder = new Shedder()
  readonly #held: HeldBack<TimedClient>
  #on = false

  constructor(
    reactor: Reactor,
    { shard, rng, vitals }: { readonly shard: number; readonly rng: Rng; readonly vitals: Float64Array },
  ) {
    this.#reactor = reactor
    this.#shard = shard
    this.#held = new HeldBack(rng, reactor.wheel.granularityMs, reactor.nowMs)
    this.#vitals = vitals
  }

  configure(spec: OverloadSpec | undefined): void {
    this.#on = spec !== undefined
    this.#shedder.configure(spec)
  }

  /**
   * Is this request to be refused? Asked once per request, before anything is done for it. Who came back sooner than told is while the shard is late: what
   * has waited that long is too late for its sender, and serving it would take the place of one that is not.
   */
  refuses(client: ClientConnection): boolean {
    return this.#shedder.refuses(this.#held.wasEarly(client))
  }

  /** The least that who is refused now is to be told, in seconds: nobody is left unread for longer. */
  get retryAfterS(): number {
    return this.#held.retryAfterS
  }

  /** It was refused, and its connection goes on. */
  refused(client: ClientConnection): void {
    // Of several refused in one read, the first decides; one that hung up is closed as soon as it is read to its end.
    if (client.trusted || client.dead || client.leftAlone || client.hungUp) return
    client.leaveAlone()
    this.#held.hold(client)
  }

  /** It hung up while it was left alone, or is gone, or its time is over: nobody waits for its hold to end. What it sent before counts as early. */
  letGo(client: TimedClient): void {
    if (client.dead) this.#held.forget(client)
    else {
      this.#held.release(client)
      client.readAgain()
    }
  }

  onWake(nowMs: number): void {
    this.#delay.onWake(nowMs)
  }

  onTurn(nowMs: number): void {
    this.#held.turn(nowMs, this.#shedder.rate, readAgain)
  }

  onBatchEnd(nowMs: number, tookMs: number): void {
    const { engine } = this.#reactor
    if (this.#delay.onBatchEnd(nowMs, tookMs)) engine.wake(this.#shard)
    this.#vitals[VITAL.delayMs] = this.#delay.smoothedMs
    if (this.#on) this.#shedder.observe(nowMs, this.#delay.smoothedMs)
  }
}

function readAgain(client: TimedClient): void {
  if (!client.dead) client.readAgain()
}
