import type { EndpointSpec } from '../config/snapshot.ts'
import type { Reactor } from '../io/reactor.ts'
import { ROLE } from '../shm/notes.ts'
import { UpstreamConnection } from './connection.ts'
import type { UpstreamUser } from './connection.ts'
import type { ConnectionPermits } from './permits.ts'
import type { PoolEvents, PoolLimits, PoolSiblings } from './pool-ports.ts'

/** A request that waits for a connection; called back in first-in-first-out order. */
export interface Waiter {
  /** Who will use the connection. */
  readonly user: UpstreamUser
  /** A connection (in use by this waiter from now on) came free or is being opened. */
  granted(connection: UpstreamConnection): void
  /** The endpoint could not be connected to at all: errno of the attempt made for this waiter. */
  connectFailed(errno: number): void
}

/** What `acquire` gives. A connection may still be connecting: what is sent on it goes out once it is established. */
export type Acquired =
  | { readonly kind: 'connection'; readonly connection: UpstreamConnection }
  | { readonly kind: 'wait' }
  | { readonly kind: 'full' }
  | { readonly kind: 'failed'; readonly errno: number }

/** Requests of its own that a shard serves in a row with its connections to an endpoint while another shard waits for one. */
const TURNS = 16

const WAIT: Acquired = { kind: 'wait' }
const FULL: Acquired = { kind: 'full' }

/**
 * The connections of one shard to one endpoint: idle ones (last in, first out, so that the surplus ages and times out) and, when no
 * further may be opened, the requests that wait, first in, first out. Survives reloads as long as its endpoint does.
 */
export class EndpointPool {
  spec: EndpointSpec
  limits: PoolLimits
  /** The endpoint left the configuration: nothing is kept for later. */
  retired = false
  /** Connections of this shard, in whatever state. */
  open = 0
  readonly #reactor: Reactor
  readonly #permits: ConnectionPermits
  readonly #events: PoolEvents
  readonly #siblings: PoolSiblings
  readonly #idle: UpstreamConnection[] = []
  /** Insertion order is the queue's order; a cancelled waiter leaves in O(1). */
  readonly #waiters = new Set<Waiter>()
  /** Serving a waiter can close a sibling's connection, and that asks us to serve: once at a time. */
  #serving = false
  /** Connections handed on to our own waiters since one was last given up for another shard. */
  #handedOn = 0

  constructor(
    reactor: Reactor,
    spec: EndpointSpec,
    limits: PoolLimits,
    ports: { permits: ConnectionPermits; events: PoolEvents; siblings: PoolSiblings },
  ) {
    this.#reactor = reactor
    this.spec = spec
    this.limits = limits
    this.#permits = ports.permits
    this.#events = ports.events
    this.#siblings = ports.siblings
  }

