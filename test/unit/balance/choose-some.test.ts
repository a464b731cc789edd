import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChooseSome } from '../../../src/balance/choose-some.ts'
import { InFlightLoad } from '../../../src/balance/load.ts'
import { OnePlusBeta } from '../../../src/balance/one-plus-beta.ts'
import { NO_PICK } from '../../../src/balance/policy.ts'
import { WeightedRandom } from '../../../src/balance/weighted-random.ts'
import { seededRng } from '../../../src/base/random.ts'
import { assertShares, morePicks, picksOf, sharesOf, tally, viewOf } from '../../support/balance.ts'

const p2c = (choices = 2): ChooseSome => new ChooseSome(new InFlightLoad(), choices)
const even = (size: number): number[] => Array.from({ length: size }, () => 1)

test('power of d choices: of none there is no pick, of one only that', () => {
  assert.deepEqual(picksOf(p2c(), viewOf([]), 2), [NO_PICK, NO_PICK])
  assert.deepEqual(picksOf(p2c(), viewOf([7]), 3), [0, 0, 0])
  assert.deepEqual(picksOf(p2c(9), viewOf([7, 1]), 1).length, 1)
})

test('power of two: the two are different and every pair is as likely as any other, in either order', () => {
  const size = 7
  const view = viewOf(even(size))
  const policy = p2c()
  const rng = seededRng(3)
  policy.rebuild(view)
  const counts = Array.from({ length: size * size }, () => 0)
  for (let i = 0; i < 60_000; i++) {
    view.considered.clear()
    policy.pick(view, 0, rng)
    assert.equal(view.considered.count, 2)
    counts[view.considered.indexes[0]! * size + view.considered.indexes[1]!]!++
  }
  assertShares(
    counts,
    counts.map((_, i) => (i % (size + 1) === 0 ? 0 : 1 / (size * (size - 1)))),
  )
})

test('power of two: the less loaded is picked; load counts by weight', () => {
  const view = viewOf([1, 1])
  view.inFlight.set([3, 2])
  assert.deepEqual(picksOf(p2c(), view, 3), [1, 1, 1])
  const weighted = viewOf([4, 1])
  weighted.inFlight.set([7, 2])
  assert.deepEqual(picksOf(p2c(), weighted, 3), [0, 0, 0])
  weighted.inFlight.set([10, 2])
  assert.deepEqual(picksOf(p2c(), weighted, 3), [1, 1, 1])
})

test('power of two of four with loads 0, 1, 2, 3: the least loaded has 1/2, then 1/3, 1/6 and none', () => {
  const view = viewOf(even(4))
  view.inFlight.set([2, 0, 3, 1])
  const shares = [1 / 6, 1 / 2, 0, 1 / 3]
  assertShares(tally(picksOf(p2c(), view, 20_000), 4), shares)
  const policy = p2c()
  policy.rebuild(view)
  shares.forEach((share, i) => assert.ok(Math.abs(policy.propensity(view, 0, i) - share) < 1e-12))
})

test('power of three of four with loads 0, 1, 1, 2: by counting', () => {
  const view = viewOf(even(4))
  view.inFlight.set([0, 1, 1, 2])
  // Four draws of three: three hold the idle one, {1, 1, 2} is the fourth.
  const shares = [3 / 4, 1 / 8, 1 / 8, 0]
  assertShares(tally(picksOf(p2c(3), view, 20_000), 4), shares)
  const policy = p2c(3)
  policy.rebuild(view)
  shares.forEach((share, i) => assert.ok(Math.abs(policy.propensity(view, 0, i) - share) < 1e-12))
})

test('power of two while idle: shares are the weights, a light endpoint starves beside no heavy one', () => {
  for (const weights of [
    [3, 1],
    [100, 1, 20, 7],
    [1_000_000, 200_000, 50_000],
  ]) {
    const counts = tally(picksOf(p2c(), viewOf(weights), 30_000), weights.length)
    assertShares(counts, sharesOf(weights), weights.join())
  }
})

test('power of two: what slow start lowers counts at once', () => {
  const view = viewOf([1, 1, 1])
  const policy = p2c()
  policy.rebuild(view)
  view.weights[2] = 0.1
  policy.reweigh(view)
  assertShares(tally(morePicks(policy, view, 30_000, seededRng(4)), 3), sharesOf([1, 1, 0.1]))
})

test('(1+β): of loads 0 and 1 the idle one has β + (1 − β) / 2', () => {
  const view = viewOf([1, 1])
  view.inFlight.set([1, 0])
  for (const beta of [0, 0.3, 0.5, 1]) {
    const policy = new OnePlusBeta(beta)
    const shares = [(1 - beta) / 2, beta + (1 - beta) / 2]
    assertShares(tally(picksOf(policy, view, 20_000), 2), shares, `${beta}`)
    shares.forEach((share, i) => assert.ok(Math.abs(policy.propensity(view, 0, i) - share) < 1e-12))
  }
  assert.deepEqual(picksOf(new OnePlusBeta(0.5), viewOf([]), 4), [NO_PICK, NO_PICK, NO_PICK, NO_PICK])
})

test('weighted random: by weight, whatever the load', () => {
  const weights = [1, 2, 5, 1000]
  const view = viewOf(weights)
  view.inFlight.set([9, 0, 1, 99])
  assertShares(tally(picksOf(new WeightedRandom(), view, 50_000), 4), sharesOf(weights))
  assert.deepEqual(picksOf(new WeightedRandom(), viewOf([]), 1), [NO_PICK])
})
