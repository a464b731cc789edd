import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRng } from '../src/base/random.ts'
import { DueQueue } from '../src/health/due-queue.ts'
import { RateCap } from '../src/health/rate-cap.ts'
import { ProbeSchedule } from '../src/health/schedule.ts'

/** Most of these times that lie in one half-open second. */
function densest(times: readonly number[]): number {
  let most = 0
  for (let from = 0, to = 0; to < times.length; to++) {
    while (times[to]! - times[from]! >= 1000) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

test('the cap: in no second more are granted than it says, whatever the steps of the clock', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.array(fc.oneof(fc.double({ min: 0, max: 40, noNaN: true }), fc.constantFrom(0, 1000, 60_000)), {
        maxLength: 200,
      }),
      (max, steps) => {
        const cap = new RateCap(max)
        const granted: number[] = []
        let nowMs = 0
        for (const step of steps) {
          nowMs += step
          for (let i = 0; i < 60; i++) if (cap.take(nowMs)) granted.push(nowMs)
        }
        assert.ok(densest(granted) <= max, `${densest(granted)} > ${max}`)
      },
    ),
  )
})

test('the cap lets through most of what it may: four fifths of it over ten seconds of a loop of 20 ms', () => {
  for (const max of [1, 2, 10, 37, 1000]) {
    const cap = new RateCap(max)
    let granted = 0
    for (let nowMs = 0; nowMs < 10_000; nowMs += 20) while (cap.take(nowMs)) granted++
    assert.ok(granted >= max * 8 && granted <= max * 10, `${granted} of ${max * 10}`)
  }
})

test('the queue of what is due is a sorted list', () => {
  const deed = fc.oneof(
    fc.record({ set: fc.integer({ min: 0, max: 9 }), dueMs: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ drop: fc.integer({ min: 0, max: 9 }) }),
    fc.constant({ take: true }),
  )
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 200 }), (deeds) => {
      const queue = new DueQueue()
      let model: { id: number; dueMs: number }[] = []
      for (const each of deeds) {
        if ('set' in each) {
          queue.set(each.set, each.dueMs)
          model = model.filter(({ id }) => id !== each.set)
          const place = model.findIndex(({ dueMs }) => dueMs > each.dueMs)
          model.splice(place < 0 ? model.length : place, 0, { id: each.set, dueMs: each.dueMs })
        } else if ('drop' in each) {
          queue.delete(each.drop)
          model = model.filter(({ id }) => id !== each.drop)
        } else assert.equal(queue.take(), model.shift()?.id ?? -1)
        assert.equal(queue.firstDueMs(), model[0]?.dueMs ?? Infinity)
        assert.equal(queue.size, model.length)
      }
    }),
  )
})

const scenario = fc.record({
  seed: fc.integer(),
  targets: fc.integer({ min: 1, max: 60 }),
  maxPerSecond: fc.integer({ min: 1, max: 200 }),
  intervalMs: fc.integer({ min: 100, max: 5000 }),
  spread: fc.double({ min: 0, max: 0.5, noNaN: true }),
  tookMs: fc.integer({ min: 0, max: 400 }),
  /** The clock, and all with it, stood still for so long. */
  pauses: fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 3 }),
})

test('probes: never two of a target at once, never more in a second than the cap, also after pauses and jumps of the clock; the longest due first', () => {
  fc.assert(
    fc.property(scenario, ({ seed, targets, maxPerSecond, intervalMs, spread, tookMs, pauses }) => {
      const rng = seededRng(seed)
      const schedule = new ProbeSchedule(rng)
      const cap = new RateCap(maxPerSecond)
      let nowMs = 1000
      for (let id = 0; id < targets; id++) schedule.plan(id, 0, { intervalMs, spread }, nowMs)
      const starts: number[] = []
      const underWay = new Map<number, number>()
      const waiting = [...pauses]
      for (let round = 0; round < 300; round++) {
        nowMs += round % 100 === 99 ? (waiting.pop() ?? 20) : 20
        for (const [id, endMs] of underWay) {
          if (endMs > nowMs) continue
          underWay.delete(id)
          schedule.done(id, nowMs)
        }
        for (let dueMs = schedule.nextDueMs(); ; dueMs = schedule.nextDueMs()) {
          const id = schedule.next(nowMs, cap)
          if (id < 0) break
          assert.ok(dueMs <= nowMs && schedule.nextDueMs() >= dueMs, 'the longest due goes first')
          assert.ok(!underWay.has(id), 'one at a time')
          underWay.set(id, nowMs + rng.below(tookMs + 1))
          starts.push(nowMs)
        }
      }
      assert.ok(densest(starts) <= maxPerSecond)
    }),
    { numRuns: 60 },
  )
})

test('probes of a group are even over the interval, whoever comes and goes, and two of a target are interval × (1 ± spread) apart', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 8, max: 64 }),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      (seed, targets, spread) => {
        const schedule = new ProbeSchedule(seededRng(seed))
        const cap = new RateCap(1_000_000)
        const intervalMs = 1000
        for (let id = 0; id < 2 * targets; id++) schedule.plan(id, 7, { intervalMs, spread }, 0)
        for (let id = 0; id < 2 * targets; id += 1) if (id >= targets) schedule.remove(id)
        const starts = new Map<number, number[]>()
        const quarters = [0, 0, 0, 0]
        for (let nowMs = 0; nowMs < 20_000; nowMs++) {
          for (let id = schedule.next(nowMs, cap); id >= 0; id = schedule.next(nowMs, cap)) {
            starts.set(id, [...(starts.get(id) ?? []), nowMs])
            quarters[Math.floor((nowMs % intervalMs) / (intervalMs / 4))]!++
            schedule.done(id, nowMs)
          }
        }
        for (const times of starts.values()) {
          assert.ok(times.length >= 19 && times.length <= 21)
          for (let i = 1; i < times.length; i++) {
            const gap = times[i]! - times[i - 1]!
            assert.ok(Math.abs(gap - intervalMs) <= spread * intervalMs + 2, `gap ${gap}`)
          }
        }
        // Three gaps: n multiples of 1/φ leave in no quarter more than n/4 + 3 (jitter moves an eighth at most in or out at each end).
        for (const count of quarters) {
          const perTurn = count / 20
          assert.ok(
            perTurn <= targets / 4 + 3 + (targets * spread) / 4,
            `${perTurn} of ${targets} in a quarter`,
          )
        }
      },
    ),
    { numRuns: 30 },
  )
})
