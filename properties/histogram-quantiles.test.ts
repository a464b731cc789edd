import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  bucketOf,
  cumulativeCounts,
  EXPOSED_BOUNDS,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_WIDTH,
  histogramCount,
  histogramSum,
  lowerBound,
  mergeHistogram,
  observe,
  quantile,
} from '../src/telemetry/histogram.ts'

const microseconds = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 100_000 }),
  fc.double({ min: 0, max: 2 ** 33, noNaN: true }),
  fc.nat(31).map((exponent) => 2 ** exponent),
  fc.nat(31).map((exponent) => 2 ** exponent - 1),
)
const samples = fc.array(microseconds, { minLength: 1, maxLength: 400, size: 'max' })

const histogramOf = (values: readonly number[]): Float64Array => {
  const row = new Float64Array(HISTOGRAM_WIDTH)
  for (const value of values) observe(row, 0, value)
  return row
}

/** What the histogram takes a value for. */
const whole = (us: number): number => Math.min(Math.floor(us), 2 ** 32 - 1)

test('histogram: every whole value lies in its bucket, buckets are ascending and without gaps', () => {
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    const [low, end] = [lowerBound(bucket), lowerBound(bucket + 1)]
    assert.ok(low < end)
    assert.equal(bucketOf(low), bucket)
    assert.equal(bucketOf(end - 1), bucket)
    assert.ok(end - low === 1 || (end - low) / low <= 1 / 16)
  }
  assert.equal(lowerBound(HISTOGRAM_BUCKETS), 2 ** 32)
  fc.assert(
    fc.property(microseconds, (us) => {
      const bucket = bucketOf(us)
      assert.ok(lowerBound(bucket) <= whole(us) && whole(us) < lowerBound(bucket + 1))
    }),
  )
})

test('histogram quantile = exact quantile of the sorted values within 1/32, exact below 16 µs', () => {
  fc.assert(
    fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const sorted = values.map(whole).toSorted((a, b) => a - b)
      const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!
      const estimate = quantile(histogramOf(values), 0, q)
      if (exact < 16) assert.equal(estimate, exact)
      else assert.ok(Math.abs(estimate - exact) <= exact / 32, `${estimate} for ${exact}`)
    }),
    { numRuns: 500 },
  )
})

test('histogram: merging parts in any cut = one histogram of all', () => {
  fc.assert(
    fc.property(samples, fc.nat(400), (values, cut) => {
      const merged = new Float64Array(HISTOGRAM_WIDTH + 8)
      mergeHistogram(merged, 8, histogramOf(values.slice(0, cut)), 0)
      mergeHistogram(merged, 8, histogramOf(values.slice(cut)), 0)
      const all = histogramOf(values)
      for (let i = 0; i < HISTOGRAM_BUCKETS; i++) assert.equal(merged[8 + i], all[i])
      assert.equal(histogramCount(merged, 8), values.length)
      const sum = values.reduce((total, value) => total + value, 0)
      assert.ok(Math.abs(histogramSum(merged, 8) - sum) <= sum * 1e-12)
    }),
  )
})

test('histogram: exposed counts = number of values below each bound, exactly', () => {
  fc.assert(
    fc.property(samples, (values) => {
      const counts = cumulativeCounts(histogramOf(values), 0)
      const expected = EXPOSED_BOUNDS.map(
        (bound) => values.filter((us) => whole(us) < Math.round(bound * 1e6)).length,
      )
      assert.deepEqual(counts, [...expected, values.length])
    }),
  )
})

test('histogram: negative values and NaN count as 0, an empty one has no quantile', () => {
  const row = histogramOf([-5, Number.NaN, -0])
  assert.equal(row[0], 3)
  assert.equal(histogramSum(row, 0), 0)
  assert.ok(Number.isNaN(quantile(new Float64Array(HISTOGRAM_WIDTH), 0, 0.5)))
})
