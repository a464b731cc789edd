import type { LimitSpec } from '../config/snapshot.ts'

/** Places in a cluster and at its endpoints, counted over all shards, and who waits for one on which shard. Implemented over the fleet memory. */
export interface Places {
  /** Take one of at most `most` places in the cluster; every one taken is given back once. */
  take(most: number): boolean
  give(): void
  takeAt(endpoint: number, most: number): boolean
  giveAt(endpoint: number): void
  /** A request of this shard began (+1) or ended (-1) to wait. */
  waiting(delta: 1 | -1): void
  /** Index of some other shard with waiting requests, or -1. */
  otherWaiting(): number
}

/** A request that waits for a place. */
export interface Entrant {
  /** Go in if there is a place now. False: it goes on waiting. */
  admit(): boolean
}

/** Requests of its own that a shard lets in in a row while another shard waits. */
const TURNS = 16

/**
 * How many exchanges a cluster and each of its endpoints may have under way, over all shards, and the queue of this shard's requests that
 * wait until there is a place: first in, first out, none past those who wait. Whoever leaves only says so: those who wait are let in when
 * the batch is over (`serve`), so that nobody is let in in the midst of another's end.
 */
export class Admission {
  readonly #places: Places
  readonly #learnt: () => number
  readonly #wake: (shard: number) => void
  readonly #freed: (admission: Admission) => void
  #limits: LimitSpec
  readonly #queue = new Set<Entrant>()
  #serving = false
  #isFreed = false
  #turns = 0

  /** `learnt`: the adaptive limit as it stands. `wake`: another shard may let somebody in. `freed`: `serve` is due at the end of the batch. */
  constructor(
    limits: LimitSpec,
    ports: {
      readonly places: Places
      readonly learnt: () => number
      readonly wake: (shard: number) => void
      readonly freed: (admission: Admission) => void
    },
  ) {
    this.#limits = limits
    this.#places = ports.places
    this.#learnt = ports.learnt
    this.#wake = ports.wake
    this.#freed = ports.freed
  }

  apply(limits: LimitSpec): void {
    this.#limits = limits
    this.#say()
  }

  get limited(): boolean {
    return this.#limits.inFlight > 0 || this.#limits.adaptive !== undefined
  }

  get endpointsLimited(): boolean {
    return this.#limits.inFlightPerEndpoint > 0
  }

  get waiting(): number {
    return this.#queue.size
  }

  /** Take a place in the cluster, where there is a limit. */
  take(): boolean {
    const { inFlight, adaptive } = this.#limits
    const configured = inFlight > 0 ? inFlight : Infinity
    const learnt = adaptive === undefined ? Infinity : Math.max(1, Math.floor(this.#learnt()))
    return this.#places.take(Math.min(configured, learnt))
  }

  give(): void {
    this.#places.give()
    this.#say()
  }

  /** The place just taken is of no use: nothing has come free. */
  withdraw(): void {
    this.#places.give()
  }

  /** Take a place at an endpoint, where there is a limit. */
  takeAt(endpoint: number): boolean {
    return this.#places.takeAt(endpoint, this.#limits.inFlightPerEndpoint)
  }

  giveAt(endpoint: number): void {
    this.#places.giveAt(endpoint)
    this.#say()
  }

  /** Wait, if there is room in the queue. */
  queue(entrant: Entrant): boolean {
    if (this.#queue.size >= this.#limits.queue) return false
    this.#queue.add(entrant)
    this.#places.waiting(1)
    return true
  }

  leave(entrant: Entrant): void {
    if (this.#queue.delete(entrant)) this.#places.waiting(-1)
  }

  /** Let in those who wait, as far as there are places: of this shard, or it is another's turn. */
  serve(): void {
    this.#isFreed = false
    if (this.#serving) return
    const other = this.#places.otherWaiting()
    if (this.#queue.size === 0 || (other >= 0 && ++this.#turns > TURNS)) {
      this.#turns = 0
      if (other >= 0) this.#wake(other)
      return
    }
    this.#serving = true
    try {
      while (this.#queue.size > 0 && this.#serveFirst());
    } finally {
      this.#serving = false
    }
  }

  #serveFirst(): boolean {
    const [entrant] = this.#queue
    if (!entrant!.admit()) return false
    this.leave(entrant!)
    return true
  }

  /** A place may be free. */
  #say(): void {
    if (this.#isFreed) return
    this.#isFreed = true
    this.#freed(this)
  }
}
