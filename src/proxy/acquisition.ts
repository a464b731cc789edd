import { NOT_ARMED } from '../base/wheel.ts'
import type { Armed, Reactor } from '../io/reactor.ts'
import type { UpstreamConnection, UpstreamUser } from '../upstream/connection.ts'
import type { EndpointPool, Waiter } from '../upstream/pool.ts'
import { connectFailure, FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'
import type { TryTimes } from './times.ts'

/** Who wants a connection. Exactly one of `granted` and `denied` ends a search, unless it is given up. */
export interface Seeker extends UpstreamUser {
  granted(up: UpstreamConnection): void
  denied(failure: Failure): void
  /** Nothing is free: it waits its turn. */
  queued(): void
}

/** The way to a connection: an idle one, else a new one, else a place in the queue for a limited time. */
export class Acquisition implements Waiter, Armed {
  timerSlot: number = NOT_ARMED
  readonly user: Seeker
  readonly #reactor: Reactor
  readonly #times: TryTimes
  #pool: EndpointPool | undefined

  constructor(reactor: Reactor, user: Seeker, times: TryTimes) {
    this.#reactor = reactor
    this.user = user
    this.#times = times
  }

  /** `fresh`: an idle connection will not do. */
  seek(pool: EndpointPool, queueMs: number, fresh: boolean): void {
    this.#times.seek()
    const idle = fresh ? undefined : pool.takeIdle(this.user)
    if (idle !== undefined) {
      this.user.granted(idle)
      return
    }
    const acquired = pool.acquire(this)
    if (acquired.kind === 'connection') this.user.granted(acquired.connection)
    else if (acquired.kind === 'failed') this.user.denied(connectFailure(acquired.errno))
    else if (acquired.kind === 'full') this.user.denied(FAILURE.queueFull)
    else {
      this.#pool = pool
      this.#reactor.wheel.arm(this, this.#reactor.nowMs + queueMs)
      this.user.queued()
    }
  }

  /** The try is over: leave the queue, if in it. */
  giveUp(): void {
    if (this.#pool === undefined) return
    this.#pool.cancel(this)
    this.#leave()
  }

  granted(connection: UpstreamConnection): void {
    this.#leave()
    this.user.granted(connection)
  }

  connectFailed(errno: number): void {
    this.#leave()
    this.user.denied(connectFailure(errno))
  }

  /** The time to wait is over. */
  onTimer(): void {
    this.giveUp()
    this.user.denied(FAILURE.queueTimeout)
  }

  #leave(): void {
    this.#pool = undefined
    this.#reactor.wheel.disarm(this)
    this.#times.queued()
  }
}
