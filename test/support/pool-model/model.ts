import assert from 'node:assert/strict'
import { endpointSpec } from '../specs.ts'
import type { ClusterSpec } from '../../../src/config/snapshot.ts'
import type { Reactor } from '../../../src/io/reactor.ts'
import { Cluster } from '../../../src/upstream/cluster.ts'
import type { UpstreamConnection, UpstreamUser } from '../../../src/upstream/connection.ts'
import type { EndpointPool } from '../../../src/upstream/pool.ts'
import { balancingAlone } from '../balancer/alone.ts'
import { CLUSTER } from '../sim-shard.ts'
import { IdleEngine, quietReactor } from './idle-engine.ts'
import { ModelPermits, NO_PLACES } from './permits.ts'
import { Request } from './request.ts'
import type { ModelPool, Users } from './request.ts'

export const ENDPOINTS = 3
export const IDLE_MS = 1000
const ECONNRESET = 104
/** Requests of its own that a shard may serve in a row while another one waits. */
const TURNS = 16

export type Limits = { readonly maxPerHost: number; readonly maxTotal: number; readonly queue: number }

/** A cluster over an engine that does nothing, and beside it what must hold of it: every command says what it expects. */
export class PoolModel implements Users {
  readonly engine: IdleEngine = new IdleEngine()
  readonly permits: ModelPermits = new ModelPermits(ENDPOINTS)
  readonly #reactor: Reactor
  readonly #cluster: Cluster
  readonly #pools = new Map<EndpointPool, ModelPool>()
  /** When idle connections have been so for long enough. */
  readonly #dueMs = new Map<UpstreamConnection, number>()
  #limits: Limits = { maxPerHost: 0, maxTotal: 0, queue: 8 }
  #endpoints: readonly number[] = [0, 1, 2]

  constructor() {
    this.#reactor = quietReactor(this.engine)
    this.#reactor.start()
    const events = { opened: () => {}, idleIs: () => {} }
    const ports = {
      permits: (_: Cluster, { id }: { id: number }) => this.permits.of(id),
      events: () => events,
      balancing: () => balancingAlone(),
      places: () => NO_PLACES,
    }
    this.#cluster = new Cluster(this.#reactor, this.#spec(), ports, () => {})
    this.#notePools()
  }

  // ── commands ──

  /** As a request asks: for an idle connection, then for a new one; `fresh`: only for a new one. */
  take(endpoint: number, fresh: boolean): void {
    const pool = this.#live(endpoint)
    if (pool === undefined) return
    const [real, model] = pool
    const request = new Request(this, model)
    const expected = model.waiters.length > 0 ? undefined : model.idle.at(-1)
    if (!fresh) {
      const idle = real.takeIdle(request)
      assert.equal(
        idle,
        expected,
        'the idle connection used last is taken first, and none past those who wait',
      )
      if (idle !== undefined) {
        model.idle.pop()
        this.uses(model, idle, request)
        return
      }
    }
    this.#acquire(real, model, request)
  }

