import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_PICK } from '../../../src/balance/policy.ts'
import { RoundRobin } from '../../../src/balance/round-robin.ts'
import { seededRng } from '../../../src/base/random.ts'
import { chiSquare, chiSquareLimit, picksOf, tally, viewOf } from '../../support/balance.ts'

test('round robin: of none there is no pick, of one only that', () => {
  assert.deepEqual(picksOf(new RoundRobin(), viewOf([]), 2), [NO_PICK, NO_PICK])
  assert.deepEqual(picksOf(new RoundRobin(), viewOf([7]), 3), [0, 0, 0])
})

test('round robin: 5, 1, 1 goes the way nginx documents it, a a b a c a a, from any point of the cycle on', () => {
  const rotations = Array.from('aabacaa', (_, i) => 'aabacaa'.slice(i) + 'aabacaa'.slice(0, i))
  const mirrored = rotations.map((cycle) => cycle.replaceAll(/[bc]/g, (x) => (x === 'b' ? 'c' : 'b')))
  const seen = new Set<string>()
  for (let seed = 0; seed < 500; seed++) {
    const picks = picksOf(new RoundRobin(), viewOf([5, 1, 1]), 7, seededRng(seed))
    seen.add(picks.map((pick) => 'abc'[pick]).join(''))
  }
  for (const cycle of [...rotations, ...mirrored]) assert.ok(seen.has(cycle), cycle)
})

test('round robin: a fleet of shards spreads its first picks by weight, not over the heaviest (envoy #31378)', () => {
  for (const weights of [
    [1, 1],
    [3, 2],
    [5, 1, 1],
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 2],
    [10, 7, 7, 3, 20],
  ]) {
    const sum = weights.reduce((a, b) => a + b)
    const shards = 20_000
    const firsts = Array.from(
      { length: shards },
      (_, seed) => picksOf(new RoundRobin(), viewOf(weights), 1, seededRng(seed))[0] ?? NO_PICK,
    )
    const shares = weights.map((weight) => weight / sum)
    const statistic = chiSquare(tally(firsts, weights.length), shares)
    assert.ok(statistic < chiSquareLimit(weights.length - 1), `${weights.join()}: chi-square ${statistic}`)
  }
})

test('round robin: a thousand endpoints, one of them lighter by a million, are prepared in bounded time', () => {
  const weights = Array.from({ length: 1000 }, (_, i) => (i === 500 ? 1 : 1_000_000))
  // The lightest is what is drawn: far too far ahead to be waited for.
  const rng = { next: () => 500e6 / 999_000_001 + 1e-12, below: () => 0, uint32: () => 0 }
  const picks = picksOf(new RoundRobin(), viewOf(weights), 999, rng)
  assert.equal(new Set(picks).size, 999)
})

test('round robin: weights that change begin a cycle of their own', () => {
  const policy = new RoundRobin()
  assert.deepEqual(tally(picksOf(policy, viewOf([1, 2, 3]), 6), 3), [1, 2, 3])
  assert.deepEqual(tally(picksOf(policy, viewOf([4, 1]), 5), 2), [4, 1])
  assert.deepEqual(tally(picksOf(policy, viewOf([2, 2, 2, 2]), 4), 4), [1, 1, 1, 1])
})
