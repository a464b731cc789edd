import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_PICK } from '../../../src/balance/policy.ts'
import { Random } from '../../../src/balance/random.ts'
import { chiSquare, chiSquareLimit, picksOf, tally, viewOf } from '../../support/balance.ts'

const even = (size: number): number[] => Array.from({ length: size }, () => 1 / size)

test('random: of none there is no pick, of one only that', () => {
  assert.deepEqual(picksOf(new Random(), viewOf([]), 2), [NO_PICK, NO_PICK])
  assert.deepEqual(picksOf(new Random(), viewOf([3]), 3), [0, 0, 0])
})

test('random: every endpoint is as likely as any other, whatever the weights', () => {
  for (const size of [2, 3, 10, 1000]) {
    const weights = Array.from({ length: size }, (_, i) => 1 + (i % 7) * 100_000)
    const counts = tally(picksOf(new Random(), viewOf(weights), size * 200), size)
    const statistic = chiSquare(counts, even(size))
    assert.ok(statistic < chiSquareLimit(size - 1), `${size} endpoints: chi-square ${statistic}`)
  }
})

test('random: a pick says nothing about the next', () => {
  const picks = picksOf(new Random(), viewOf([1, 1, 1, 1, 1]), 50_000)
  const pairs = picks.slice(1).map((pick, i) => (picks[i] ?? 0) * 5 + pick)
  assert.ok(chiSquare(tally(pairs, 25), even(25)) < chiSquareLimit(24))
})
