import assert from 'node:assert/strict'
import type { UpstreamConnection, UpstreamUser } from '../../../src/upstream/connection.ts'
import type { Waiter } from '../../../src/upstream/pool.ts'

/** What is known of one pool: who waits, in order, and which connections are idle, the one used last at the end. */
export type ModelPool = {
  readonly endpoint: number
  readonly waiters: Request[]
  idle: UpstreamConnection[]
  readonly used: Set<UpstreamConnection>
  /** Handed on in a row while another shard waits. */
  streak: number
}

/** Who notes that someone has a connection from now on. */
export interface Users {
  uses(pool: ModelPool, connection: UpstreamConnection, user: UpstreamUser): void
}

/** A request for a connection: it is served once, whichever way. */
export class Request implements Waiter, UpstreamUser {
  readonly user: UpstreamUser = this
  readonly #users: Users
  readonly #pool: ModelPool
  broke = 0

  constructor(users: Users, pool: ModelPool) {
    this.#users = users
    this.#pool = pool
  }

  granted(connection: UpstreamConnection): void {
    this.#leaveQueue()
    this.#users.uses(this.#pool, connection, this)
  }

  connectFailed(): void {
    this.#leaveQueue()
  }

  upstreamBroke(): void {
    this.broke++
  }

  #leaveQueue(): void {
    assert.equal(this.#pool.waiters.shift(), this, 'served out of turn, twice, or after it had left')
  }

  upstreamConnected(): void {}
  upstreamData(): void {}
  upstreamEnded(): void {}
  upstreamBlocked(): void {}
  upstreamWritable(): void {}
  upstreamRelayDone(): void {}
  upstreamTimer(): void {}
}
