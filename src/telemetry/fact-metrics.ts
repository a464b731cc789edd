import { publishedOn } from '../shm/broadcast.ts'
import type { Fleet } from '../shm/fleet.ts'
import { STALENESS } from './catalogue.ts'
import type { MetricFamily, Sample } from './exposition.ts'
import { histogramCount, histogramSum, quantile } from './histogram.ts'

const QUANTILES = [0.5, 0.99] as const

/** How the fleet's facts travel: what was said by whom, and how old it was when each shard made use of it. */
export const factFamilies = (fleet: Fleet): MetricFamily[] => {
  const shards = fleet.live.map(({ shard }) => ({ who: shard, label: `shard ${shard}` }))
  const actors = [...shards, { who: 'main', label: 'main' }, { who: 'health', label: 'health' }] as const
  return [
    {
      name: 'weir_facts_published_total',
      help: 'Records said to all actors.',
      type: 'counter',
      samples: actors.map(({ who, label }) => ({
        labels: { actor: label },
        value: publishedOn(fleet.ring(who)),
      })),
    },
    {
      name: 'weir_shard_fact_staleness_seconds',
      help: 'Age of the facts of others when the shard made use of them.',
      type: 'summary',
      samples: fleet.live.flatMap(({ shard, counters }) => staleness(String(shard), counters)),
    },
  ]
}

/** A shard that never heard anything has no quantiles. */
const staleness = (shard: string, counters: Float64Array): Sample[] => {
  const count = histogramCount(counters, STALENESS)
  const seconds = (us: number): number => us / 1e6
  const quantiles = QUANTILES.map((q) => ({
    labels: { shard, quantile: String(q) },
    value: seconds(quantile(counters, STALENESS, q)),
  }))
  return [
    ...(count === 0 ? [] : quantiles),
    { suffix: '_sum', labels: { shard }, value: seconds(histogramSum(counters, STALENESS)) },
    { suffix: '_count', labels: { shard }, value: count },
  ]
}
