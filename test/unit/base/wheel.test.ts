import { test } from 'node:test'
import assert from 'node:assert/strict'
import { NOT_ARMED, Timer, TimingWheel } from '../../../src/base/wheel.ts'

const collect = (wheel: TimingWheel, nowMs: number): Timer[] => {
  const fired: Timer[] = []
  wheel.advance(nowMs, (timer) => fired.push(timer))
  return fired
}

test('fires once, at the first advance past its deadline', () => {
  const wheel = new TimingWheel({ granularityMs: 10 })
  const timer = new Timer()
  wheel.arm(timer, 25)
  assert.deepEqual(
    [wheel.size, wheel.idle, wheel.isArmed(timer), wheel.deadlineOf(timer)],
    [1, false, true, 25],
  )
  assert.deepEqual(collect(wheel, 24.9), [])
  assert.deepEqual(collect(wheel, 30), [timer])
  assert.deepEqual([wheel.size, wheel.idle, timer.timerSlot], [0, true, NOT_ARMED])
  assert.deepEqual(collect(wheel, 1000), [])
})

test('a deadline of Infinity disarms', () => {
  const wheel = new TimingWheel({ granularityMs: 10 })
  const timer = new Timer()
  wheel.arm(timer, Infinity)
  assert.ok(wheel.idle)
  wheel.arm(timer, 20)
  wheel.arm(timer, Infinity)
  assert.ok(wheel.idle)
  assert.deepEqual(collect(wheel, 100), [])
})

test('begins anywhere in time and survives a leap over many turns', () => {
  const wheel = new TimingWheel({ granularityMs: 1, slots: 4 }, 1e12)
  const [soon, late] = [new Timer(), new Timer()]
  wheel.arm(soon, 1e12 + 2)
  wheel.arm(late, 1e12 + 1e9)
  assert.deepEqual(collect(wheel, 1e12 + 5e8), [soon])
  assert.deepEqual(collect(wheel, 1e12 + 1e9), [late])
})

test('grows by doubling and forgets nobody', () => {
  const wheel = new TimingWheel({ granularityMs: 1, capacity: 1, slots: 8 })
  const timers = Array.from({ length: 1000 }, () => new Timer())
  timers.forEach((timer, i) => wheel.arm(timer, i))
  assert.equal(wheel.size, 1000)
  assert.equal(new Set(timers.map((timer) => timer.timerSlot)).size, 1000)
  assert.equal(new Set(collect(wheel, 1000)).size, 1000)
})

test('fire that throws loses no timer: the rest fires in the next advance', () => {
  const wheel = new TimingWheel({ granularityMs: 1 })
  const timers = Array.from({ length: 6 }, () => new Timer())
  timers.forEach((timer, i) => wheel.arm(timer, i >> 1))
  const fired: Timer[] = []
  assert.throws(() =>
    wheel.advance(10, (timer) => {
      fired.push(timer)
      if (fired.length === 2) throw new Error('boom')
    }),
  )
  assert.equal(wheel.size, 4)
  wheel.advance(10, (timer) => fired.push(timer))
  assert.equal(new Set(fired).size, 6)
  assert.ok(wheel.idle)
})

test('a clock that stands still or goes back fires nothing early', () => {
  const wheel = new TimingWheel({ granularityMs: 10 }, 100)
  const timer = new Timer()
  wheel.arm(timer, 120)
  for (const nowMs of [100, 90, 0, 119]) assert.deepEqual(collect(wheel, nowMs), [])
  assert.deepEqual(collect(wheel, 120), [timer])
})

test('10,000 timers moved a hundred times each cost no memory and are each fired once', () => {
  const wheel = new TimingWheel({ granularityMs: 16 })
  const timers = Array.from({ length: 10_000 }, () => new Timer())
  let nowMs = 0
  let early = 0
  for (let round = 0; round < 100; round++) {
    for (const timer of timers) wheel.arm(timer, nowMs + 60_000)
    nowMs += 500
    wheel.advance(nowMs, () => early++)
  }
  assert.equal(early, 0)
  assert.equal(wheel.size, 10_000)
  assert.ok(Math.max(...timers.map((timer) => timer.timerSlot)) < 10_000, 'entries are reused')
  assert.equal(collect(wheel, nowMs + 60_000).length, 10_000)
})

test('refuses a granularity that is not positive and slots that are no power of two', () => {
  assert.throws(() => new TimingWheel({ granularityMs: 0 }), RangeError)
  assert.throws(() => new TimingWheel({ granularityMs: Number.NaN }), RangeError)
  assert.throws(() => new TimingWheel({ granularityMs: 1, slots: 100 }), RangeError)
})
