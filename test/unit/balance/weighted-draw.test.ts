import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DistinctDraw } from '../../../src/balance/distinct-draw.ts'
import { WeightedDraw } from '../../../src/balance/weighted-draw.ts'
import { seededRng } from '../../../src/base/random.ts'
import { assertShares, sharesOf, tally } from '../../support/balance.ts'

const lineOf = (weights: readonly number[]): WeightedDraw => {
  const line = new WeightedDraw()
  line.rebuild(Float64Array.from(weights))
  return line
}

const orders = (weights: readonly number[], length: number): { order: number[]; chance: number }[] => {
  if (length === 0) return [{ order: [], chance: 1 }]
  return orders(weights, length - 1).flatMap(({ order, chance }) => {
    const left = weights.map((weight, i) => (order.includes(i) ? 0 : weight))
    return sharesOf(left).flatMap((share, i) =>
      share > 0 ? [{ order: [...order, i], chance: chance * share }] : [],
    )
  })
}

test('weighted draw: a point belongs to the index whose span it is in', () => {
  const line = lineOf([5, 1, 0, 2])
  assert.deepEqual(
    [0, 4.99, 5, 5.99, 6, 7.99, 8].map((point) => line.at(point)),
    [0, 0, 1, 1, 3, 3, 3],
  )
  assert.equal(line.sum, 8)
  assert.equal(line.drawable, 3)
  assert.equal(line.share(1), 1 / 8)
})

test('weighted draw: each comes by its weight, from 1 to a million', () => {
  const weights = [1_000_000, 1, 250_000, 31_000, 0, 500_000]
  const rng = seededRng(5)
  const line = lineOf(weights)
  const picks = Array.from({ length: 200_000 }, () => line.draw(rng))
  const [a = 0, b = 0, ...others] = tally(picks, 6)
  const [shareA = 0, shareB = 0, ...otherShares] = sharesOf(weights)
  assertShares([a + b, ...others], [shareA + shareB, ...otherShares])
  assert.ok(b <= 5, `one in 1.8 million came ${b} times in 200,000`)
})

test('weighted draw: with no weights at all, or none that are numbers, all are alike', () => {
  for (const weights of [
    [0, 0, 0],
    [Number.NaN, -1, Infinity],
  ]) {
    const rng = seededRng(6)
    const line = lineOf(weights)
    assert.equal(line.drawable, 3)
    assertShares(
      tally(
        Array.from({ length: 9000 }, () => line.draw(rng)),
        3,
      ),
      [1 / 3, 1 / 3, 1 / 3],
    )
  }
})

test('distinct draw: every order of two and of three comes as often as drawing by weight from the rest gives it', () => {
  for (const weights of [
    [1, 1, 1, 1],
    [1, 2, 5],
    [3, 0, 3, 1, 8],
    [1000, 1, 1, 1],
  ]) {
    for (const length of [2, 3]) {
      const draw = new DistinctDraw(lineOf(weights))
      const rng = seededRng(7)
      const expected = orders(weights, length)
      const counts = expected.map(() => 0)
      for (let i = 0; i < 40_000; i++) {
        const drawn = [draw.first(rng)]
        while (drawn.length < length) drawn.push(draw.another(rng))
        counts[expected.findIndex(({ order }) => order.join() === drawn.join())]!++
      }
      assertShares(
        counts,
        expected.map(({ chance }) => chance),
        `${length} of ${weights.join()}`,
      )
    }
  }
})

test('distinct draw: all of them, whatever their weights, each once', () => {
  const weights = Array.from({ length: 16 }, (_, i) => 10 ** ((i * 5) % 13) / 1e6)
  const draw = new DistinctDraw(lineOf(weights))
  for (let seed = 0; seed < 500; seed++) {
    const rng = seededRng(seed)
    const drawn = [draw.first(rng)]
    while (drawn.length < 16) drawn.push(draw.another(rng))
    assert.equal(new Set(drawn).size, 16)
  }
})
