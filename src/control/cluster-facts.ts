import type { ClusterSpec, EndpointSpec, Snapshot } from '../config/snapshot.ts'
import { retryUsage } from '../limit/retry-budget.ts'
import { sumGauge } from '../shm/fleet.ts'
import type { Fleet } from '../shm/fleet.ts'
import { GAUGE } from '../shm/layout.ts'
import { ClusterLimit } from '../shm/tables.ts'
import { CLUSTER_HISTOGRAM, CLUSTER_TABLE, HISTOGRAMS_WIDTH, STALENESS } from '../telemetry/catalogue.ts'
import { HISTOGRAM_WIDTH, histogramCount, mergeHistogram, quantile } from '../telemetry/histogram.ts'
import { EndpointReader } from './endpoint-facts.ts'
import type { ClusterFacts, ClustersFacts, EndpointFacts } from './facts-shape.ts'

/** The machine's monotonic clock, which times in the fleet memory are of, and the wall's. */
export type FactsClock = { readonly machineMs: () => number; readonly wallMs: () => number }

/** What the admin API says of clusters, read out of shared memory when asked for. */
export class ClusterReader {
  readonly #fleet: Fleet
  readonly #clock: FactsClock
  readonly #endpoints: EndpointReader
  readonly #retries: readonly Int32Array[]

  constructor(fleet: Fleet, clock: FactsClock) {
    this.#fleet = fleet
    this.#clock = clock
    this.#endpoints = new EndpointReader(fleet)
    this.#retries = fleet.stripes.map((stripe) => stripe.retries)
  }

  all(snapshot: Snapshot): ClustersFacts {
    return {
      version: snapshot.version,
      clusters: snapshot.clusters.map((cluster) => this.#facts(cluster)),
    }
  }

  one({ clusters }: Snapshot, name: string): ClusterFacts | undefined {
    const cluster = clusters.find((each) => each.name === name)
    return cluster === undefined ? undefined : this.#facts(cluster)
  }

  endpoint(snapshot: Snapshot, cluster: string, address: string): EndpointFacts | undefined {
    return this.one(snapshot, cluster)?.endpoints.find((endpoint) => endpoint.address === address)
  }

  #facts(cluster: ClusterSpec): ClusterFacts {
    const nowMs = this.#clock.machineMs()
    const { endpoints, plan } = this.#endpoints.standings(cluster, nowMs)
    const setOf = new Map(plan.flatMap((set) => set.members.map((member) => [member, set] as const)))
    const times = { nowMs, wallMs: this.#clock.wallMs() }
    const facts = (endpoint: EndpointSpec, at: number): EndpointFacts => {
      const standing = endpoints[at]!
      return this.#endpoints.facts(cluster, endpoint, { standing, set: setOf.get(at) }, times)
    }
    const gauge = (column: number): number => sumGauge(this.#fleet, 'clusterGauges', cluster.id, column)
    return {
      name: cluster.name,
      policy: cluster.policy.name,
      policyOptions: cluster.policy.options,
      policyFaults: this.#total(cluster, CLUSTER_TABLE.column.policyFaults),
      shadow: this.#shadow(cluster),
      panic: { threshold: cluster.panic, now: plan.some(({ panic }) => panic) },
      sets: plan.map(({ name, share, panic, members }) => {
        return { name, share: Number(share.toPrecision(4)), panic, size: members.length }
      }),
      healthy: endpoints.filter(({ healthy }) => healthy).length,
      size: cluster.endpoints.length,
      inFlight: gauge(GAUGE.inFlight),
      waiting: gauge(GAUGE.waiting),
      limits: this.#limits(cluster),
      retryBudget: retryUsage(this.#retries, cluster.id, nowMs, cluster.retry.budget),
      latencyMs: latencyOf(cluster, this.#fleet),
      stalenessMs: stalenessOf(this.#fleet),
      endpoints: cluster.endpoints.map(facts),
    }
  }

  #shadow(cluster: ClusterSpec): ClusterFacts['shadow'] {
    if (cluster.shadow === undefined) return null
    const { shadowPicks, shadowFaults } = CLUSTER_TABLE.column
    const agreed = this.#total(cluster, shadowPicks)
    return {
      policy: cluster.shadow.name,
      picks: agreed + this.#total(cluster, shadowPicks + 1),
      agreed,
      faults: this.#total(cluster, shadowFaults),
    }
  }

  /** Over all shards, since the cluster came. */
  #total({ id }: ClusterSpec, column: number): number {
    const at = id * CLUSTER_TABLE.width + column
    return this.#fleet.stripes.reduce((sum, stripe) => sum + (stripe.clusters[at] ?? 0), 0)
  }

  #limits({ id, limits }: ClusterSpec): ClusterFacts['limits'] {
    const row = new ClusterLimit()
    const adapted = this.#fleet.limits.read(id, row) && Number.isFinite(row.max) ? row.max : null
    const configured = (limit: number): number | null => (limit === 0 ? null : limit)
    return {
      inFlight: configured(limits.inFlight),
      inFlightPerEndpoint: configured(limits.inFlightPerEndpoint),
      adaptive: limits.adaptive === undefined ? null : adapted,
    }
  }
}

/** Of whole exchanges. */
function latencyOf({ id }: ClusterSpec, fleet: Fleet): ClusterFacts['latencyMs'] {
  const merged = new Float64Array(HISTOGRAM_WIDTH)
  const base = id * HISTOGRAMS_WIDTH + CLUSTER_HISTOGRAM.duration * HISTOGRAM_WIDTH
  for (const stripe of fleet.stripes) mergeHistogram(merged, 0, stripe.histograms, base)
  const at = (q: number): number | null => quantileMs(merged, q)
  return { count: histogramCount(merged, 0), p50: at(0.5), p90: at(0.9), p99: at(0.99) }
}

/** Of facts that one shard used and another actor had published. */
function stalenessOf(fleet: Fleet): ClusterFacts['stalenessMs'] {
  const merged = new Float64Array(HISTOGRAM_WIDTH)
  for (const stripe of fleet.stripes) mergeHistogram(merged, 0, stripe.counters, STALENESS)
  return { p50: quantileMs(merged, 0.5), p99: quantileMs(merged, 0.99) }
}

function quantileMs(histogram: Float64Array, q: number): number | null {
  const us = quantile(histogram, 0, q)
  return Number.isNaN(us) ? null : Number((us / 1000).toFixed(3))
}
