import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VITAL } from '../../../src/shm/vitals.ts'
import { totalsOf } from '../../../src/telemetry/history.ts'
import { vitalsFamilies } from '../../../src/telemetry/vitals-metrics.ts'
import { smallFleet } from '../../support/fleet.ts'

test('a thread’s row as metrics, in seconds and bytes, by actor; who never lived has none', () => {
  const fleet = smallFleet({ shards: 3 })
  const words = { gcPauses: 3, gcPauseMs: 12, loopDelayMaxMs: 250, cpuMs: 1500, busy: 0.25, busyMs: 2000 }
  for (const who of [1, 'health'] as const) {
    const row = fleet.vitals(who)
    row[VITAL.at] = 5000
    for (const [word, value] of Object.entries(words)) row[VITAL[word as keyof typeof words]] = value
    row[VITAL.oldSpace] = 4096
    row[VITAL.delayMs] = 7
    fleet.actor(who).beat(4900)
  }
  const families = vitalsFamilies(fleet, 2, 5000)
  const samplesOf = (name: string): Record<string, number> => {
    const found = families.find((family) => family.name === name)
    assert.ok(found !== undefined, name)
    return Object.fromEntries(
      found.samples.map(({ labels, value }) => [Object.values(labels ?? {}).join(' '), value]),
    )
  }
  assert.deepEqual(samplesOf('weir_thread_cpu_seconds_total'), { 'shard 1': 1.5, health: 1.5 })
  assert.deepEqual(samplesOf('weir_thread_busy_seconds_total'), { 'shard 1': 2, health: 2 })
  assert.deepEqual(samplesOf('weir_thread_busy_ratio'), { 'shard 1': 0.25, health: 0.25 })
  assert.deepEqual(samplesOf('weir_thread_gc_pauses_total'), { 'shard 1': 3, health: 3 })
  assert.deepEqual(samplesOf('weir_thread_gc_pause_seconds_total'), { 'shard 1': 0.012, health: 0.012 })
  assert.deepEqual(samplesOf('weir_thread_loop_delay_max_seconds'), { 'shard 1': 0.25, health: 0.25 })
  assert.equal(samplesOf('weir_thread_heap_space_bytes')['shard 1 old'], 4096)
  assert.deepEqual(samplesOf('weir_thread_heartbeat_age_seconds'), { 'shard 1': 0.1, health: 0.1 })
  assert.deepEqual(samplesOf('weir_shard_delay_seconds'), { 1: 0.007 })
  assert.deepEqual(totalsOf(families, 100), {}, 'a life of a thread is no history of the program')
})
