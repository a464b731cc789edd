/** The least rate of clients, against a sum over every stretch of time for which they were waited for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Pace } from '../src/limit/pace.ts'

/** `ms` of which `bytes` moved in; `waited`: for nobody but the client. */
type Step = { readonly ms: number; readonly bytes: number; readonly waited: boolean }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    ms: fc.constantFrom(0, 50, 1000, 5000, 20_000),
    bytes: fc.constantFrom(0, 1, 100, 5000, 1_000_000),
    waited: fc.boolean(),
  }),
  { maxLength: 40 },
)

const limits = fc.record({
  bytesPerSecond: fc.constantFrom(1, 240, 10_000),
  graceMs: fc.constantFrom(1000, 20_000, 60_000),
})

/** How far it fell behind, in ms, in the worst stretch of those steps. */
const worst = (course: readonly Step[], bytesPerSecond: number): number => {
  let most = 0
  for (let from = 0; from < course.length; from++) {
    let behind = 0
    for (const { ms, bytes, waited } of course.slice(from)) {
      behind += (waited ? ms : 0) - (bytes * 1000) / bytesPerSecond
      most = Math.max(most, behind)
    }
  }
  return most
}

test('a client is too slow if and only if it fell behind the rate by the grace over some stretch of time: what is not waiting for it counts for nothing, what moves always', () => {
  fc.assert(
    fc.property(steps, limits, (course, allowed) => {
      const pace = new Pace()
      pace.begin(allowed)
      let nowMs = 1000
      let moved = 77
      pace.run(nowMs, moved)
      const counted: Step[] = []
      for (const step of course) {
        if (step.waited) pace.run(nowMs, moved)
        else pace.stop(nowMs, moved)
        nowMs += step.ms
        moved += step.bytes
        counted.push(step)
        if (step.waited) pace.run(nowMs, moved)
        else pace.stop(nowMs, moved)
        assert.equal(pace.spent, worst(counted, allowed.bytesPerSecond) >= allowed.graceMs)
        if (pace.spent) return
      }
    }),
  )
})

test('who looks when it is due finds a client that moves nothing not before the grace is over, and within one look of it', () => {
  fc.assert(
    fc.property(limits, fc.integer({ min: 0, max: 200 }), (allowed, lateMs) => {
      const pace = new Pace()
      pace.begin(allowed)
      let nowMs = 0
      pace.run(nowMs, 0)
      while (!pace.spent) {
        nowMs = pace.dueMs + lateMs
        pace.run(nowMs, 0)
      }
      assert.ok(nowMs >= allowed.graceMs && nowMs <= allowed.graceMs + 2 * lateMs + 1, `${nowMs}`)
    }),
  )
})

test('without a rate nobody is too slow; what an excuse covers costs nothing, and what moved meanwhile counts', () => {
  const pace = new Pace()
  pace.begin({ bytesPerSecond: 0, graceMs: 1000 })
  assert.equal(pace.limited, false)
  assert.equal(pace.spent, false)
  pace.begin({ bytesPerSecond: 100, graceMs: 1000 })
  pace.run(0, 0)
  pace.run(900, 0)
  pace.excuse(50) // half a second's worth
  pace.run(5000, 50)
  pace.run(5599, 50)
  assert.equal(pace.spent, false)
  pace.run(5600, 50)
  assert.equal(pace.spent, true)
})

test('a reading that is not to be had is no gain and no loss: as if nothing had moved', () => {
  fc.assert(
    fc.property(steps, limits, fc.infiniteStream(fc.boolean()), (course, allowed, lost) => {
      const [pace, twin] = [new Pace(), new Pace()]
      let nowMs = 1000
      let known = 77
      let moved = known
      for (const each of [pace, twin]) {
        each.begin(allowed)
        each.run(nowMs, moved)
      }
      for (const { ms, bytes, waited } of course) {
        nowMs += ms
        moved += bytes
        const gone = lost.next().value
        if (!gone) known = moved
        for (const [each, reading] of [[pace, gone ? -1 : known] as const, [twin, known] as const]) {
          if (waited) each.run(nowMs, reading)
          else each.stop(nowMs, reading)
        }
        assert.deepEqual([pace.spent, pace.dueMs], [twin.spent, twin.dueMs])
      }
    }),
  )
})