  #acquire(real: EndpointPool, model: ModelPool, request: Request): void {
    const ahead = model.waiters.length
    const answer = this.permits.answer(model.endpoint)
    const mayEvict =
      answer === 'maxTotal' && [...this.#pools.values()].some((p) => p !== model && p.idle.length > 0)
    model.waiters.push(request)
    const acquired = real.acquire(request)
    if (acquired.kind !== 'wait') model.waiters.splice(model.waiters.indexOf(request), 1)
    if (acquired.kind === 'connection') this.uses(model, acquired.connection, request)
    const opened = acquired.kind === 'connection' || acquired.kind === 'failed'
    if (ahead > 0) assert.ok(!opened, 'nobody passes those who wait')
    else if (answer === 'granted') assert.ok(opened, 'within the limits a connection is opened')
    else if (!mayEvict) assert.ok(!opened, 'beyond the limits none is')
    if (!opened) assert.equal(acquired.kind, ahead >= this.#limits.queue ? 'full' : 'wait')
  }

  /** The `nth` connection in use is done with; `how` decides what becomes of it. */
  finish(nth: number, how: 'release' | 'discard' | 'part' | 'reset'): void {
    const found = this.#nth(nth, ({ used }) => [...used])
    if (found === undefined) return
    const [real, model, connection] = found
    if (how === 'release') return this.#release(real, model, connection)
    model.used.delete(connection)
    if (how === 'reset') {
      const user = connection.user as Request
      this.#break(connection)
      assert.equal(user.broke, 1, 'its user is told once')
    } else if (how === 'discard') real.discard(connection)
    else real.part(connection, 100)
    assert.ok(connection.dead)
    this.#nobodyWaitsInVain()
  }

  #release(real: EndpointPool, model: ModelPool, connection: UpstreamConnection): void {
    const [first] = model.waiters
    const wanted = this.permits.wanted.has(model.endpoint)
    model.used.delete(connection)
    if (first === undefined && !real.retired && !wanted) {
      model.idle.push(connection)
      this.#dueMs.set(connection, this.#reactor.nowMs + IDLE_MS)
    }
    real.release(connection)
    if (first === undefined)
      assert.equal(connection.dead, real.retired || wanted, 'kept unless nobody may keep it')
    else if (connection.dead) {
      assert.ok(wanted, 'given up only for another shard')
      model.streak = 0
    } else {
      assert.equal(connection.user, first, 'handed to the one who waits for longest')
      model.streak = wanted ? model.streak + 1 : 0
      assert.ok(model.streak <= TURNS, 'another shard waits for ever')
    }
  }

  /** Whatever happens to an idle connection ends it. */
  disturb(nth: number, how: 'fin' | 'data' | 'reset'): void {
    const found = this.#nth(nth, ({ idle }) => idle)
    if (found === undefined) return
    const [, model, connection] = found
    model.idle = model.idle.filter((other) => other !== connection)
    if (how === 'reset') this.#break(connection)
    else if (how === 'fin') connection.onEnd()
    else connection.onData(0, 1)
    assert.ok(connection.dead)
  }

  established(nth: number): void {
    this.#nth(nth, ({ used }) => [...used].filter(({ connecting }) => connecting))?.[2].onConnected()
  }

  cancel(nth: number): void {
    const all = [...this.#pools].flatMap(([real, model]) =>
      model.waiters.map((waiter) => ({ real, model, waiter })),
    )
    const chosen = all[nth % all.length]
    if (chosen === undefined) return
    chosen.model.waiters.splice(chosen.model.waiters.indexOf(chosen.waiter), 1)
    chosen.real.cancel(chosen.waiter)
    chosen.real.cancel(chosen.waiter) // a second time is nothing
  }

  configure(endpoints: readonly number[], limits: Limits): void {
    this.#endpoints = endpoints
    this.#limits = limits
    Object.assign(this.permits, { maxPerHost: limits.maxPerHost, maxTotal: limits.maxTotal })
    this.#cluster.apply(this.#spec())
    this.#notePools()
    for (const [real, { endpoint }] of this.#pools) {
      if (real.retired)
        assert.equal(real.idleCount, 0, `endpoint ${endpoint} left and something of it is kept`)
    }
  }

  /** The other shard opens or closes a connection, if it may. */
  elsewhere(endpoint: number, delta: 1 | -1): void {
    const { others } = this.permits
    if (delta > 0 ? this.permits.answer(endpoint) === 'granted' : others[endpoint]! > 0)
      others[endpoint]! += delta
  }

  /** A shard's turn: those who wait try again, and what others want is given up. */
  turn(): void {
    this.#cluster.serveWaiting()
    this.#nobodyWaitsInVain()
    for (const [real, { idle }] of this.#pools) {
      if (!real.retired && this.permits.wanted.has(real.spec.id)) idle.splice(0, 1)
    }
    this.#cluster.yieldIdle()
  }

