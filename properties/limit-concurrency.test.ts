import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRng } from '../src/base/random.ts'
import type { AdaptiveSpec } from '../src/config/snapshot.ts'
import { GradientLimit, MIN_RTT_SAMPLES } from '../src/limit/concurrency.ts'

const SPEC: AdaptiveSpec = { minLimit: 3, maxLimit: 200, tolerance: 1.25, windowMs: 100, minRttMs: 60_000 }

test('the limit is a whole number within its bounds, whatever it is told and however the clock jumps', () => {
  const told = fc.record({
    rttMs: fc.oneof(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.constantFrom(NaN, Infinity, -1, 0)),
    stepMs: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.constantFrom(1e7, -1000)),
    times: fc.integer({ min: 0, max: 60 }),
  })
  fc.assert(
    fc.property(
      fc.array(told, { maxLength: 80 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 0, max: 500 }),
      (story, minLimit, range) => {
        const spec = { ...SPEC, minLimit, maxLimit: minLimit + range }
        const gradient = new GradientLimit(spec, seededRng(1), 0)
        let nowMs = 0
        for (const { rttMs, stepMs, times } of story) {
          nowMs += stepMs
          for (let i = 0; i < times; i++) gradient.sample(rttMs, nowMs)
          const before = gradient.limit
          assert.equal(gradient.tick(nowMs), gradient.limit !== before)
          assert.ok(Number.isInteger(gradient.limit))
          assert.ok(gradient.limit >= minLimit && gradient.limit <= minLimit + range)
        }
      },
    ),
  )
})

/** A server that works on `slots` requests at once, each for `serviceMs`, driven at the limit for so long. Returns the mean limit of the last half. */
function drive(slots: number, serviceMs: number, durationMs: number): number {
  const gradient = new GradientLimit({ ...SPEC, minRttMs: 1e9 }, seededRng(2), 0)
  const ends: number[] = Array.from({ length: slots }, () => 0)
  const underWay: { startedMs: number; endMs: number }[] = []
  let sum = 0
  let count = 0
  for (let nowMs = 0; nowMs < durationMs; nowMs += 1) {
    for (let i = underWay.length - 1; i >= 0; i--) {
      const { startedMs, endMs } = underWay[i] ?? { startedMs: 0, endMs: Infinity }
      if (endMs > nowMs) continue
      gradient.sample(nowMs - startedMs, startedMs)
      underWay.splice(i, 1)
    }
    while (underWay.length < gradient.limit) {
      const slot = ends.indexOf(Math.min(...ends))
      const endMs = Math.max(nowMs, ends[slot] ?? 0) + serviceMs
      ends[slot] = endMs
      underWay.push({ startedMs: nowMs, endMs })
    }
    gradient.tick(nowMs)
    if (nowMs < durationMs / 2) continue
    sum += gradient.limit
    count++
  }
  return sum / count
}

test('it finds what a server can do: at least its slots, at most as many again as tolerance and headroom allow', () => {
  for (const [slots, serviceMs] of [
    [10, 10],
    [40, 10],
    [20, 50],
  ] as const) {
    const limit = drive(slots, serviceMs, 20_000)
    // At rest limit = tolerance · limit / (limit / slots) + √limit = tolerance · slots + √limit.
    const rest = 1.25 * slots + Math.sqrt(limit)
    assert.ok(limit >= slots && limit <= rest * 1.2, `${limit} for ${slots} slots`)
  }
})

test('the minimum is measured with few at once, by answers to requests begun since, and again after its time', () => {
  const gradient = new GradientLimit(SPEC, seededRng(3), 1000)
  assert.deepEqual([gradient.measuring, gradient.limit], [true, 3])
  for (let i = 0; i < 1000; i++) gradient.sample(1, 999)
  gradient.tick(1001)
  assert.equal(gradient.measuring, true, 'those were begun before')
  for (let i = 0; i < MIN_RTT_SAMPLES; i++) gradient.sample(10, 1001)
  gradient.tick(1002)
  assert.deepEqual([gradient.measuring, gradient.minRttMs], [false, 10])
  let nowMs = 1002
  while (!gradient.measuring) {
    nowMs += 10
    gradient.sample(10, nowMs)
    gradient.tick(nowMs)
  }
  assert.ok(nowMs - 1002 >= 60_000 && nowMs - 1002 <= 69_020, `${nowMs - 1002}`)
  assert.equal(gradient.limit, 3)
})

test('a limit that stays at its floor is doubted: the minimum may be that of another time', () => {
  const gradient = new GradientLimit(SPEC, seededRng(3), 0)
  for (let i = 0; i < MIN_RTT_SAMPLES; i++) gradient.sample(1, 1)
  gradient.tick(1)
  assert.equal(gradient.measuring, false)
  let nowMs = 1
  while (!gradient.measuring && nowMs < 30_000) {
    nowMs += 10
    gradient.sample(100, nowMs)
    gradient.tick(nowMs)
  }
  assert.ok(nowMs < 10_000)
  for (let i = 0; i < MIN_RTT_SAMPLES; i++) gradient.sample(100, nowMs)
  gradient.tick(nowMs)
  assert.equal(gradient.minRttMs, 100)
})
