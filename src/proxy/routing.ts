import type { Rng } from '../base/random.ts'
import type { ClusterSpec, Snapshot } from '../config/snapshot.ts'
import type { Reactor } from '../io/reactor.ts'
import { compileRoutes } from '../route/table.ts'
import type { RouteTable } from '../route/table.ts'
import type { Admission } from '../upstream/admission.ts'
import { Cluster } from '../upstream/cluster.ts'
import type { ClusterPorts } from '../upstream/cluster.ts'
import type { EndpointPool } from '../upstream/pool.ts'
import { Affinity } from './affinity.ts'

/** What a snapshot says about where requests go, compiled: the route table, and for each route its cluster and what ties requests to endpoints there. Never changed once made. */
export type Routing = {
  readonly table: RouteTable
  readonly clusterOf: readonly Cluster[]
  readonly affinityOf: readonly Affinity[]
}

/** Where a request was routed. */
export type Destination = {
  readonly route: number
  readonly cluster: Cluster
  readonly affinity: Affinity
}

/** Where a request that was routed elsewhere belongs here: by its cluster's id, and by its route as long as that leads there. */
export const destinationOf = (routing: Routing, cluster: number, route: number): Destination | undefined => {
  const { clusterOf, affinityOf } = routing
  const at =
    clusterOf[route]?.spec.id === cluster ? route : clusterOf.findIndex(({ spec }) => spec.id === cluster)
  return at < 0 ? undefined : { route: at, cluster: clusterOf[at]!, affinity: affinityOf[at]! }
}

/** Where the upstream side of a connection belongs. */
export type Place = { readonly cluster: Cluster; readonly pool: EndpointPool }

export const NO_ROUTING: Routing = { table: compileRoutes([]), clusterOf: [], affinityOf: [] }

/** The clusters of one shard, by id, over all snapshots: a cluster that stays keeps its connections and its place in the cycle. */
export class Clusters {
  readonly #reactor: Reactor
  readonly #ports: ClusterPorts
  readonly #rng: Rng
  readonly #byId = new Map<number, Cluster>()
  /** Admissions to be served. */
  readonly #due: Admission[] = []
  /** Clusters that left, in which requests still wait. */
  #leaving: Cluster[] = []
  /** Specifications of what left, with the endpoints that did. */
  #left: readonly ClusterSpec[] = []
  /** Places there that somebody was found at, by the endpoint's slot. */
  readonly #revived = new Map<number, Place>()

  constructor(reactor: Reactor, ports: ClusterPorts, rng: Rng) {
    this.#reactor = reactor
    this.#ports = ports
    this.#rng = rng
  }

  readonly #freed = (admission: Admission): void => {
    this.#due.push(admission)
  }

  /** At the end of a batch: let in those who waited for a place that came free in it. */
  admit(): void {
    // Whoever is let in may be over at once, and leave its place to the next.
    for (let i = 0; i < this.#due.length; i++) this.#due[i]!.serve()
    this.#due.length = 0
  }

  /** Take over a snapshot's clusters; returns the routing to use from now on. */
  apply(snapshot: Snapshot): Routing {
    this.#left = snapshot.leaving?.clusters ?? []
    this.#revived.clear()
    const stay = new Set(snapshot.clusters.map((spec) => spec.id))
    for (const [id, cluster] of this.#byId) {
      if (stay.has(id)) continue
      this.#retire(cluster)
      this.#byId.delete(id)
    }
    const clusters = snapshot.clusters.map((spec) => {
      const known = this.#byId.get(spec.id)
      if (known !== undefined && known.spec.name === spec.name) {
        known.apply(spec)
        return known
      }
      if (known !== undefined) this.#retire(known)
      const made = new Cluster(this.#reactor, spec, this.#ports, this.#freed)
      this.#byId.set(spec.id, made)
      return made
    })
    const affinities = snapshot.clusters.map((spec) => new Affinity(spec, this.#rng))
    return {
      table: compileRoutes(snapshot.routes),
      clusterOf: snapshot.routes.map((route) => clusters[route.cluster]!),
      affinityOf: snapshot.routes.map((route) => affinities[route.cluster]!),
    }
  }

  /** Of the endpoint that has the slot, if it is still the same. */
  poolOf(slot: number, generation: number): EndpointPool | undefined {
    for (const cluster of this.#byId.values()) {
      const pool = cluster.poolOf(slot, generation)
      if (pool !== undefined) return pool
    }
    return undefined
  }

  /** Where a tunnel goes on that another shard had, be it that its endpoint or all of its cluster left the configuration since it began. */
  placeOf(cluster: number, slot: number, generation: number): Place | undefined {
    const known = this.#byId.get(cluster)
    const pool = known?.poolOf(slot, generation)
    if (known !== undefined && pool !== undefined) return { cluster: known, pool }
    const revived = this.#revived.get(slot) ?? this.#revive(cluster, slot)
    return revived?.pool.spec.generation === generation ? revived : undefined
  }

  /** As they are that left here while they were in use: nothing is picked there, nothing is kept for later. */
  #revive(id: number, slot: number): Place | undefined {
    const left = this.#left.find((spec) => spec.id === id)
    const endpoint = left?.endpoints.find((spec) => spec.id === slot)
    if (left === undefined || endpoint === undefined) return undefined
    const spec = { ...left, endpoints: [endpoint] }
    const cluster = new Cluster(this.#reactor, spec, this.#ports, this.#freed)
    const pool = cluster.poolOf(slot, endpoint.generation)!
    cluster.retire()
    const place = { cluster, pool }
    this.#revived.set(slot, place)
    return place
  }

  /** What is kept idle goes to other shards. */
  giveIdle(shard: () => number): void {
    for (const cluster of this.#byId.values()) for (const pool of cluster.pools()) pool.giveIdle(shard)
  }

  /** Once per turn of the wheel. */
  turn(nowMs: number): void {
    for (const cluster of this.#byId.values()) cluster.turn(nowMs)
  }

  /** No client is left to use them. */
  closeIdle(): void {
    for (const cluster of this.#byId.values()) for (const pool of cluster.pools()) pool.closeIdle()
  }

  /** Something was freed elsewhere: those who wait may go on. */
  serveWaiting(): void {
    for (const cluster of this.#byId.values()) serveWaitingIn(cluster)
    if (this.#leaving.length === 0) return
    for (const cluster of this.#leaving) serveWaitingIn(cluster)
    this.#leaving = this.#leaving.filter(isAwaited)
  }

  /** Give up what is kept idle where another shard waits for a connection. */
  yieldIdle(): void {
    for (const cluster of this.#byId.values()) cluster.yieldIdle()
  }

  #retire(cluster: Cluster): void {
    cluster.retire()
    if (isAwaited(cluster)) this.#leaving.push(cluster)
  }
}

/** Requests wait in it: for a connection, or to be let in. */
const isAwaited = ({ waitingCount, admission }: Cluster): boolean => waitingCount > 0 || admission.waiting > 0

const serveWaitingIn = (cluster: Cluster): void => {
  if (cluster.waitingCount > 0) cluster.serveWaiting()
  if (cluster.admission.waiting > 0) cluster.admission.serve()
}