  pass(ms: number): void {
    const crowded = this.#count(({ waiters }) => waiters.length) > 0
    this.engine.pass(ms)
    const { nowMs, wheel } = this.#reactor
    for (const connection of [...this.#pools.values()].flatMap(({ idle }) => idle)) {
      const overMs = nowMs - (this.#dueMs.get(connection) ?? 0)
      if (overMs >= wheel.granularityMs) assert.ok(connection.dead, 'kept idle for too long')
      if (overMs < 0 && !crowded) assert.ok(!connection.dead, 'closed before its time')
    }
  }

  /** Everyone goes home. */
  conclude(): void {
    for (let all = this.#count(({ waiters }) => waiters.length); all > 0; all--) this.cancel(0)
    this.permits.wanted.clear()
    while (this.#count(({ used }) => used.size) > 0) this.finish(0, 'release')
    this.#cluster.retire()
    this.check()
    assert.deepEqual(this.permits.ours, [0, 0, 0])
    assert.equal([...this.#reactor.connections()].length, 0)
    assert.equal(this.#reactor.wheel.size, 0)
  }

  // ── laws ──

  /** Someone has a connection from now on. */
  uses(pool: ModelPool, connection: UpstreamConnection, user: UpstreamUser): void {
    const held = [...this.#pools.values()].some(
      ({ used, idle }) => used.has(connection) || idle.includes(connection),
    )
    assert.ok(!held && !connection.dead, 'a connection in use, idle or dead is handed out')
    assert.equal(connection.user, user)
    assert.equal(this.#pools.get(connection.pool), pool)
    pool.used.add(connection)
  }

  /** What holds between any two commands. */
  check(): void {
    const open = [0, 0, 0]
    const waiting = [0, 0, 0]
    for (const [real, model] of this.#pools) {
      const { idle, waiters, used, endpoint } = model
      const alive = idle.findIndex(({ dead }) => !dead)
      model.idle = alive < 0 ? [] : idle.slice(alive)
      assert.ok(
        model.idle.every(({ dead }) => !dead),
        'of idle ones the oldest is closed first',
      )
      assert.equal(real.idleCount, model.idle.length)
      assert.ok(
        model.idle.every(({ user }) => user === undefined),
        'an idle connection is in use',
      )
      for (const connection of used) assert.ok(!connection.dead && connection.user !== undefined)
      assert.equal(real.waiting, waiters.length)
      assert.equal(real.open, model.idle.length + used.size, 'a connection is lost or counted twice')
      open[endpoint]! += real.open
      waiting[endpoint]! += waiters.length
    }
    assert.deepEqual(this.permits.ours, open, 'permits taken less permits given are the connections open')
    assert.deepEqual(this.permits.waiting, waiting)
    assert.equal(
      this.#cluster.waitingCount,
      waiting.reduce((sum, count) => sum + count),
    )
  }

  #nobodyWaitsInVain(): void {
    for (const { waiters, endpoint } of this.#pools.values()) {
      if (waiters.length > 0)
        assert.notEqual(this.permits.answer(endpoint), 'granted', 'waits though there is room')
    }
  }

  // ── the rest ──

  #break(connection: UpstreamConnection): void {
    connection.dead = true // as the reactor does it
    this.#reactor.forget(connection)
    connection.onReset(ECONNRESET)
  }

  #live(endpoint: number): [EndpointPool, ModelPool] | undefined {
    return [...this.#pools].find(([real, model]) => model.endpoint === endpoint && !real.retired)
  }

  #nth(
    nth: number,
    of: (pool: ModelPool) => readonly UpstreamConnection[],
  ): [EndpointPool, ModelPool, UpstreamConnection] | undefined {
    const all = [...this.#pools].flatMap(([real, model]) =>
      of(model).map((each) => [real, model, each] as const),
    )
    const chosen = all[nth % all.length]
    return chosen === undefined ? undefined : [...chosen]
  }

  #count(of: (pool: ModelPool) => number): number {
    return [...this.#pools.values()].reduce((sum, pool) => sum + of(pool), 0)
  }

  #notePools(): void {
    for (const pool of this.#cluster.pools()) {
      if (this.#pools.has(pool)) continue
      this.#pools.set(pool, { endpoint: pool.spec.id, waiters: [], idle: [], used: new Set(), streak: 0 })
    }
  }

  #spec(): ClusterSpec {
    const endpoints = this.#endpoints.map((id) => endpointSpec(id, addressOf(id)))
    return { ...CLUSTER, endpoints, pool: { ...this.#limits, idleTimeoutMs: IDLE_MS } }
  }
}

export const addressOf = (endpoint: number): string => `10.0.0.${endpoint + 1}:80`
