import { ClientConnection } from '../downstream/client.ts'
import type { Reactor } from '../io/reactor.ts'

/**
 * The end of a shard's clients: those idle are closed, spread evenly over the window; those with a request under way get their response,
 * with `connection: close`; what is left at the hard end is reset.
 */
export class Drain {
  readonly #reactor: Reactor
  readonly #empty: () => boolean
  readonly #sent: () => boolean
  readonly #atEnd: () => void
  #windowEndMs = Infinity
  #hardEndMs = Infinity
  #lastTurnMs = 0
  #resolve: (() => void) | undefined
  #promise: Promise<void> | undefined

  /**
   * `empty`: no client is left. `sent`: nothing is left that clients closed gracefully have still to be given.
   * `atEnd` runs when both hold, within its batch: what waits for the promise runs while the ops of a batch are still to be run, and must not write any.
   */
  constructor(reactor: Reactor, empty: () => boolean, sent: () => boolean, atEnd: () => void) {
    this.#reactor = reactor
    this.#empty = empty
    this.#sent = sent
    this.#atEnd = atEnd
  }

  begin(windowMs: number, hardMs: number): Promise<void> {
    const nowMs = this.#reactor.nowMs
    this.#windowEndMs = Math.min(this.#windowEndMs, nowMs + windowMs)
    this.#hardEndMs = Math.min(this.#hardEndMs, nowMs + hardMs)
    this.#lastTurnMs = nowMs
    this.#promise ??= new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.onTurn(nowMs)
    this.#reactor.flush()
    return this.#promise
  }

  onTurn(nowMs: number): void {
    if (this.#resolve === undefined) return
    const hard = nowMs >= this.#hardEndMs
    if (hard) this.#resetAll()
    else this.#closeShare(nowMs)
    this.#lastTurnMs = nowMs
    if (!this.#empty()) return
    this.#reactor.ops.flush() // closing is an op: what it leaves queued is known when it ran
    if (!hard && !this.#sent()) return
    this.#atEnd()
    this.#resolve()
    this.#resolve = undefined
  }

  /** As many of the idle ones as the time that passed is of the time that was left. */
  #closeShare(nowMs: number): void {
    const idle: ClientConnection[] = []
    const over = nowMs >= this.#windowEndMs // then part of a head does not count as a request any more
    for (const connection of this.#reactor.connections()) {
      if (!(connection instanceof ClientConnection)) continue
      if (connection.idle || (over && connection.handler === undefined)) idle.push(connection)
    }
    const leftMs = this.#windowEndMs - this.#lastTurnMs
    const share = leftMs <= 0 ? 1 : Math.min(1, (nowMs - this.#lastTurnMs) / leftMs)
    const count = Math.ceil(idle.length * share)
    for (let i = 0; i < count; i++) idle[i]!.closeGracefully()
  }

  #resetAll(): void {
    for (const connection of this.#reactor.connections()) {
      if (!(connection instanceof ClientConnection)) continue
      connection.handler?.cut()
      connection.resetNow()
    }
  }
}
