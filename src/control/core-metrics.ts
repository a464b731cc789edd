import type { MetricFamily } from '../telemetry/exposition.ts'
import type { ShardsFacts } from './shard-facts.ts'

/** How evenly the work lies on the shards, as `/api/v1/shards` says it. */
export function coreFamilies({ imbalance, bottleneck, shards }: ShardsFacts): readonly MetricFamily[] {
  return [
    {
      name: 'weir_shard_imbalance',
      help: 'Most of a shard over the mean of all: 1 is even, the number of shards is all on one.',
      type: 'gauge',
      samples: Object.entries(imbalance).map(([of, { index }]) => ({ labels: { of }, value: index })),
    },
    {
      name: 'weir_shard_bottleneck',
      help: '1 for the shard that holds the others up although they have time on the average.',
      type: 'gauge',
      samples: shards.map(({ id }) => ({
        labels: { shard: String(id) },
        value: Number(bottleneck?.shard === id),
      })),
    },
    {
      name: 'weir_shard_utilisation_ratio',
      help: 'Share of the time since last asked, but at least a second, that the shard was busy.',
      type: 'gauge',
      samples: shards.map(({ id, utilisation }) => ({ labels: { shard: String(id) }, value: utilisation })),
    },
  ]
}
