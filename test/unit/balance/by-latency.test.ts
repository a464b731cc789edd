import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LeastTime } from '../../../src/balance/least-time.ts'
import { CostLoad, peakEwma } from '../../../src/balance/peak-ewma.ts'
import { NO_PICK } from '../../../src/balance/policy.ts'
import type { ClusterView } from '../../../src/balance/view.ts'
import { seededRng } from '../../../src/base/random.ts'
import { assertShares, morePicks, picksOf, tally, viewOf } from '../../support/balance.ts'

const OPTIONS = { decayMs: 10_000, choices: 2, explore: 0 }

/** Endpoints of weight 1 with costs measured just now; undefined: never. */
const measured = (costs: readonly (number | undefined)[]): ClusterView => {
  const view = viewOf(costs.map(() => 1))
  costs.forEach((cost, i) => {
    if (cost === undefined) return
    view.cost[i] = cost
    view.costAtMs[i] = view.nowMs
  })
  return view
}

test('peak EWMA: load is the decayed cost times those under way and one', () => {
  const view = measured([40, 40])
  view.costAtMs[1] = view.nowMs - 10_000
  view.inFlight.set([2, 3])
  const load = new CostLoad(10_000)
  load.rebuild(view)
  assert.equal(load.of(view, 0), 120)
  assert.ok(Math.abs(load.of(view, 1) - 160 * Math.exp(-1)) < 1e-9)
})

test('peak EWMA: three times the mean weight bears three exchanges as one bears one', () => {
  const view = measured([10, 10])
  view.weights.set([3, 1])
  const load = new CostLoad(10_000)
  load.rebuild(view)
  view.inFlight.set([1, 0])
  assert.equal(load.of(view, 0), 10)
  view.inFlight.set([2, 1])
  assert.deepEqual([load.of(view, 0), load.of(view, 1)], [20, 30])
})

test('peak EWMA: one never measured is typical while idle, and nobody prefers it while its first request is under way', () => {
  const view = measured([10, 30, undefined])
  const load = new CostLoad(10_000)
  load.rebuild(view)
  assert.equal(load.of(view, 2), 20)
  view.inFlight.set([50, 50, 1])
  assert.ok(load.of(view, 2) > load.of(view, 1))
})

test('peak EWMA: what is typical is learned from those compared', () => {
  const view = measured([10, 10, undefined])
  const policy = peakEwma(OPTIONS)
  const load = new CostLoad(10_000)
  load.rebuild(view)
  for (let i = 0; i < 2000; i++) load.learn(measured([80, 80]), i % 2)
  assert.ok(Math.abs(load.of(view, 2) - 80) < 0.1)
  assert.equal(picksOf(policy, view, 1).length, 1)
})

test('peak EWMA: a cold start sends one request to each, not a flood to one', () => {
  const view = measured([undefined, undefined, undefined, undefined])
  const policy = peakEwma({ ...OPTIONS, choices: 4 })
  const rng = seededRng(2)
  policy.rebuild(view, rng)
  const firsts = Array.from({ length: 4 }, () => {
    const index = policy.pick(view, 0, rng)
    view.inFlight[index]!++
    return index
  })
  assert.deepEqual(new Set(firsts), new Set([0, 1, 2, 3]))
})

test('least time: the quickest for what is under way', () => {
  assert.deepEqual(picksOf(new LeastTime(OPTIONS), viewOf([]), 1), [NO_PICK])
  const view = measured([30, 10, 40])
  assert.deepEqual(picksOf(new LeastTime(OPTIONS), view, 3), [1, 1, 1])
  view.inFlight.set([0, 3, 0])
  assert.deepEqual(picksOf(new LeastTime(OPTIONS), view, 3), [0, 0, 0])
})

test('least time: what is alike within a fifth is chosen among by weight', () => {
  const view = measured([10, 11.9, 12.1, 10.4])
  view.weights[0] = 2
  assertShares(tally(picksOf(new LeastTime(OPTIONS), view, 20_000), 4), [1 / 2, 1 / 4, 0, 1 / 4])
})

test('least time: an average that is not renewed moves to the mean, in which fresh ones count for more', () => {
  const view = measured([10, 100])
  const policy = new LeastTime(OPTIONS)
  const rng = seededRng(1)
  policy.rebuild(view)
  assert.deepEqual(new Set(morePicks(policy, view, 50, rng)), new Set([0]))
  view.nowMs += 60_000
  view.costAtMs[0] = view.nowMs
  // e⁻⁶ is left of what it was above the mean: 10.22 + 0.22 is alike with 10.
  assertShares(tally(morePicks(policy, view, 20_000, rng), 2), [1 / 2, 1 / 2])
})

test('least time: a share is drawn whatever the times, and says so', () => {
  const view = measured([10, 100])
  const policy = new LeastTime({ ...OPTIONS, explore: 0.2 })
  assertShares(tally(picksOf(policy, view, 20_000), 2), [0.9, 0.1])
  assert.ok(Math.abs(policy.propensity(view, 0, 0) - 0.9) < 1e-12)
  assert.ok(Math.abs(policy.propensity(view, 0, 1) - 0.1) < 1e-12)
})

test('least time: who came lately goes by all its answers, not by its slow first one; unless it fails', () => {
  const view = measured([10, 50])
  view.succeeded.set([1000, 100])
  view.latencySumMs.set([10_000, 1100])
  view.readySinceMs[1] = view.nowMs - 20_000
  assertShares(tally(picksOf(new LeastTime(OPTIONS), view, 9000), 2), [1 / 2, 1 / 2])
  view.failed[1] = 3
  assert.deepEqual(new Set(picksOf(new LeastTime(OPTIONS), view, 50)), new Set([0]))
  view.failed[1] = 0
  view.readySinceMs[1] = view.nowMs - 31_000
  assert.deepEqual(new Set(picksOf(new LeastTime(OPTIONS), view, 50)), new Set([0]))
})
