import { ENGINE_STATS } from '../io/engine.ts'
import type { EngineStat } from '../io/engine.ts'
import type { Fleet, Stripe } from '../shm/fleet.ts'
import { GAUGE, GAUGE_WORDS } from '../shm/layout.ts'
import { LISTENER_TABLE } from '../telemetry/catalogue.ts'
import { OUTCOMES } from '../telemetry/outcome.ts'
import type { ProgramView } from './protocol.ts'

/** What the admin API says of shards, read out of shared memory: shapes are part of the contract with scripts. */

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
