import { ENGINE_STATS } from '../io/engine.ts'
import type { ProcessReadings } from '../io/process-readings.ts'
import type { Fleet } from '../shm/fleet.ts'
import type { MetricFamily, MetricType, Sample } from '../telemetry/exposition.ts'
import { fleetFamilies } from '../telemetry/fleet-metrics.ts'
import { vitalsFamilies } from '../telemetry/vitals-metrics.ts'
import { processFamilies } from '../telemetry/process-metrics.ts'
import { balanceFamilies, explainFamilies } from './balance-metrics.ts'
import type { ClusterReader } from './cluster-facts.ts'
import { coreFamilies } from './core-metrics.ts'
import type { ExplainCounts } from './explain-feed.ts'
import { healthFamilies } from './health-counters.ts'
import type { ShardsFacts } from './shard-facts.ts'
import { SHARD_STATES } from './protocol.ts'
import type { ProgramView, ShardState } from './protocol.ts'

export type MetricSources = {
  readonly fleet: Fleet
  readonly clusters: ClusterReader
  readonly explain: ExplainCounts
  readonly readings: ProcessReadings
  readonly shards: ShardsFacts
  /** The clock of the fleet memory. */
  readonly nowMs: number
}

/** Everything `/metrics` says: the process, the program as main sees it, and what the shards count. */
export function metricFamilies(view: ProgramView, sources: MetricSources): readonly MetricFamily[] {
  const { fleet, clusters, explain, readings, shards, nowMs } = sources
  const facts = { ...readings, version: view.version, maxFds: view.fdLimit }
  return [
    ...processFamilies(facts),
    ...programFamilies(view),
    ...fleetFamilies(fleet, view.snapshot, ENGINE_STATS),
    ...vitalsFamilies(fleet, view.shards.length, nowMs),
    ...coreFamilies(shards),
    ...balanceFamilies(view.snapshot, clusters),
    ...explainFamilies(fleet, explain),
    ...healthFamilies(fleet, view.snapshot),
  ]
}

/** What main knows and shared memory does not. */
export function programFamilies(view: ProgramView): readonly MetricFamily[] {
  const { snapshot, phase, shards, restarts, reloads, maxConnections, startedAtMs } = view
  const { patches, overlays } = view
  const ready = Number(phase === 'ready')
  const inState = (state: ShardState): number => shards.filter((shard) => shard.state === state).length
  const up = shards.map(({ state }, id) => ({
    labels: { shard: String(id) },
    value: Number(state === 'running'),
  }))
  const restarted = [
    { labels: { actor: 'acceptor' }, value: restarts.acceptor },
    { labels: { actor: 'telemetry' }, value: restarts.telemetry },
    { labels: { actor: 'health' }, value: restarts.health },
    { labels: { actor: 'discovery' }, value: restarts.discovery },
    ...shards.map((shard, id) => ({ labels: { actor: `shard ${id}` }, value: shard.restarts })),
  ]
  return [
    family('weir_start_time_seconds', 'gauge', 'Unix time of the start.', [{ value: startedAtMs / 1000 }]),
    family('weir_connections_max', 'gauge', 'Client connections the process takes.', [
      { value: maxConnections },
    ]),
    family(
      'weir_shards',
      'gauge',
      'Shards by state.',
      SHARD_STATES.map((state) => ({ labels: { state }, value: inState(state) })),
    ),
    family('weir_ready', 'gauge', '1 while the program accepts, 0 while it starts or drains.', [
      { value: ready },
    ]),
    family('weir_config_version', 'gauge', 'Version of the snapshot in force.', [
      { value: snapshot.version },
    ]),
    family('weir_config_reloads_total', 'counter', 'Reloads by result.', [
      { labels: { result: 'applied' }, value: reloads.applied },
      { labels: { result: 'refused' }, value: reloads.refused },
    ]),
    family('weir_admin_patches_total', 'counter', 'Patches of endpoints by result.', [
      { labels: { result: 'applied' }, value: patches.applied },
      { labels: { result: 'idle' }, value: patches.idle },
      { labels: { result: 'refused' }, value: patches.refused },
    ]),
    family('weir_admin_overlays', 'gauge', 'Endpoints of which an operator wants something.', [
      { value: overlays },
    ]),
    family('weir_shard_up', 'gauge', '1 while the shard is in service.', up),
    family('weir_actor_restarts_total', 'counter', 'Lives of actors beyond the first.', restarted),
    ...shardLifeFamilies(view),
  ]
}

/** How shards died, were stuck, and what became of their connections. */
function shardLifeFamilies({ shards, stalls, handovers, estates }: ProgramView): readonly MetricFamily[] {
  const byShard = (value: (shard: number) => number): readonly Sample[] =>
    shards.map((_, id) => ({ labels: { shard: String(id) }, value: value(id) }))
  return [
    family(
      'weir_shard_deaths_total',
      'counter',
      'Lives of shards that nobody had asked to end.',
      byShard((id) => shards[id]?.deaths ?? 0),
    ),
    family(
      'weir_shard_stalls_total',
      'counter',
      'Times a shard was stuck and others served for it.',
      byShard((id) => stalls[id] ?? 0),
    ),
    family(
      'weir_shard_handovers_total',
      'counter',
      'Shards that were told to let go of everything, by whether they did within their time.',
      Object.entries(handovers).map(([result, value]) => ({ labels: { result }, value })),
    ),
    family(
      'weir_estate_connections_total',
      'counter',
      'Connections that dead and replaced shards left, by what became of them.',
      Object.entries(estates).map(([result, value]) => ({ labels: { result }, value })),
    ),
  ]
}

function family(name: string, type: MetricType, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, type, help, samples }
}
