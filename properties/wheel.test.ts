import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { NOT_ARMED, Timer, TimingWheel } from '../src/base/wheel.ts'

class Named extends Timer {
  readonly name: number
  constructor(name: number) {
    super()
    this.name = name
  }
}

const TIMERS = 24
const GRANULARITY = 8
const SLOTS = 16 // a turn is 128 ms, so that timers of several turns and leaps over whole turns happen

const commands = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('arm' as const), timer: fc.nat(TIMERS - 1), inMs: delay() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('disarm' as const), timer: fc.nat(TIMERS - 1) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), byMs: delay() }) },
  ),
  { maxLength: 120, size: 'max' },
)

function delay(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min: -20, max: 60 }),
    fc.integer({ min: 0, max: 1000 }),
    fc.double({ min: 0, max: 40, noNaN: true }),
  )
}

/** The oracle: what is armed, and since when it is due (a deadline already over when armed is due from then on). */
type Armed = { readonly deadlineMs: number; readonly dueMs: number }

const makeTimers = (): Named[] => Array.from({ length: TIMERS }, (_, name) => new Named(name))

test('timing wheel = sorted list: never early, at most one granularity late, size and deadlines exact', () => {
  fc.assert(
    fc.property(commands, fc.double({ min: 0, max: 1e6, noNaN: true }), (script, startMs) => {
      let nowMs = startMs
      const wheel = new TimingWheel<Named>({ granularityMs: GRANULARITY, capacity: 1, slots: SLOTS }, nowMs)
      const timers = makeTimers()
      const model = new Map<number, Armed>()
      for (const command of script) {
        if (command.kind === 'arm') {
          const deadlineMs = nowMs + command.inMs
          wheel.arm(timers[command.timer]!, deadlineMs)
          model.set(command.timer, { deadlineMs, dueMs: Math.max(deadlineMs, nowMs) })
        } else if (command.kind === 'disarm') {
          wheel.disarm(timers[command.timer]!)
          model.delete(command.timer)
        } else {
          nowMs += Math.max(0, command.byMs)
          wheel.advance(nowMs, (timer) => {
            const armed = model.get(timer.name)
            assert.ok(armed !== undefined, 'fired though not armed')
            assert.ok(armed.deadlineMs <= nowMs, 'fired early')
            assert.equal(timer.timerSlot, NOT_ARMED)
            model.delete(timer.name)
          })
          for (const armed of model.values()) assert.ok(armed.dueMs + GRANULARITY > nowMs, 'fired late')
        }
        assert.equal(wheel.size, model.size)
        assert.equal(wheel.idle, model.size === 0)
        for (const timer of timers)
          assert.equal(wheel.deadlineOf(timer), model.get(timer.name)?.deadlineMs ?? Infinity)
      }
    }),
    { numRuns: 500 },
  )
})

type Reaction = {
  readonly on: number
  readonly arm: readonly { timer: number; inMs: number }[]
  readonly disarm: readonly number[]
}

const reactions = fc.array(
  fc.record({
    on: fc.nat(TIMERS - 1),
    arm: fc.array(fc.record({ timer: fc.nat(TIMERS - 1), inMs: delay() }), { maxLength: 3 }),
    disarm: fc.array(fc.nat(TIMERS - 1), { maxLength: 3 }),
  }),
  { maxLength: 12 },
)

test('timing wheel: arming and disarming from within fire keeps the laws, and nothing fires twice in one advance', () => {
  fc.assert(
    fc.property(
      fc.array(delay(), { minLength: TIMERS, maxLength: TIMERS }),
      reactions,
      fc.array(delay(), { maxLength: 60, size: 'max' }),
      (first, rules, steps) => {
        const wheel = new TimingWheel<Named>({ granularityMs: GRANULARITY, capacity: 4, slots: SLOTS })
        const timers = makeTimers()
        const armed = new Map<number, number>()
        let nowMs = 0
        const byTimer = new Map(rules.map((rule: Reaction) => [rule.on, rule]))
        const arm = (name: number, inMs: number): void => {
          wheel.arm(timers[name]!, nowMs + inMs)
          armed.set(name, nowMs + inMs)
        }
        first.forEach((inMs, name) => arm(name, inMs))
        for (const step of [...steps, 2000, 100]) {
          nowMs += Math.max(0, step)
          const fired = new Set<number>()
          wheel.advance(nowMs, (timer) => {
            const deadline = armed.get(timer.name)
            assert.ok(deadline !== undefined && deadline <= nowMs)
            assert.ok(!fired.has(timer.name), 'fired twice in one advance')
            fired.add(timer.name)
            armed.delete(timer.name)
            const rule = byTimer.get(timer.name)
            rule?.arm.forEach((order) => arm(order.timer, order.inMs))
            rule?.disarm.forEach((name) => {
              wheel.disarm(timers[name]!)
              armed.delete(name)
            })
          })
          assert.equal(wheel.size, armed.size)
          for (const timer of timers) assert.equal(wheel.deadlineOf(timer), armed.get(timer.name) ?? Infinity)
        }
      },
    ),
    { numRuns: 500 },
  )
})
