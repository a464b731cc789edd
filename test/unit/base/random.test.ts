import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { mix32, seededRng, Sfc32 } from '../../../src/base/random.ts'

/** sfc32 again, from its definition, in unbounded integers. */
const referenceSfc32 = (seed: readonly [number, number, number], outputs: number): number[] => {
  const m = 0xffff_ffffn
  let [a, b, c] = seed.map((word) => BigInt(word) & m) as [bigint, bigint, bigint]
  let counter = 1n
  const step = (): bigint => {
    const out = (a + b + counter) & m
    counter = (counter + 1n) & m
    a = b ^ (b >> 9n)
    b = (c + ((c << 3n) & m)) & m
    c = ((((c << 21n) | (c >> 11n)) & m) + out) & m
    return out
  }
  for (let i = 0; i < 15; i++) step()
  return Array.from({ length: outputs }, () => Number(step()))
}

test('sfc32 = its definition over unbounded integers', () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      const rng = new Sfc32(a, b, c)
      assert.deepEqual(
        Array.from({ length: 50 }, () => rng.uint32()),
        referenceSfc32([a, b, c], 50),
      )
    }),
  )
})

test('next is in [0, 1) and a multiple of 2^-53, with mean and variance of the uniform distribution', () => {
  const rng = seededRng(7)
  const draws = 100_000
  let sum = 0
  let squares = 0
  for (let i = 0; i < draws; i++) {
    const x = rng.next()
    assert.ok(x >= 0 && x < 1 && Number.isInteger(x * 2 ** 53))
    sum += x
    squares += (x - 0.5) ** 2
  }
  // standard errors: 0.289/√n = 0.0009 and 0.0745/√n = 0.00024; five of each
  assert.ok(Math.abs(sum / draws - 0.5) < 0.005)
  assert.ok(Math.abs(squares / draws - 1 / 12) < 0.0012)
})

/** The statistic of Pearson's chi-squared test against the uniform distribution. */
const chiSquared = (n: number, draws: number, draw: () => number): number => {
  const counts = new Float64Array(n)
  for (let i = 0; i < draws; i++) counts[draw()]!++
  const expected = draws / n
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

test('below(n) is uniform: chi-squared within five standard deviations', () => {
  for (const n of [2, 3, 5, 6, 7, 10, 100, 1000]) {
    const rng = seededRng(n)
    const statistic = chiSquared(n, 1000 * n > 200_000 ? 200_000 : 1000 * n, () => rng.below(n))
    assert.ok(statistic < n - 1 + 5 * Math.sqrt(2 * n), `n = ${n}: ${statistic}`)
  }
})

test('below(n) has no modulo bias where n is close to 2^21 and beyond: thirds of the range are equally likely', () => {
  for (const n of [3 * 2 ** 19, 3 * 2 ** 29, 2 ** 31 + 3, 2 ** 32]) {
    const rng = seededRng(n)
    const third = n / 3
    const statistic = chiSquared(3, 60_000, () => Math.min(2, Math.floor(rng.below(n) / third)))
    assert.ok(statistic < 2 + 5 * 2, `n = ${n}: ${statistic}`)
  }
})

test('below(n) is an integer in [0, n) and refuses any other n', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, n) => {
      const x = seededRng(seed).below(n)
      assert.ok(Number.isInteger(x) && x >= 0 && x < n)
    }),
    { numRuns: 1000 },
  )
  for (const n of [0, -1, 2 ** 32 + 1, Number.NaN, 1.5])
    assert.throws(() => seededRng(1).below(n), RangeError)
})

test('the same seed gives the same stream; neighbouring seeds, also beyond 32 bits, do not', () => {
  const first = (seed: number): number => seededRng(seed).uint32()
  assert.equal(first(42), first(42))
  const seeds = [...Array(1000).keys(), ...Array.from({ length: 1000 }, (_, i) => 2 ** 40 + i), -1, -2]
  assert.equal(new Set(seeds.map(first)).size, seeds.length)
})

test('mix32 is a bijection on a sample and flips half of the bits', () => {
  const images = new Set(Array.from({ length: 50_000 }, (_, i) => mix32(i)))
  assert.equal(images.size, 50_000)
  let flipped = 0
  for (let i = 0; i < 1000; i++) {
    let bits = (mix32(i) ^ mix32(i ^ (1 << (i & 31)))) >>> 0
    for (; bits !== 0; bits &= bits - 1) flipped++
  }
  assert.ok(Math.abs(flipped / 1000 - 16) < 0.5)
})
