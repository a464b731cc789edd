import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ShardWatch } from '../../../src/control/shard-watch.ts'
import type { Roster } from '../../../src/control/protocol.ts'
import { VITAL } from '../../../src/shm/vitals.ts'
import { smallFleet } from '../../support/fleet.ts'

const roster = (serving: readonly number[], byBusyTime = false): Roster => ({
  serving,
  stuckAfterMs: 50,
  byBusyTime,
})

/** Three shards, of which those in `beating` beat as time passes. */
function world() {
  const fleet = smallFleet({ shards: 3 })
  const told: string[] = []
  const tell = (what: string) => (shard: number) => void told.push(`${what} ${shard}`)
  const watch = new ShardWatch(fleet, {
    stuck: tell('stuck'),
    recovered: tell('recovered'),
    heapFull: tell('full'),
  })
  const beating = new Set([0, 1, 2])
  let nowMs = 1000
  const pass = (ms: number): void => {
    for (const end = nowMs + ms; nowMs < end;) {
      nowMs += watch.pace[0]!
      for (const shard of beating) fleet.actor(shard).beat(nowMs)
      watch.look(nowMs)
    }
  }
  return { fleet, watch, told, beating, pass, shares: () => [...watch.shares] }
}

test('whoever serves gets an even share; a stuck one gets none, at once, and one again when it beats lastingly', () => {
  const { watch, told, beating, pass, shares } = world()
  let changes = 0
  watch.onShares = (): void => void changes++
  watch.serve(roster([0, 2]))
  assert.deepEqual(shares(), [1, 0, 1])
  pass(500)
  assert.deepEqual([told, changes], [[], 0])
  beating.delete(2)
  assert.deepEqual([...watch.pace], [50, 5000, 2])
  pass(50)
  assert.deepEqual([...watch.pace], [12.5, 12.5, 2], 'a closer look')
  pass(30)
  assert.deepEqual(told.splice(0), ['stuck 2'])
  assert.deepEqual([shares(), changes], [[1, 0, 0], 1])
  beating.add(2)
  pass(50)
  assert.deepEqual(told, [], 'not lastingly yet')
  pass(25)
  assert.deepEqual(told, ['recovered 2'])
  assert.deepEqual([shares(), changes], [[1, 0, 1], 2])
})

test('when all are stuck nobody is preferred', () => {
  const { watch, told, beating, pass, shares } = world()
  watch.serve(roster([0, 1, 2]))
  pass(100)
  beating.clear()
  pass(200)
  assert.deepEqual(told, ['stuck 0', 'stuck 1', 'stuck 2'])
  assert.deepEqual(shares(), [1, 1, 1])
})

test('a full heap is told once per life', () => {
  const { fleet, watch, told, pass } = world()
  watch.serve(roster([0, 1]))
  fleet.vitals(1)[VITAL.heapAlarm] = 1
  pass(100)
  assert.deepEqual(told.splice(0), ['full 1'])
  watch.serve(roster([0]))
  watch.serve(roster([0, 1]))
  pass(100)
  assert.deepEqual(told, ['full 1'])
})

test('by busy time: who works more than the mean gets fewer new connections, until it is even', () => {
  const { fleet, watch, pass, shares } = world()
  const work = (busy: readonly number[], rounds: number): void => {
    for (let round = 0; round < rounds; round++) {
      pass(500)
      for (const [shard, share] of busy.entries()) {
        const vitals = fleet.vitals(shard)
        vitals[VITAL.busyAt] = vitals[VITAL.busyAt]! + 500
        vitals[VITAL.busyMs] = vitals[VITAL.busyMs]! + 500 * share
      }
    }
  }
  watch.serve(roster([0, 1, 2], true))
  work([0.9, 0.3, 0.3], 20)
  const [hot = 0, ...cool] = shares()
  assert.ok(hot > 0 && hot < 0.2 && cool.every((share) => share > 1), shares().join())
  work([0.5, 0.5, 0.5], 20)
  assert.deepEqual(shares(), [1, 1, 1])
})
