import type { Decision } from '../balance/decision.ts'
import type { PickRequest } from '../balance/pick-request.ts'
import type { ClusterSpec, EndpointSpec } from '../config/snapshot.ts'
import type { Reactor } from '../io/reactor.ts'
import type { LoadReport } from '../shm/beliefs.ts'
import type { Answer } from '../shm/voice.ts'
import { Admission } from './admission.ts'
import type { Places } from './admission.ts'
import { ClusterBalancing } from './balancing.ts'
import type { BalancingParts } from './balancing.ts'
import { EndpointPool } from './pool.ts'
import type { PoolEvents, PoolSiblings } from './pool-ports.ts'
import type { ConnectionPermits } from './permits.ts'

/** What a cluster needs of the shard's memory, resolved once per endpoint. */
export interface ClusterPorts {
  /** Limits are read at every `take`, because a reload may change them. */
  permits(cluster: Cluster, endpoint: EndpointSpec): ConnectionPermits
  events(cluster: Cluster, endpoint: EndpointSpec): PoolEvents
  places(cluster: number): Places
  /** What the cluster is balanced with. */
  balancing(cluster: ClusterSpec): BalancingParts
}

/**
 * One shard's side of a cluster: its endpoints' pools, and how it is balanced. It lives as long as the cluster's id does; a new snapshot is
 * applied to it, and what stays the same (a pool with its connections, the policy's place in its cycle) goes on.
 */
export class Cluster implements PoolSiblings {
  spec: ClusterSpec
  readonly #reactor: Reactor
  readonly #ports: ClusterPorts
  readonly #balancing: ClusterBalancing
  readonly admission: Admission
  /** By slot. */
  #pools = new Map<number, EndpointPool>()
  #waiting = 0
  /** Pools of endpoints that left, for whose connections requests still wait. */
  #leaving: EndpointPool[] = []

  /** `freed`: the admission is to be served at the end of the batch. */
  constructor(
    reactor: Reactor,
    spec: ClusterSpec,
    ports: ClusterPorts,
    freed: (admission: Admission) => void,
  ) {
    this.#reactor = reactor
    this.#ports = ports
    this.spec = spec
    this.#balancing = new ClusterBalancing(ports.balancing(spec), spec)
    this.admission = new Admission(spec.limits, {
      places: ports.places(spec.id),
      learnt: () => this.#balancing.learntLimit,
      wake: (shard) => reactor.engine.wake(shard),
      freed,
    })
    this.apply(spec)
  }

  apply(spec: ClusterSpec): void {
    this.spec = spec
    const before = this.#pools
    this.#pools = new Map()
    for (const endpoint of spec.endpoints) {
      const kept = before.get(endpoint.id)
      const pool = kept?.spec.address === endpoint.address ? kept : this.#makePool(endpoint)
      pool.spec = endpoint
      pool.limits = { idleTimeoutMs: spec.pool.idleTimeoutMs, queue: spec.pool.queue }
      this.#pools.set(endpoint.id, pool)
      if (pool === kept) before.delete(endpoint.id)
    }
    for (const gone of before.values()) this.#retire(gone)
    this.#balancing.apply(spec, this.#reactor.nowMs)
    this.admission.apply(spec.limits)
  }

  /** The cluster left the configuration. */
  retire(): void {
    for (const pool of this.#pools.values()) this.#retire(pool)
    this.#pools.clear()
    this.#balancing.retire(this.#reactor.nowMs)
    this.admission.apply(this.spec.limits) // who waits shall hear of it
  }

  /** The endpoint for a request, undefined if there is none; `ask.slot` says which, or why none. `decision`, if given, takes down how it came to that. */
  pick(ask: PickRequest, decision?: Decision): EndpointPool | undefined {
    return this.#pools.get(this.#balancing.pick(ask, this.#reactor.nowMs, decision))
  }

  // ── what tries show of an endpoint ──

  /** A try begins, and the recorder has counted it (`picked`). */
  began(pool: EndpointPool): void {
    this.#balancing.began(pool.spec, this.#reactor.nowMs)
  }

  /** A try that began at `startMs` is over, and the recorder has counted that (`tryEnded`). */
  ended(pool: EndpointPool, startMs: number): void {
    this.#balancing.ended(pool.spec, startMs)
  }

  /** The endpoint answered a try; its cost is filled in here. `retryAfterMs`: for how long it asks to be left alone, 0: it does not. */
  answered(pool: EndpointPool, answer: Answer, retryAfterMs: number): void {
    this.#balancing.answered(pool.spec, answer, retryAfterMs)
  }

  /** The endpoint failed a try. `fault`: `FAULT`. */
  failed(pool: EndpointPool, fault: number, tookMs: number): void {
    this.#balancing.failed(pool.spec, fault, tookMs)
  }

  /** A try was given up after so long, and the endpoint is not to blame. */
  gaveUp(pool: EndpointPool, tookMs: number): void {
    this.#balancing.gaveUp(pool.spec, tookMs)
  }

  /** The endpoint reported its load. `source`: `REPORT_SOURCE`. */
  reported(pool: EndpointPool, source: number, load: LoadReport): void {
    this.#balancing.reported(pool.spec, source, load)
  }

  /** With an answer it told its own requests in flight, and the latency at that load, ms. */
  probed(pool: EndpointPool, rif: number, latencyMs: number): void {
    this.#balancing.probed(pool.spec, rif, latencyMs)
  }

  /** Once per turn of the wheel. */
  turn(nowMs: number): void {
    this.#balancing.turn(nowMs)
    for (const pool of this.#pools.values()) pool.report()
  }

  pools(): Iterable<EndpointPool> {
    return this.#pools.values()
  }

  /** The pool of an endpoint's slot, if it is still that endpoint's. */
  poolOf(slot: number, generation: number): EndpointPool | undefined {
    const pool = this.#pools.get(slot)
    return pool?.spec.generation === generation ? pool : undefined
  }

  /** Requests waiting for a connection in this cluster on this shard. */
  get waitingCount(): number {
    return this.#waiting
  }

  evictIdle(except: EndpointPool): boolean {
    for (const pool of this.#pools.values()) if (pool !== except && pool.evictOldest()) return true
    return false
  }

  slotFreed(): void {
    if (this.#waiting > 0) this.serveWaiting()
  }

  waiting(delta: 1 | -1): void {
    this.#waiting += delta
  }

  serveWaiting(): void {
    for (const pool of this.#pools.values()) if (pool.waiting > 0) pool.serve()
    if (this.#leaving.length === 0) return
    for (const pool of this.#leaving) pool.serve()
    this.#leaving = this.#leaving.filter((pool) => pool.waiting > 0)
  }

  /** Give up what we keep idle where another shard waits for a connection. */
  yieldIdle(): void {
    for (const pool of this.#pools.values()) pool.yieldIdle()
  }

  #retire(pool: EndpointPool): void {
    pool.retired = true
    pool.closeIdle()
    pool.report()
    if (pool.waiting > 0) this.#leaving.push(pool)
  }

  #makePool(endpoint: EndpointSpec): EndpointPool {
    const limits = { idleTimeoutMs: this.spec.pool.idleTimeoutMs, queue: this.spec.pool.queue }
    const permits = this.#ports.permits(this, endpoint)
    return new EndpointPool(this.#reactor, endpoint, limits, {
      permits,
      events: this.#ports.events(this, endpoint),
      siblings: this,
    })
  }
}
