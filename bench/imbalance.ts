import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Piscina } from 'piscina'
import type { Imbalance, ImbalanceCase } from '../src/lab/imbalance.ts'
import { table } from './load/report.ts'

/**
 * How evenly N shards that share what they know load a fleet, against N that do not and against one that knows all by itself: the policies
 * that run live, on a simulated fleet. `npm run bench:imbalance [-- --policies p2c --endpoints 10,100 --seeds 3]`.
 */
const { values } = parseArgs({
  options: {
    policies: { type: 'string', default: 'p2c,least-request,one-plus-beta,round-robin,random' },
    endpoints: { type: 'string', default: '10,100,1000' },
    shards: { type: 'string', default: '1,2,4,16,64' },
    utilisation: { type: 'string', default: '0.7' },
    tick: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '3' },
  },
})

const numbers = (text: string): number[] => text.split(',').map(Number)
const seeds = Number(values.seeds)
const pool = new Piscina({
  filename: join(import.meta.dirname, '../workers/lab.ts'),
  maxThreads: availableParallelism(),
})

const measure = async (spec: Omit<ImbalanceCase, 'seed'>): Promise<Imbalance> => {
  const runs = await Promise.all(
    Array.from(
      { length: seeds },
      (_, seed) => pool.run({ ...spec, seed: seed + 1 }, { name: 'imbalance' }) as Promise<Imbalance>,
    ),
  )
  const mean = (key: keyof Imbalance): number => runs.reduce((sum, run) => sum + run[key], 0) / seeds
  return {
    maxOverMean: mean('maxOverMean'),
    variation: mean('variation'),
    meanLatencyMs: mean('meanLatencyMs'),
  }
}

const cells = ({ maxOverMean, variation, meanLatencyMs }: Imbalance): string[] => [
  maxOverMean.toFixed(2),
  variation.toFixed(3),
  meanLatencyMs.toFixed(1),
]

const header = ['policy', 'shards', 'knowing', 'max/mean', 'variation', 'mean ms']
for (const endpoints of numbers(values.endpoints)) {
  const rows: string[][] = []
  for (const policy of values.policies.split(',')) {
    for (const shards of numbers(values.shards)) {
      for (const sharing of shards === 1 ? [true] : [true, false]) {
        const utilisation = Number(values.utilisation)
        const tickMs = Number(values.tick)
        const result = await measure({ policy, options: {}, endpoints, shards, sharing, tickMs, utilisation })
        const knowing = shards === 1 ? 'all' : sharing ? 'shared' : 'own part'
        rows.push([policy, String(shards), knowing, ...cells(result)])
      }
    }
  }
  process.stdout.write(`\n## ${endpoints} endpoints\n\n${table(header, rows)}\n`)
}
await pool.destroy()
