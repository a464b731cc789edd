import { costModelOf } from '../balance/cost.ts'
import { makePolicy } from '../balance/registry.ts'
import type { PolicyOptions } from '../config/snapshot.ts'
import { endpointModel } from './fleet-model.ts'
import { Simulation } from './simulation.ts'

export type ImbalanceCase = {
  readonly policy: string
  readonly options: PolicyOptions
  readonly endpoints: number
  readonly shards: number
  readonly sharing: boolean
  readonly tickMs: number
  /** Of the fleet's capacity, 0…1. */
  readonly utilisation: number
  readonly seed: number
}

/** How evenly the exchanges under way lie on the fleet: averages over samples in time. */
export type Imbalance = {
  /** Most under way at one endpoint over the mean. */
  readonly maxOverMean: number
  /** Standard deviation over mean. */
  readonly variation: number
  readonly meanLatencyMs: number
}

const WARM_UP_MS = 200
const SAMPLES = 100

/** Ten workers of 10 ms each per endpoint. Runs as long as it takes for each endpoint to see a few hundred requests. */
export const measureImbalance = (spec: ImbalanceCase): Imbalance => {
  const { policy, options, endpoints, shards, sharing, tickMs, utilisation, seed } = spec
  const model = endpointModel()
  const capacityPerSecond = (endpoints * model.workers * 1000) / model.serviceMs
  const simulation = new Simulation({
    endpoints: Array.from({ length: endpoints }, () => endpointModel()),
    shards,
    sharing,
    tickMs,
    perSecond: capacityPerSecond * utilisation,
    policy: () => makePolicy({ name: policy, options }),
    cost: costModelOf({ name: policy, options }),
    seed,
  })
  simulation.run(WARM_UP_MS)
  let maxOverMean = 0
  let variation = 0
  const everyMs = 5
  const before = { sumMs: simulation.latencySumMs, answered: simulation.answered }
  simulation.run(SAMPLES * everyMs, everyMs, ({ inFlight }) => {
    let sum = 0
    let squares = 0
    let max = 0
    for (const count of inFlight) {
      sum += count
      squares += count * count
      max = Math.max(max, count)
    }
    const mean = sum / endpoints
    if (mean === 0) return
    maxOverMean += max / mean / SAMPLES
    variation += Math.sqrt(Math.max(0, squares / endpoints - mean * mean)) / mean / SAMPLES
  })
  const answered = simulation.answered - before.answered
  return { maxOverMean, variation, meanLatencyMs: (simulation.latencySumMs - before.sumMs) / answered }
}
