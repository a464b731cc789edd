import { endpointModel } from '../fleet-model.ts'
import { Simulation } from '../simulation.ts'
import type { Law, Subject } from './law.ts'

/**
 * Policies that look at nothing but exchanges under way cannot tell an endpoint that fails at once from one that is quick. Under them the
 * outlier rules take it out (`health/outliers.ts`), which is a law of the health actor.
 */
const BLIND = new Set(['p2c', 'least-request', 'one-plus-beta', 'prequal'])

const SIZE = 4

const failingGainsNothing: Law = {
  name: 'an endpoint that fails fast never gains traffic',
  excludes: 'fasthttp PR #865',
  exempt: ({ name, options }: Subject) =>
    BLIND.has(name) || Number(options['boundedLoad'] ?? 0) > 0
      ? 'it looks at exchanges under way and knows no failures: the outlier rules eject such an endpoint'
      : '',
  check: ({ make, cost }, seed) => {
    const endpoints = Array.from({ length: SIZE }, () => endpointModel())
    const simulation = new Simulation({
      endpoints,
      shards: 2,
      sharing: true,
      tickMs: 1,
      perSecond: 800,
      policy: make,
      cost,
      seed,
    })
    simulation.run(20_000)
    const before = simulation.picks.slice()
    endpoints[0]!.failing = 1
    simulation.run(20_000)
    const after = simulation.picks.map((count, i) => count - before[i]!)
    const shareOf = (picks: Float64Array): number => picks[0]! / picks.reduce((sum, count) => sum + count, 0)
    const was = shareOf(before)
    const is = shareOf(after)
    return is <= was * 1.1 + 0.01
      ? ''
      : `had ${(was * 100).toFixed(1)} %, failing it gets ${(is * 100).toFixed(1)} %`
  },
}

export const FAILURE_LAWS: readonly Law[] = [failingGainsNothing]