  get idleCount(): number {
    return this.#idle.length
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** An idle connection if there is one: the common case, without allocation. */
  takeIdle(user: UpstreamUser): UpstreamConnection | undefined {
    if (this.#waiters.size > 0) return undefined
    const connection = this.#idle.pop()
    if (connection === undefined) return undefined
    connection.user = user
    return connection
  }

  /** Open a connection for `waiter`, or queue it. With idle ones at hand `takeIdle` comes first, unless a fresh one is wanted. */
  acquire(waiter: Waiter): Acquired {
    if (this.#waiters.size === 0) {
      const opened = this.#open(waiter)
      if (opened !== undefined) return opened
    }
    if (this.#waiters.size >= this.limits.queue) return FULL
    this.#waiters.add(waiter)
    this.#waitingChanged(1)
    this.#wake(this.#permits.otherIdle())
    return WAIT
  }

  /** The waiter gave up: its client left or its time is over. */
  cancel(waiter: Waiter): void {
    if (this.#waiters.delete(waiter)) this.#waitingChanged(-1)
  }

  /** An exchange is done with its connection and it can carry another. */
  release(connection: UpstreamConnection): void {
    connection.user = undefined
    connection.served++
    if (this.#waiters.size > 0) {
      if (this.#owed()) this.#giveUp(connection)
      else this.#handOn(connection)
      return
    }
    if (this.retired || this.#permits.otherWaiting() >= 0) {
      this.discard(connection)
      return
    }
    this.#keep(connection)
  }

  #keep(connection: UpstreamConnection): void {
    this.#idle.push(connection)
    connection.noteRole(ROLE.pooled)
    this.#reactor.wheel.arm(connection, this.#reactor.nowMs + this.limits.idleTimeoutMs)
  }

  /** A connection that another shard kept idle. False: there is no place for it. */
  takeIn(fd: number): boolean {
    if (this.retired || this.#permits.take() !== 'granted') return false
    const connection = this.#takeOver(fd)
    this.#reactor.ops.resume(connection)
    this.release(connection)
    return true
  }

  /** A connection that another shard used, and that `user` goes on with. */
  takeOver(fd: number, blocked: boolean): UpstreamConnection {
    this.#permits.adopt()
    const connection = this.#takeOver(fd)
    connection.served = 1
    connection.blocked = blocked
    return connection
  }

  #takeOver(fd: number): UpstreamConnection {
    const connection = new UpstreamConnection(this.#reactor, this, fd)
    connection.connecting = false
    this.open++
    this.#reactor.register(connection)
    return connection
  }

  /** Give what is idle to other shards. */
  giveIdle(shard: () => number): void {
    for (let connection = this.#idle[0]; connection !== undefined; connection = this.#idle[0]) {
      connection.handOver(shard())
      this.#forget(connection)
    }
  }

  /** Close a connection that carries nothing worth finishing: idle too long, surprised us, or its exchange was given up. */
  discard(connection: UpstreamConnection): void {
    const inUse = connection.user !== undefined || connection.connecting
    connection.user = undefined
    if (inUse) connection.abort()
    else connection.close(0)
    this.closed(connection)
  }

  /** Close a connection that its user is done with in good order: what was sent on it still arrives. */
  part(connection: UpstreamConnection, lingerMs: number): void {
    connection.user = undefined
    connection.close(lingerMs)
    this.closed(connection)
  }

  /** A connection of ours is gone, whoever closed it. */
  closed(connection: UpstreamConnection): void {
    this.#forget(connection)
    this.serve()
    this.#siblings.slotFreed()
  }

  /** Another shard waits for what we keep idle: close one, the one unused for longest. */
  yieldIdle(): void {
    if (this.#idle.length > 0 && this.#permits.otherWaiting() >= 0) this.evictOldest()
  }

  #forget(connection: UpstreamConnection): void {
    const at = this.#idle.lastIndexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    connection.carry.clear(this.#reactor)
    this.open--
    this.#permits.give()
    this.#wake(this.#permits.otherWaiting())
  }

  /** Our own waiters come first, for a connection at hand is worth more than one to be made: but not for ever. */
  #owed(): boolean {
    if (++this.#handedOn <= TURNS || this.#permits.otherWaiting() < 0) return false
    this.#handedOn = 0
    return true
  }

  #handOn(connection: UpstreamConnection): void {
    const waiter = this.#nextWaiter()
    connection.user = waiter.user
    waiter.granted(connection)
  }

  /** Close a connection without serving our own waiters with its place, so that the other shard finds it; they go on with the next turn. */
  #giveUp(connection: UpstreamConnection): void {
    connection.close(0)
    this.#forget(connection)
  }

  /** Try again for those who wait: something was freed here, in a sibling or on another shard. */
  serve(): void {
    if (this.#serving || this.#waiters.size === 0) return
    this.#serving = true
    try {
      while (this.#waiters.size > 0 && this.#serveFirst());
    } finally {
      this.#serving = false
    }
  }

  #serveFirst(): boolean {
    const [waiter] = this.#waiters
    const opened = this.#open(waiter!)
    if (opened === undefined) return false
    this.cancel(waiter!)
    if (opened.kind === 'connection') waiter!.granted(opened.connection)
    else if (opened.kind === 'failed') waiter!.connectFailed(opened.errno)
    return true
  }

  #waitingChanged(delta: 1 | -1): void {
    this.#permits.waiting(delta)
    this.#siblings.waiting(delta)
  }

  /** Tell the counters what is cheaper told now and then. */
  report(): void {
    this.#events.idleIs(this.#idle.length)
  }

  /** Close one idle connection, the one unused for longest. */
  evictOldest(): boolean {
    const oldest = this.#idle[0]
    if (oldest === undefined) return false
    this.discard(oldest)
    return true
  }

  closeIdle(): void {
    while (this.evictOldest());
  }

  #nextWaiter(): Waiter {
    const [waiter] = this.#waiters
    this.cancel(waiter!)
    return waiter!
  }

  /** undefined = a limit is in the way. */
  #open({ user }: Waiter): Acquired | undefined {
    let answer = this.#permits.take()
    if (answer === 'maxTotal' && this.#siblings.evictIdle(this)) answer = this.#permits.take()
    if (answer !== 'granted') return undefined
    this.#events.opened()
    const fd = this.#reactor.engine.connect(this.spec.address)
    if (fd < 0) {
      this.#permits.give()
      return { kind: 'failed', errno: -fd }
    }
    const connection = new UpstreamConnection(this.#reactor, this, fd)
    connection.user = user
    this.open++
    this.#reactor.register(connection)
    return { kind: 'connection', connection }
  }

  #wake(shard: number): void {
    if (shard >= 0) this.#reactor.engine.wake(shard)
  }
}
