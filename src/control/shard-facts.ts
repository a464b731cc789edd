import type { Fleet } from '../shm/fleet.ts'
import { GAUGE } from '../shm/layout.ts'
import { VITAL } from '../shm/vitals.ts'
import { bottleneckOf, imbalanceOf } from '../telemetry/core-imbalance.ts'
import type { CoreImbalance } from '../telemetry/core-imbalance.ts'
import type { ProgramView, ShardState } from './protocol.ts'
import { requestsOf } from './shard-rates.ts'
import type { ShardRates } from './shard-rates.ts'
import { engineStat, gaugeTotal } from './stripe-totals.ts'

/** What `/api/v1/shards` says, read out of shared memory: shapes are part of the contract with scripts. */
export type ShardsFacts = {
  readonly version: number
  readonly maxConnections: number
  readonly shards: readonly ShardFacts[]
  /** How evenly the work lies on the shards in service: busy time, requests and bytes over the last second or more, connections now. */
  readonly imbalance: Readonly<Record<'busy' | 'connections' | 'requests' | 'bytes', CoreImbalance>>
  /** The shard that holds the others up, although they have time on the average; null: none does. */
  readonly bottleneck: { readonly shard: number; readonly utilisation: number; readonly mean: number } | null
}

export type ShardFacts = {
  readonly id: number
  readonly state: ShardState
  readonly restarts: number
  /** Ends nobody asked for, and times it was stuck. */
  readonly deaths: number
  readonly stalls: number
  readonly connections: number
  readonly upstreamConnections: number
  readonly inFlight: number
  readonly requests: number
  readonly requestsPerSecond: number
  /** Share of the time since last asked that it was busy, 0…1. */
  readonly utilisation: number
  /** How late it is with what came in. */
  readonly delayMs: number
  /** null: it has not begun to beat. */
  readonly heartbeatAgeMs: number | null
  readonly heap: { readonly usedBytes: number; readonly limitBytes: number }
  /** Of this life; the longest of the last half second. */
  readonly gc: { readonly pauses: number; readonly pauseMs: number; readonly longestMs: number }
  readonly loop: { readonly delayMs: number; readonly longestMs: number }
  readonly cpuMs: number
  readonly accepted: number
  readonly refusedOverLimit: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly bytesPerSecond: number
}

type Source = { readonly fleet: Fleet; readonly rates: ShardRates; readonly nowMs: number }

/** `nowMs`: the clock of the fleet memory. */
export function shardsFacts(view: ProgramView, source: Source): ShardsFacts {
  const shards = view.shards.map((_, id) => factsOf(view, source, id))
  const serving = shards.filter(({ state }) => state === 'running')
  const busy = serving.map(({ utilisation }) => utilisation)
  const slowest = serving[bottleneckOf(busy)]
  return {
    version: view.snapshot.version,
    maxConnections: view.maxConnections,
    shards,
    imbalance: imbalanceAmong(serving),
    bottleneck:
      slowest === undefined
        ? null
        : { shard: slowest.id, utilisation: slowest.utilisation, mean: round(imbalanceOf(busy).mean, 4) },
  }
}

function imbalanceAmong(serving: readonly ShardFacts[]): ShardsFacts['imbalance'] {
  const of = (value: (shard: ShardFacts) => number): CoreImbalance => {
    const { max, mean, index } = imbalanceOf(serving.map(value))
    return { max: round(max, 4), mean: round(mean, 4), index: round(index, 3) }
  }
  return {
    busy: of(({ utilisation }) => utilisation),
    connections: of(({ connections }) => connections),
    requests: of(({ requestsPerSecond }) => requestsPerSecond),
    bytes: of(({ bytesPerSecond }) => bytesPerSecond),
  }
}

function factsOf(view: ProgramView, { fleet, rates, nowMs }: Source, id: number): ShardFacts {
  const stripe = fleet.stripe(id)
  const { state = 'stopped', restarts = 0, deaths = 0 } = view.shards[id] ?? {}
  return {
    id,
    state,
    restarts,
    deaths,
    stalls: view.stalls[id] ?? 0,
    connections: gaugeTotal(stripe.listenerGauges, GAUGE.open),
    upstreamConnections: gaugeTotal(stripe.clusterGauges, GAUGE.open),
    inFlight: gaugeTotal(stripe.listenerGauges, GAUGE.inFlight),
    requests: requestsOf(stripe),
    requestsPerSecond: round(rates.requests[id] ?? 0, 1),
    utilisation: round(rates.utilisation[id] ?? 0, 4),
    ...threadFacts(fleet.vitals(id)),
    heartbeatAgeMs: ageOf(fleet.actor(id).lastBeatMs, nowMs),
    accepted: engineStat(stripe, 'accepted'),
    refusedOverLimit: engineStat(stripe, 'refusedOverLimit'),
    bytesIn: engineStat(stripe, 'bytesIn'),
    bytesOut: engineStat(stripe, 'bytesOut'),
    bytesPerSecond: round(rates.bytes[id] ?? 0, 0),
  }
}

function threadFacts(vitals: Float64Array): Pick<ShardFacts, 'delayMs' | 'heap' | 'gc' | 'loop' | 'cpuMs'> {
  const ms = (word: number): number => round(vitals[word]!, 2)
  return {
    delayMs: ms(VITAL.delayMs),
    heap: { usedBytes: vitals[VITAL.heapUsed]!, limitBytes: vitals[VITAL.heapLimit]! },
    gc: {
      pauses: vitals[VITAL.gcPauses]!,
      pauseMs: ms(VITAL.gcPauseMs),
      longestMs: ms(VITAL.gcPauseMaxMs),
    },
    loop: { delayMs: ms(VITAL.loopDelayMs), longestMs: ms(VITAL.loopDelayMaxMs) },
    cpuMs: ms(VITAL.cpuMs),
  }
}

function ageOf(beatMs: number, nowMs: number): number | null {
  return beatMs === 0 ? null : round(Math.max(0, nowMs - beatMs), 1)
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
