import type { Rng } from '../base/random.ts'
import type { OverloadSpec } from '../config/lifecycle.ts'
import type { ClientConnection } from '../downstream/client.ts'
import { HOLD } from '../io/connection.ts'
import type { Reactor } from '../io/reactor.ts'
import { ShardDelay } from '../limit/shard-delay.ts'
import { Shedder } from '../limit/shedding.ts'
import { VITAL } from '../shm/vitals.ts'

/** Turns of the wheel that a refused client may be left unread: with `jitter`, half a second to a second, the least it was asked to wait (`retry-after`). */
const HELD_TURNS = { least: 10, most: 20 }

/** Turns for which a client that is read again is watched: what it sent while it was left unread comes then. */
const WATCHED_TURNS = 3

/**
 * What a shard does when it cannot keep up: measures how late it is, refuses a share of the requests, and does not read from a client it refused until
 * the time is up that this was asked to wait at least. Whoever heeds `retry-after` notices nothing of that; of the others' requests, those that
 * come sooner wait in the kernel, where they cost nothing: reading and refusing every one of them would take a third of the work of serving it, and at
 * twice the load little would be left. A proxy that is trusted speaks for many clients and is read on.
 */
export class Overload {
  readonly #reactor: Reactor
  readonly #shard: number
  readonly #rng: Rng
  readonly #vitals: Float64Array
  readonly #delay = new ShardDelay()
  readonly #shedder: Shedder
  /** Held clients by the turn in which they are read again: a ring. Those that died meanwhile are passed over then. */
  readonly #held: ClientConnection[][] = Array.from({ length: HELD_TURNS.most + 1 }, () => [])
  /** Those that are read again since a few turns, by the turn in which that is forgotten. */
  readonly #watched = new Map<ClientConnection, number>()
  #turn = 0
  #on = false

  constructor(
    reactor: Reactor,
    { shard, rng, vitals }: { readonly shard: number; readonly rng: Rng; readonly vitals: Float64Array },
  ) {
    this.#reactor = reactor
    this.#shard = shard
    this.#rng = rng
    this.#vitals = vitals
    this.#shedder = new Shedder(rng)
  }

  configure(spec: OverloadSpec | undefined): void {
    this.#on = spec !== undefined
    this.#shedder.configure(spec)
  }

  /**
   * Is this request to be refused? Asked once per request, before anything is done for it. Who came back sooner than told is, as long as anybody is: what
   * has waited that long is too late for its sender, and serving it would take the place of one that is not.
   */
  refuses(client: ClientConnection): boolean {
    if (this.#shedder.share === 0) return false
    return this.#watched.delete(client) || this.#shedder.refuses()
  }

  /** It was refused, and its connection goes on. */
  refused(client: ClientConnection): void {
    if (client.trusted || client.dead) return
    client.hold(HOLD.refused)
    const turns = HELD_TURNS.least + this.#rng.below(HELD_TURNS.most - HELD_TURNS.least + 1)
    this.#held[(this.#turn + turns) % this.#held.length]!.push(client)
  }

  onWake(nowMs: number): void {
    this.#delay.onWake(nowMs)
  }

  onTurn(): void {
    this.#turn++
    for (const [client, turn] of this.#watched) {
      if (turn > this.#turn) break // they are in the order of their turns
      this.#watched.delete(client)
    }
    const due = this.#held[this.#turn % this.#held.length]!
    for (const client of due) {
      if (client.dead) continue
      client.unhold(HOLD.refused)
      this.#watched.delete(client)
      this.#watched.set(client, this.#turn + WATCHED_TURNS)
    }
    due.length = 0
  }

  onBatchEnd(nowMs: number, tookMs: number): void {
    const { engine } = this.#reactor
    if (this.#delay.onBatchEnd(nowMs, tookMs)) engine.wake(this.#shard)
    this.#vitals[VITAL.delayMs] = this.#delay.smoothedMs
    if (this.#on) this.#shedder.observe(nowMs, this.#delay.smoothedMs)
  }
}
