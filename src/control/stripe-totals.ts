import { ENGINE_STATS } from '../io/engine.ts'
import type { EngineStat } from '../io/engine.ts'
import type { Stripe } from '../shm/fleet.ts'
import { GAUGE_WORDS } from '../shm/layout.ts'

/** What of a shard's stripe is summed wherever it is told. */
export function gaugeTotal(table: Int32Array, gauge: number): number {
  let sum = 0
  for (let at = gauge; at < table.length; at += GAUGE_WORDS) sum += Atomics.load(table, at)
  return sum
}

export function engineStat(stripe: Stripe, stat: EngineStat): number {
  return stripe.engine[ENGINE_STATS.indexOf(stat)] ?? 0
}
