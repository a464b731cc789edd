import { NO_PICK } from '../balance/policy.ts'
import type { Policy } from '../balance/policy.ts'
import type { PickRequest } from '../balance/pick-request.ts'
import { ClusterView } from '../balance/view.ts'
import { makePolicy } from '../balance/registry.ts'
import type { Rng } from '../base/random.ts'
import type { ClusterSpec, EndpointSpec } from '../config/snapshot.ts'
import type { Reactor } from '../io/reactor.ts'
import { EndpointPool } from './pool.ts'
import type { PoolEvents, PoolSiblings } from './pool.ts'
import type { ConnectionPermits } from './permits.ts'

/** What a cluster needs of the shard's memory, resolved once per endpoint. */
export interface ClusterPorts {
  /** Limits are read at every `take`, because a reload may change them. */
  permits(cluster: Cluster, endpoint: EndpointSpec): ConnectionPermits
  events(cluster: Cluster, endpoint: EndpointSpec): PoolEvents
}

/**
 * One shard's side of a cluster: its endpoints' pools and its policy. It lives as long as the cluster's id does; a new snapshot is
 * applied to it, and what stays the same (a pool with its connections, the policy's place in its cycle) goes on.
 */
export class Cluster implements PoolSiblings {
  spec: ClusterSpec
  readonly #reactor: Reactor
  readonly #ports: ClusterPorts
  readonly #rng: Rng
  #policy: Policy
  #policyName = ''
  /** Pools that can be picked, index-aligned with the view. */
  #pickable: EndpointPool[] = []
  #pools = new Map<number, EndpointPool>()
  #view: ClusterView = new ClusterView(0)
  #waiting = 0
  /** Pools of endpoints that left, for whose connections requests still wait. */
  #leaving: EndpointPool[] = []

  constructor(reactor: Reactor, spec: ClusterSpec, ports: ClusterPorts, rng: Rng) {
    this.#reactor = reactor
    this.#ports = ports
    this.#rng = rng
    this.spec = spec
    this.#policy = makePolicy(spec.policy)
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
    this.#rebuild()
  }

  /** The cluster left the configuration. */
  retire(): void {
    for (const pool of this.#pools.values()) this.#retire(pool)
    this.#pools.clear()
    this.#rebuild()
  }

  /** The endpoint for a request, undefined if there is none; `ask.slot` says which, or why none. */
  pick(ask: PickRequest): EndpointPool | undefined {
    for (let draw = 0; draw <= ask.excludedCount; draw++) {
      const index = this.#policy.pick(this.#view, ask.key, this.#rng)
      if (index === NO_PICK) break
      const pool = this.#pickable[index]!
      ask.slot = pool.spec.id
      if (!ask.excludes(pool.spec.id)) return pool
    }
    const rest = this.#pickable.filter((pool) => !ask.excludes(pool.spec.id))
    const pool = rest.length === 0 ? undefined : rest[this.#rng.below(rest.length)]
    ask.slot = pool === undefined ? NO_PICK : pool.spec.id
    return pool
  }

  pools(): Iterable<EndpointPool> {
    return this.#pools.values()
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

  #rebuild(): void {
    this.#pickable = [...this.#pools.values()].filter((pool) => pool.spec.weight > 0)
    const weights = Float64Array.from(this.#pickable, (pool) => pool.spec.weight)
    const same = weights.length === this.#view.size && weights.every((w, i) => w === this.#view.weights[i])
    if (this.spec.policy.name === this.#policyName && same) return
    if (this.spec.policy.name !== this.#policyName) {
      this.#policyName = this.spec.policy.name
      this.#policy = makePolicy(this.spec.policy)
    }
    this.#view = new ClusterView(weights.length)
    this.#view.weights.set(weights)
    this.#policy.rebuild(this.#view, this.#rng)
  }
}
