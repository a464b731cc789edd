import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EarliestDeadline } from '../../../src/balance/earliest-deadline.ts'
import { LeastRequestEdf, LeastRequestScan } from '../../../src/balance/least-request.ts'
import { NO_PICK } from '../../../src/balance/policy.ts'
import { seededRng } from '../../../src/base/random.ts'
import { assertShares, morePicks, picksOf, sharesOf, tally, viewOf } from '../../support/balance.ts'

const turnsOf = (periods: readonly number[], count: number, seed = 1): number[] => {
  const turns = new EarliestDeadline()
  turns.start(Float64Array.from(periods), seededRng(seed))
  return Array.from({ length: count }, () => {
    const index = turns.next()
    turns.again(periods[index]!)
    return index
  })
}

test('least request, scan: none, one, the least loaded per weight', () => {
  assert.deepEqual(picksOf(new LeastRequestScan(), viewOf([]), 1), [NO_PICK])
  assert.deepEqual(picksOf(new LeastRequestScan(), viewOf([3]), 2), [0, 0])
  const view = viewOf([1, 4, 2])
  view.inFlight.set([2, 6, 4])
  assert.deepEqual(picksOf(new LeastRequestScan(), view, 3), [1, 1, 1])
})

test('least request, scan: equally loaded ones by weight, none favoured for its index', () => {
  const view = viewOf([1, 1, 3, 1, 2])
  view.inFlight.set([0, 5, 0, 0, 2])
  const policy = new LeastRequestScan()
  assertShares(tally(picksOf(policy, view, 20_000), 5), [1 / 5, 0, 3 / 5, 1 / 5, 0])
  assert.ok(Math.abs(policy.propensity(view, 0, 2) - 3 / 5) < 1e-12)
  assert.equal(policy.propensity(view, 0, 1), 0)
  // The mean weight is 1.6: the last has 1.25 places, one of them taken.
  view.inFlight[4] = 1
  assertShares(tally(picksOf(policy, view, 20_000), 5), sharesOf([0.625, 0, 1.875, 0.625, 0.25]))
})

test('least request, scan: of 10,000 the single idle one', () => {
  const view = viewOf(Array.from({ length: 10_000 }, () => 1))
  view.inFlight.fill(1)
  view.inFlight[7777] = 0
  assert.deepEqual(picksOf(new LeastRequestScan(), view, 2), [7777, 7777])
  assert.equal(view.considered.indexes[0], 7777)
})

test('earliest deadline: periods 1 and 2 alternate two to one, without bursts', () => {
  const turns = turnsOf([1, 2], 30).join('')
  assert.match(turns, /^0?0?(100)+1?0?$/)
})

test('earliest deadline: who comes first is drawn by weight (envoy #31378)', () => {
  for (const weights of [
    [3, 1],
    [1, 1, 1, 1],
    [10, 5, 1],
  ]) {
    const periods = weights.map((weight) => 1 / weight)
    const firsts = Array.from({ length: 20_000 }, (_, seed) => turnsOf(periods, 1, seed)[0]!)
    assertShares(tally(firsts, weights.length), sharesOf(weights), weights.join())
  }
})

test('earliest deadline: the order after saving and restoring is the same', () => {
  const periods = Float64Array.from([3, 1, 2, 5, 1])
  const one = new EarliestDeadline()
  one.start(periods, seededRng(1))
  for (let i = 0; i < 17; i++) one.again(periods[one.next()]!)
  const state = new Float64Array(7)
  assert.equal(one.save(state, 1), -1)
  assert.equal(one.save(state, 0), 7)
  const other = new EarliestDeadline()
  other.start(periods, seededRng(2))
  other.restore(state, 0)
  for (let i = 0; i < 50; i++) {
    assert.equal(other.next(), one.next())
    one.again(periods[one.next()]!)
    other.again(periods[other.next()]!)
  }
})

test('least request, edf: turns in proportion to weight / (in flight + 1)^bias', () => {
  for (const [bias, shares] of [
    [0, sharesOf([1, 2, 1])],
    [1, sharesOf([1, 1, 1 / 4])],
    [2, sharesOf([1, 1 / 2, 1 / 16])],
  ] as const) {
    const view = viewOf([1, 2, 1])
    view.inFlight.set([0, 1, 3])
    const counts = tally(picksOf(new LeastRequestEdf(bias), view, 10_000), 3)
    shares.forEach((share, i) =>
      assert.ok(Math.abs(counts[i]! - share * 10_000) <= 2, `${bias}: ${counts.join()}`),
    )
  }
})

test('least request, edf: one in slow start has its share as soon as its weight has grown (envoy #19437)', () => {
  const view = viewOf([1, 1, 1])
  view.weights[2] = 1e-6
  const policy = new LeastRequestEdf(1)
  const rng = seededRng(9)
  policy.rebuild(view, rng)
  assert.equal(tally(morePicks(policy, view, 3000, rng), 3)[2]! <= 1, true)
  view.weights[2] = 1
  policy.reweigh(view)
  const counts = tally(morePicks(policy, view, 30, rng), 3)
  assert.ok(counts[2]! >= 9, counts.join())
})
