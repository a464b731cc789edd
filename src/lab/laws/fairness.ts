import { seededRng } from '../../base/random.ts'
import { endpointModel } from '../fleet-model.ts'
import type { EndpointModel } from '../fleet-model.ts'
import { Simulation } from '../simulation.ts'
import { chiSquare, chiSquareLimit } from '../statistics.ts'
import { forAll, isByKey, makeView, pickOnce } from './law.ts'
import type { Law, Subject } from './law.ts'

/** Who gets how much, on simulated fleets and real time scales. */

const simulate = (
  { make, cost }: Subject,
  seed: number,
  parts: { endpoints: readonly EndpointModel[]; weights?: readonly number[]; perSecond: number },
): Simulation => new Simulation({ ...parts, shards: 2, sharing: true, tickMs: 1, policy: make, cost, seed })

const sharesOf = (picks: Float64Array, before?: Float64Array): number[] => {
  const counts = [...picks].map((count, i) => count - (before?.[i] ?? 0))
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.map((count) => count / total)
}

/** Least of its due share that a healthy endpoint gets. */
const LEAST = 0.5

const nobodyStarves: Law = {
  name: 'no identical endpoint starves, not even one that was slow once',
  excludes: 'traefik #12306',
  exempt: forAll,
  check: (subject, seed) => {
    for (const size of [2, 3, 10]) {
      const endpoints = Array.from({ length: size }, () => endpointModel())
      const simulation = simulate(subject, seed, { endpoints, perSecond: 40 * size })
      endpoints[0]!.serviceMs = 200
      simulation.run(5000)
      endpoints[0]!.serviceMs = 10
      simulation.run(60_000)
      const before = simulation.picks.slice()
      simulation.run(30_000)
      const shares = sharesOf(simulation.picks, before)
      const starved = shares.findIndex((share) => share < LEAST / size)
      if (starved >= 0)
        return `of ${size}, endpoint ${starved} gets ${((shares[starved] ?? 0) * 100).toFixed(2)} %`
    }
    return ''
  },
}

/** How far from its due share an endpoint may be. Tighter bounds of single policies stand with their own tests. */
const MOST = 2.5

const sharesFollowWeights: Law = {
  name: `shares follow weights: each within ${LEAST} … ${MOST} times what it is due`,
  excludes: '',
  exempt: (subject) =>
    subject.make().heedsWeights === true || isByKey(subject) ? '' : 'it heeds no weights',
  check: (subject, seed) => {
    const weights = [1, 2, 3, 6]
    const sum = 12
    const endpoints = weights.map(() => endpointModel({ serviceMs: 5, workers: 100 }))
    const simulation = simulate(subject, seed, { endpoints, weights, perSecond: 400 })
    simulation.run(40_000)
    const shares = sharesOf(simulation.picks)
    const off = shares.findIndex((share, i) => {
      const due = (weights[i] ?? 0) / sum
      return share < LEAST * due || share > MOST * due
    })
    if (off < 0) return ''
    const due = ((weights[off] ?? 0) / sum) * 100
    return `weight ${weights[off]} is due ${due.toFixed(1)} % and gets ${((shares[off] ?? 0) * 100).toFixed(1)} %`
  },
}

const INSTANCES = 4000

const noFirstPickBias: Law = {
  name: 'many shards that start together do not pick the same endpoint first',
  excludes: 'envoy #31378',
  exempt: (subject) => (isByKey(subject) ? 'the key decides' : ''),
  check: ({ make }, seed) => {
    const size = 8
    const view = makeView(size)
    const counts = Array.from({ length: size }, () => 0)
    for (let instance = 0; instance < INSTANCES; instance++) {
      const rng = seededRng(seed * INSTANCES + instance)
      const policy = make()
      policy.rebuild(view, rng)
      const index = pickOnce(policy, view, rng.uint32(), rng)
      counts[index] = (counts[index] ?? 0) + 1
    }
    const even = counts.map(() => 1 / size)
    const statistic = chiSquare(counts, even)
    return statistic < chiSquareLimit(size - 1)
      ? ''
      : `first picks of ${INSTANCES} shards: ${counts.join(' ')}`
  },
}

const PICKS = 20_000

const boundedBursts: Law = {
  name: 'no longer runs of one endpoint than chance would give',
  excludes: "envoy #3284, Caddy's weighted round robin",
  exempt: forAll,
  check: ({ make }, seed) => {
    const size = 4
    const rng = seededRng(seed)
    const view = makeView(size)
    const policy = make()
    policy.rebuild(view, rng)
    // Even by chance one of probability 1.5/n has a run this long once in a million times.
    const most = Math.ceil(1 + Math.log(PICKS * 1e6) / Math.log(size / 1.5))
    let run = 0
    let last = -1
    for (let i = 0; i < PICKS; i++) {
      view.nowMs += 1
      const index = pickOnce(policy, view, rng.uint32(), rng)
      run = index === last ? run + 1 : 1
      last = index
      if (run > most) return `endpoint ${index} was picked ${run} times in a row`
    }
    return ''
  },
}

export const FAIRNESS_LAWS: readonly Law[] = [
  nobodyStarves,
  sharesFollowWeights,
  noFirstPickBias,
  boundedBursts,
]
