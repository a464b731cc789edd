import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChildPhase, ChildStatus } from '../../../src/actor/child.ts'
import { Overseer } from '../../../src/control/overseer.ts'
import { VITAL } from '../../../src/shm/vitals.ts'
import { fakeTimers } from '../../support/fake-timers.ts'
import { smallFleet } from '../../support/fleet.ts'

const SUPERVISION = {
  stuckAfterMs: 50,
  killAfterMs: 2000,
  maxRestarts: 10,
  withinMs: 1000,
  backoff: { firstMs: 1, maxMs: 1 },
  heapBytes: 1000,
}

function world() {
  const fleet = smallFleet()
  const timers = fakeTimers()
  const done: string[] = []
  const refusing = new Set<string>()
  const phases = new Map<string, { phase: ChildPhase; incarnation: number }>()
  for (const id of ['health', 'shard 0', 'shard 1']) phases.set(id, { phase: 'up', incarnation: 1 })
  const children = (): ChildStatus[] =>
    [...phases].map(([id, life]) => ({ id, ...life, restarts: 0, deaths: 0 }))
  const overseer = new Overseer({
    fleet,
    watch: (pace, _words, look) => {
      let cancel = (): void => {}
      const next = (): void => {
        cancel = timers.after(pace[0]!, () => {
          look()
          next()
        })
      }
      next()
      return () => cancel()
    },
    machineMs: () => timers.nowMs(),
    supervision: () => SUPERVISION,
    children,
    kill: (id, why) => void done.push(`kill ${id}: ${why}`),
    replace: async (id) => {
      done.push(`replace ${id}`)
      return !refusing.delete(id)
    },
    say: () => {},
  })
  const beating = new Set<number | 'health'>([0, 1, 'health'])
  /** Let time pass; who beats beats, and writes down its vitals twice a second. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      for (const who of beating) {
        fleet.actor(who).beat(timers.nowMs())
        fleet.vitals(who)[VITAL.at] = Math.floor(timers.nowMs() / 500)
      }
      await timers.advance(100)
    }
  }
  overseer.start()
  return { fleet, overseer, phases, beating, done, pass, timers, refusing }
}

test('whoever has not beaten for `killAfter` is ended, also while it is being replaced; who has not begun is not judged', async () => {
  const { phases, beating, done, pass, overseer, timers } = world()
  await pass(1000)
  beating.delete('health')
  await pass(1900)
  assert.deepEqual(done, [])
  await pass(400)
  assert.deepEqual(done.splice(0), ['kill health: no heartbeat for 2000 ms: it hangs'])
  phases.set('health', { phase: 'starting', incarnation: 2 })
  phases.set('shard 1', { phase: 'replacing', incarnation: 1 })
  beating.delete(1)
  await pass(3000)
  assert.deepEqual(done.splice(0), ['kill shard 1: no heartbeat for 2000 ms: it hangs'])
  phases.set('health', { phase: 'up', incarnation: 2 })
  phases.set('shard 1', { phase: 'waiting', incarnation: 1 })
  beating.add('health')
  await pass(3000)
  assert.deepEqual(done, [])
  overseer.stop()
  assert.equal(timers.pending(), 0)
})

test('from 80 % of its heap on, lastingly, an actor is replaced, once; at the limit it is ended', async () => {
  const { fleet, done, pass, phases } = world()
  const vitals = fleet.vitals(0)
  vitals[VITAL.heapLimit] = 1000
  vitals[VITAL.heapUsed] = 790
  await pass(2000)
  assert.deepEqual(done, [])
  vitals[VITAL.heapUsed] = 810
  await pass(400)
  vitals[VITAL.heapUsed] = 300 // it was garbage
  await pass(1000)
  assert.deepEqual(done, [])
  vitals[VITAL.heapUsed] = 900
  await pass(3000)
  assert.deepEqual(done.splice(0), ['replace shard 0'])
  phases.set('shard 0', { phase: 'up', incarnation: 2 })
  vitals[VITAL.heapUsed] = 100
  vitals[VITAL.heapAlarm] = 1
  await pass(200)
  assert.deepEqual(done.slice(0, 1), ['kill shard 0: its heap is full'])
})

test('an actor that could not be replaced when its heap was nearly full is replaced later', async () => {
  const { fleet, done, pass, refusing } = world()
  const vitals = fleet.vitals(0)
  vitals[VITAL.heapLimit] = 1000
  vitals[VITAL.heapUsed] = 900
  refusing.add('shard 0')
  await pass(8000)
  assert.deepEqual(done, ['replace shard 0'])
  await pass(8000)
  assert.deepEqual(done, ['replace shard 0', 'replace shard 0'])
})
