import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_COST_MS, costModelOf } from '../../../src/balance/cost.ts'
import type { CostModel } from '../../../src/balance/cost.ts'

const model = (name: string, options: Record<string, number> = {}): CostModel =>
  costModelOf({ name, options })
const peak = model('peak-ewma')
const biased = model('failure-biased-ewma')
const mean = model('least-time')

const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9 * Math.max(1, expected), `${actual}, not ${expected}`)

/** What is left after one time constant. */
const E = Math.exp(-1)

test('the first sample is the cost, under every model', () => {
  for (const each of [peak, biased, mean]) assert.equal(each.after(0, -1, 5000, 42), 42)
})

test('peak: a slower answer is the cost at once, a faster one moves it by how long it has been', () => {
  assert.equal(peak.after(10, 0, 1, 200), 200)
  near(peak.after(200, 0, 10_000, 20), 200 * E + 20 * (1 - E))
  assert.equal(peak.after(200, 7, 7, 20), 200)
})

test('mean: up and down alike, by how long it has been', () => {
  near(mean.after(10, 0, 10_000, 200), 10 * E + 200 * (1 - E))
  near(mean.after(200, 0, 10_000, 10), 200 * E + 10 * (1 - E))
})

test('failure-biased: a failure costs 5 s, or as long as it took, or as it asks for up to 300 s', () => {
  assert.equal(biased.afterFailure(10, 0, 1, 2, 0), 5000)
  assert.equal(biased.afterFailure(10, 0, 1, 7000, 0), 7000)
  assert.equal(biased.afterFailure(10, 0, 1, 2, 60_000), 60_000)
  assert.equal(biased.afterFailure(10, 0, 1, 2, 1e9), 300_000)
  assert.equal(biased.afterFailure(0, -1, 1, 2, 0), 5000)
  assert.equal(model('failure-biased-ewma', { penaltyMs: 100 }).afterFailure(10, 0, 1, 2, 0), 100)
})

test('peak and mean: a failure counts ten times the cost, over time', () => {
  for (const each of [peak, mean]) {
    near(each.afterFailure(10, 0, 10_000, 1, 0), 10 * E + 100 * (1 - E))
    assert.equal(each.afterFailure(0, -1, 0, 3, 0), 3)
  }
  assert.equal(peak.afterFailure(10, 0, 0, 1, 0), 10)
  assert.equal(peak.afterFailure(10, 0, 10, 3000, 0), 3000)
})

test('one failure in a hundred makes an endpoint a tenth dearer, ten in a hundred ever more', () => {
  const costWith = (failing: number): number => {
    let cost = 10
    for (let i = 1; i <= 20_000; i++) {
      cost =
        i % 100 < failing
          ? mean.afterFailure(cost, (i - 1) * 10, i * 10, 1, 0)
          : mean.after(cost, (i - 1) * 10, i * 10, 10)
    }
    return cost
  }
  assert.equal(Math.round(costWith(0)), 10)
  assert.equal(Math.round(costWith(1)), 11)
  assert.ok(costWith(20) > 1000)
})

test('policies that look at no cost have a mean all the same; decay is as configured', () => {
  for (const name of ['p2c', 'round-robin', 'maglev', './mine.ts']) {
    assert.equal(model(name).decayMs, 10_000)
    near(model(name).after(10, 0, 10_000, 20), 10 * E + 20 * (1 - E))
  }
  assert.equal(model('peak-ewma', { decayMs: 77 }).decayMs, 77)
})

test('clocks that jump back, NaN, negative and huge measures: a cost is a number in 0 … an hour', () => {
  const odd = [Number.NaN, -5, 0, 1e-300, 10, 1e308, Infinity, -Infinity]
  for (const each of [peak, biased, mean]) {
    for (const cost of odd) {
      for (const at of [-1, 0, 5000, Number.NaN]) {
        for (const now of [0, 1e15, -3, Number.NaN]) {
          for (const sample of odd) {
            for (const result of [
              each.after(cost, at, now, sample),
              each.afterFailure(cost, at, now, sample, sample),
            ]) {
              assert.ok(result >= 0 && result <= MAX_COST_MS, `${cost} ${at} ${now} ${sample}: ${result}`)
            }
          }
        }
      }
    }
    assert.equal(each.after(10, 5000, 1000, 10), 10)
  }
})
