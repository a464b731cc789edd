import type { Fleet } from '../../../src/shm/fleet.ts'
import { CLUSTER_TABLE, LISTENER_TABLE } from '../../../src/telemetry/catalogue.ts'
import { OUTCOMES } from '../../../src/telemetry/outcome.ts'

/** What a shard counted: exchanges by outcome, tries beyond the first and connections that were stale when reused. */
export const outcomesOf = (fleet: Fleet, shard: number): Map<string, number> => {
  const { listeners, clusters } = fleet.stripe(shard)
  const counts = new Map<string, number>(
    OUTCOMES.map(({ name }, outcome) => [
      name,
      sum(listeners, LISTENER_TABLE.column.exchanges + outcome, LISTENER_TABLE.width),
    ]),
  )
  counts.set('stale-reuse', sum(clusters, CLUSTER_TABLE.column.staleReuses, CLUSTER_TABLE.width))
  const tries = {
    retry: 'retries',
    'retry-refused': 'retriesRefused',
    hedge: 'hedges',
    'hedge-won': 'hedgesWon',
  } as const
  for (const [name, column] of Object.entries(tries)) {
    counts.set(name, sum(clusters, CLUSTER_TABLE.column[column], CLUSTER_TABLE.width))
  }
  counts.set('pool-wait', sum(clusters, CLUSTER_TABLE.column.poolWaits, CLUSTER_TABLE.width))
  return counts
}

const sum = (table: Float64Array, column: number, width: number): number => {
  let total = 0
  for (let at = column; at < table.length; at += width) total += table[at] ?? 0
  return total
}
