import { count, cutEnd, number, percent } from './figures.ts'
import type { ShardFacts, ShardsFacts } from './shard-facts.ts'

/** The shards in `weir status`: a line, and another if one of them holds the others up or is out of service. At most 100 columns wide. */
const WIDTH = 100
/** How many are told one by one. */
const MOST = 8

export function shardsText({ shards, imbalance, bottleneck }: ShardsFacts): string {
  const serving = shards.filter(({ state }) => state === 'running')
  const sum = (of: (shard: ShardFacts) => number): number => shards.reduce((all, shard) => all + of(shard), 0)
  const head = [
    `shards  ${serving.length} of ${shards.length} in service`,
    `${count(sum(({ connections }) => connections))} connections`,
    `${number(sum(({ requestsPerSecond }) => requestsPerSecond))} requests/s`,
    `busy ${percent(imbalance.busy.mean)} on average, ${percent(imbalance.busy.max)} at most`,
  ].join('  ')
  const notes: string[] = []
  if (bottleneck !== null) {
    const { shard, utilisation, mean } = bottleneck
    notes.push(
      `BOTTLENECK: shard ${shard} is busy ${percent(utilisation)} of the time, all are ${percent(mean)}`,
    )
  }
  const out = shards.filter(({ state }) => state !== 'running')
  const named = out.slice(0, MOST).map(({ id, state }) => `shard ${id} ${state}`)
  if (out.length > MOST) named.push(`and ${out.length - MOST} more`)
  if (named.length > 0) notes.push(named.join(', '))
  return [head, ...notes.map((note) => `  ${note}`)].map((line) => `${cutEnd(line, WIDTH)}\n`).join('')
}
