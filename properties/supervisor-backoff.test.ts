import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backoffMs, boundMs } from '../src/actor/child.ts'
import type { ChildSpec } from '../src/actor/child.ts'
import { RestartWindow } from '../src/actor/restart-window.ts'
import { Supervisor } from '../src/actor/supervisor.ts'
import { seededRng } from '../src/base/random.ts'

test('the pause is never negative, never above its bound, and the bound doubles until it stays', () => {
  const property = fc.property(
    fc.double({ min: 0, max: 1000, noNaN: true }),
    fc.double({ min: 0, max: 60_000, noNaN: true }),
    fc.nat(5000),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    (firstMs, maxMs, streak, random) => {
      const backoff = { firstMs, maxMs }
      const bound = boundMs(backoff, streak)
      const delay = backoffMs(backoff, streak, random)
      assert.ok(delay >= 0 && delay <= bound && bound <= maxMs)
      if (streak < 60 && 2 * bound < maxMs) assert.equal(boundMs(backoff, streak + 1), 2 * bound)
    },
  )
  fc.assert(property)
})

test('children that die at once come back spread evenly over the bound: the mean is its half, and no tenth of it holds more than its share by far', () => {
  const COUNT = 2000
  const specs = Array.from({ length: COUNT }, (_, n): ChildSpec => ({
    id: `child ${n}`,
    stage: 0,
    restart: 'permanent',
    group: 'g',
  }))
  const backoff = { firstMs: 800, maxMs: 10_000 }
  const limits = { maxRestarts: 10_000, withinMs: 60_000, backoff }
  for (const seed of [1, 2, 3]) {
    const supervisor = new Supervisor({ children: specs, limits }, seededRng(seed))
    supervisor.handle({ kind: 'start' }, 0)
    for (const { id } of specs) supervisor.handle({ kind: 'up', id, incarnation: 1 }, 0)
    const delays: number[] = []
    for (const { id } of specs) {
      for (const decision of supervisor.handle({ kind: 'ended', id, incarnation: 1, normal: false }, 0)) {
        if (decision.kind === 'restart-in') delays.push(decision.delayMs)
      }
    }
    assert.equal(delays.length, COUNT)
    // Standard error of the mean: 800 / √12 / √2000 = 5.2; five of them.
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / COUNT
    assert.ok(Math.abs(mean - 400) < 26, `mean ${mean}`)
    // Each tenth expects 200 ± 13.4.
    const tenths = Array.from({ length: 10 }, () => 0)
    for (const delay of delays) tenths[Math.floor(delay / 80)]!++
    for (const count of tenths) assert.ok(Math.abs(count - 200) < 67, tenths.join())
  }
})

test('the window says yes exactly when a list of all times says so', () => {
  const property = fc.property(
    fc.array(fc.nat(300), { maxLength: 200 }),
    fc.nat(20),
    fc.integer({ min: 0, max: 3000 }),
    (gaps, max, withinMs) => {
      const window = new RestartWindow()
      const all: number[] = []
      let nowMs = 0
      for (const gap of gaps) {
        nowMs += gap
        all.push(nowMs)
        const recent = all.filter((time) => time >= nowMs - withinMs).length
        assert.equal(window.exceeds(nowMs, max, withinMs), recent > max)
      }
    },
  )
  fc.assert(property)
})
