import type { BalancerEvents } from '../balance/balancer.ts'
import type { ClusterSpec, EndpointSpec } from '../config/snapshot.ts'
import { PoolClaim, REFUSED, SharedCount } from '../shm/claim.ts'
import type { Fleet } from '../shm/fleet.ts'
import { GAUGE, GAUGE_WORDS } from '../shm/layout.ts'
import type { ShardRecorder } from '../telemetry/recorder.ts'
import type { Places } from '../upstream/admission.ts'
import type { BalancingParts } from '../upstream/balancing.ts'
import type { Cluster, ClusterPorts } from '../upstream/cluster.ts'
import type { ConnectionPermits, PermitAnswer } from '../upstream/permits.ts'
import type { PoolEvents } from '../upstream/pool-ports.ts'

/** What all clusters of a shard are balanced with. */
export type BalancingPorts = Omit<BalancingParts, 'events'> & {
  /** A line for the operator. */
  readonly say: (line: string) => void
}

const ANSWER: readonly PermitAnswer[] = ['granted', 'maxPerHost', 'maxTotal']

/** The fleet memory as the upstream side wants to see it: leave to open connections, and what is counted per endpoint. */
export class FleetPorts implements ClusterPorts {
  readonly #claim: PoolClaim
  /** Places under the limits of clusters and endpoints. */
  readonly #admitted: SharedCount
  readonly #admittedAt: SharedCount
  readonly #fleet: Fleet
  readonly #recorder: ShardRecorder
  readonly #balancing: BalancingPorts
  /** Gauges of the other shards, by index. */
  readonly #others: readonly { shard: number; clusters: Int32Array; endpoints: Int32Array }[]

  constructor(fleet: Fleet, shard: number, recorder: ShardRecorder, balancing: BalancingPorts) {
    this.#claim = new PoolClaim(fleet, shard)
    this.#admitted = new SharedCount(fleet, 'clusterGauges', shard, GAUGE.admitted)
    this.#admittedAt = new SharedCount(fleet, 'endpointGauges', shard, GAUGE.admitted)
    this.#recorder = recorder
    this.#fleet = fleet
    this.#balancing = balancing
    this.#others = fleet.stripes
      .filter((stripe) => stripe.shard !== shard)
      .map((stripe) => ({
        shard: stripe.shard,
        clusters: stripe.clusterGauges,
        endpoints: stripe.endpointGauges,
      }))
  }

  permits(cluster: Cluster, endpoint: EndpointSpec): ConnectionPermits {
    const claim = this.#claim
    const recorder = this.#recorder
    const clusterId = cluster.spec.id
    return {
      take: () => {
        if (claim.claim(endpoint.id, clusterId, cluster.spec.pool)) return 'granted'
        return ANSWER[claim.refusedBy === REFUSED.host ? 1 : 2]!
      },
      adopt: () => void claim.claim(endpoint.id, clusterId, { maxPerHost: 0, maxTotal: 0 }),
      give: () => claim.release(endpoint.id, clusterId),
      waiting: (delta) => {
        if (delta === 1) recorder.waitBegan(clusterId, endpoint.id)
        else recorder.waitEnded(clusterId, endpoint.id)
      },
      otherWaiting: () => this.#other(GAUGE.waiting, clusterId, endpoint.id, cluster.spec.pool.maxTotal),
      otherIdle: () => this.#other(GAUGE.idle, clusterId, endpoint.id, cluster.spec.pool.maxTotal),
    }
  }

  events(cluster: Cluster, endpoint: EndpointSpec): PoolEvents {
    const recorder = this.#recorder
    return {
      opened: () => recorder.connectAttempted(endpoint.id),
      idleIs: (idle) => recorder.idleIs(cluster.spec.id, endpoint.id, idle),
    }
  }

  places(cluster: number): Places {
    const counts = this.#admitted
    const endpoints = this.#admittedAt
    return {
      take: (most) => counts.claim(cluster, most),
      give: () => counts.release(cluster),
      takeAt: (endpoint, most) => endpoints.claim(endpoint, most),
      giveAt: (endpoint) => endpoints.release(endpoint),
      waiting: (delta) => this.#recorder.admissionQueue(cluster, delta),
      otherWaiting: () => this.#otherQueued(cluster),
    }
  }

  balancing({ id, name }: ClusterSpec): BalancingParts {
    const recorder = this.#recorder
    const { say, ...parts } = this.#balancing
    const events: BalancerEvents = {
      fault: () => recorder.policyFault(id),
      shadowFault: () => recorder.shadowFault(id),
      shadowPicked: (endpoint, agreed) => recorder.shadowPicked(id, endpoint, agreed),
      say: (line) => say(`cluster ${name}: ${line}`),
    }
    return { ...parts, events }
  }

  /** Some shard with requests that wait to be admitted to the cluster. */
  #otherQueued(cluster: number): number {
    const at = cluster * GAUGE_WORDS + GAUGE.queued
    const shards = this.#fleet.shardCount
    for (let i = 0; i < this.#others.length; i++) {
      const { shard, clusters } = this.#others[i]!
      if (shard >= shards) break
      if (clusters[at]! > 0) return shard
    }
    return -1
  }

  /**
   * Some shard whose `gauge` of this endpoint is not 0; or, where a limit of the whole cluster is set, that of any endpoint of the
   * cluster.
   */
  #other(gauge: number, clusterId: number, endpointId: number, maxTotal: number): number {
    const ofCluster = clusterId * GAUGE_WORDS + gauge
    const ofEndpoint = endpointId * GAUGE_WORDS + gauge
    let either = -1
    const shards = this.#fleet.shardCount
    for (let i = 0; i < this.#others.length; i++) {
      const other = this.#others[i]!
      if (other.shard >= shards) break
      if (other.clusters[ofCluster]! <= 0) continue
      if (other.endpoints[ofEndpoint]! > 0) return other.shard
      if (maxTotal > 0) either = other.shard
    }
    return either
  }
}
