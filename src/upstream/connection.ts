import { Carry } from '../io/carry.ts'
import { Connection } from '../io/connection.ts'
import type { Reactor } from '../io/reactor.ts'
import { NOTE, NOTE_FLAG, ROLE } from '../shm/notes.ts'
import type { EndpointPool } from './pool.ts'

/** Who uses a connection to an endpoint at the moment: an exchange, as far as the upstream side knows it. */
export interface UpstreamUser {
  upstreamConnected(): void
  upstreamData(start: number, end: number): void
  upstreamEnded(): void
  /** It broke, or (`connecting`) was never established. Its handle is dead already. */
  upstreamBroke(errno: number, connecting: boolean): void
  upstreamBlocked(): void
  upstreamWritable(): void
  upstreamRelayDone(status: number, bytes: number): void
  upstreamTimer(nowMs: number): void
}

/**
 * One connection to an endpoint. It is connecting, then in use by one exchange at a time or idle in its pool; whatever happens to it
 * while it is idle ends it, because an endpoint has nothing to say unasked.
 */
export class UpstreamConnection extends Connection {
  readonly pool: EndpointPool
  /** A response head that has not arrived whole. */
  readonly carry: Carry = new Carry()
  user: UpstreamUser | undefined
  connecting = true
  /** Exchanges it has carried before the present one. */
  served = 0
  readonly openedMs: number

  constructor(reactor: Reactor, pool: EndpointPool, fd: number) {
    super(reactor, fd, reactor.engine.generationOf(fd))
    this.pool = pool
    this.openedMs = reactor.nowMs
    this.openNote(ROLE.busy, pool.spec.id, NOTE_FLAG.upstream, this.openedMs)
    reactor.notes[this.note + NOTE.count] = pool.spec.generation
  }

  onConnected(): void {
    this.connecting = false
    this.user?.upstreamConnected()
  }

  onData(start: number, end: number): void {
    if (this.user === undefined) this.pool.discard(this)
    else this.user.upstreamData(start, end)
  }

  onEnd(): void {
    if (this.user === undefined) this.pool.discard(this)
    else this.user.upstreamEnded()
  }

  onReset(errno: number): void {
    const { user, connecting } = this
    this.user = undefined
    this.connecting = false
    this.pool.closed(this)
    user?.upstreamBroke(errno, connecting)
  }

  onBlocked(): void {
    this.user?.upstreamBlocked()
  }

  onWritable(): void {
    this.user?.upstreamWritable()
  }

  onRelayDone(status: number, bytes: number): void {
    this.user?.upstreamRelayDone(status, bytes)
  }

  onTimer(nowMs: number): void {
    if (this.user === undefined) this.pool.discard(this)
    else this.user.upstreamTimer(nowMs)
  }
}
