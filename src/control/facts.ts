import type { ClusterSpec, EndpointSpec } from '../config/snapshot.ts'
import { ENGINE_STATS } from '../io/engine.ts'
import type { EngineStat } from '../io/engine.ts'
import { sumGauge } from '../shm/fleet.ts'
import type { Fleet, Stripe } from '../shm/fleet.ts'
import { GAUGE, GAUGE_WORDS } from '../shm/layout.ts'
import {
  CLUSTER_HISTOGRAM,
  DIMENSIONS,
  ENDPOINT_TABLE,
  HISTOGRAMS_WIDTH,
  LISTENER_TABLE,
} from '../telemetry/catalogue.ts'
import { HISTOGRAM_WIDTH, histogramCount, mergeHistogram, quantile } from '../telemetry/histogram.ts'
import { OUTCOMES } from '../telemetry/outcome.ts'
import type { ProgramView } from './protocol.ts'

/** What the admin API says of shards and clusters, read out of shared memory: shapes are part of the contract with scripts. */

/** `utilisation`: share of the time since last asked that each shard was busy, 0…1. */
export function shardFacts(view: ProgramView, fleet: Fleet, utilisation: readonly number[]): unknown {
  return {
    version: view.snapshot.version,
    maxConnections: view.maxConnections,
    shards: view.shards.map(({ state, restarts }, id) => {
      const stripe = fleet.stripe(id)
      return {
        id,
        state,
        restarts,
        connections: gaugeTotal(stripe.listenerGauges, GAUGE.open),
        upstreamConnections: gaugeTotal(stripe.clusterGauges, GAUGE.open),
        inFlight: gaugeTotal(stripe.listenerGauges, GAUGE.inFlight),
        requests: requestsOf(stripe),
        utilisation: round(utilisation[id] ?? 0, 4),
        accepted: engineStat(stripe, 'accepted'),
        refusedOverLimit: engineStat(stripe, 'refusedOverLimit'),
        bytesIn: engineStat(stripe, 'bytesIn'),
        bytesOut: engineStat(stripe, 'bytesOut'),
      }
    }),
  }
}

export function clusterFacts(view: ProgramView, fleet: Fleet): unknown {
  return {
    version: view.snapshot.version,
    clusters: view.snapshot.clusters.map((cluster) => ({
      name: cluster.name,
      policy: cluster.policy.name,
      inFlight: sumGauge(fleet, 'clusterGauges', cluster.id, GAUGE.inFlight),
      waiting: sumGauge(fleet, 'clusterGauges', cluster.id, GAUGE.waiting),
      latencyMs: latencyOf(cluster, fleet),
      endpoints: cluster.endpoints.map((endpoint) => endpointFacts(endpoint, fleet)),
    })),
  }
}

function endpointFacts(endpoint: EndpointSpec, fleet: Fleet): unknown {
  const { id, address, configured, weight } = endpoint
  const { column } = ENDPOINT_TABLE
  const total = (at: number): number =>
    fleet.stripes.reduce((sum, stripe) => sum + (stripe.endpoints[id * ENDPOINT_TABLE.width + at] ?? 0), 0)
  const byLabel = (dimension: 'failure' | 'code', first: number): Record<string, number> =>
    Object.fromEntries(
      DIMENSIONS[dimension].map((labels, at) => [labels[dimension] ?? '', total(first + at)]),
    )
  const responses = byLabel('code', column.responses)
  const answered = Object.values(responses).reduce((sum, count) => sum + count, 0) - (responses['none'] ?? 0)
  return {
    address,
    configured,
    source: address === configured ? 'configuration' : 'dns',
    state: weight === 0 ? 'drained' : 'ready',
    why: weight === 0 ? 'its weight is 0' : 'not checked: no health checks are configured',
    weight,
    effectiveWeight: weight,
    inFlight: sumGauge(fleet, 'endpointGauges', id, GAUGE.inFlight),
    waiting: sumGauge(fleet, 'endpointGauges', id, GAUGE.waiting),
    connections: {
      open: sumGauge(fleet, 'endpointGauges', id, GAUGE.open),
      idle: sumGauge(fleet, 'endpointGauges', id, GAUGE.idle),
    },
    picks: total(column.picks),
    successes: total(column.successes),
    failures: byLabel('failure', column.failures),
    responses,
    firstByteMs: { mean: answered === 0 ? null : round(total(column.latencyMs) / answered, 3) },
  }
}

/** Of whole exchanges, over all time. Null where there was none. */
function latencyOf(cluster: ClusterSpec, fleet: Fleet): unknown {
  const merged = new Float64Array(HISTOGRAM_WIDTH)
  const base = cluster.id * HISTOGRAMS_WIDTH + CLUSTER_HISTOGRAM.duration * HISTOGRAM_WIDTH
  for (const stripe of fleet.stripes) mergeHistogram(merged, 0, stripe.histograms, base)
  const at = (q: number): number | null => {
    const us = quantile(merged, 0, q)
    return Number.isNaN(us) ? null : round(us / 1000, 3)
  }
  return { count: histogramCount(merged, 0), p50: at(0.5), p90: at(0.9), p99: at(0.99) }
}

/** Exchanges that ended, however. */
function requestsOf(stripe: Stripe): number {
  const { column, width } = LISTENER_TABLE
  let sum = 0
  for (let row = 0; row < stripe.listeners.length; row += width) {
    for (let outcome = 0; outcome < OUTCOMES.length; outcome++)
      sum += stripe.listeners[row + column.exchanges + outcome] ?? 0
  }
  return sum
}

function gaugeTotal(table: Int32Array, gauge: number): number {
  let sum = 0
  for (let at = gauge; at < table.length; at += GAUGE_WORDS) sum += Atomics.load(table, at)
  return sum
}

export function engineStat(stripe: Stripe, stat: EngineStat): number {
  return stripe.engine[ENGINE_STATS.indexOf(stat)] ?? 0
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
