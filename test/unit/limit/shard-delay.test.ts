import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ShardDelay } from '../../../src/limit/shard-delay.ts'

/** For a second, batches of `tookMs` behind which something waits for `lateMs`; returns how many probes were sent. */
const work = (delay: ShardDelay, tookMs: number, lateMs: number): number => {
  let probes = 0
  let dueMs = Infinity
  for (let nowMs = 0; nowMs < 1000; nowMs += tookMs) {
    if (nowMs >= dueMs) {
      delay.onWake(nowMs)
      dueMs = Infinity
    }
    if (!delay.onBatchEnd(nowMs, tookMs)) continue
    probes++
    dueMs = nowMs + lateMs
  }
  if (dueMs !== Infinity) delay.onWake(dueMs)
  return probes
}

test('the average goes where the age of the probes is, and back to nothing with short batches', () => {
  const delay = new ShardDelay()
  work(delay, 2, 80)
  assert.ok(delay.smoothedMs > 70 && delay.smoothedMs <= 82, `${delay.smoothedMs}`)
  for (let nowMs = 1100; nowMs < 1600; nowMs += 5) assert.equal(delay.onBatchEnd(nowMs, 0.1), false)
  assert.ok(delay.smoothedMs < 1, `${delay.smoothedMs}`)
})

test('a shard with short batches sends no probe, a busy one at most 200 a second, one at a time', () => {
  assert.equal(work(new ShardDelay(), 0.2, 0), 0)
  const busy = work(new ShardDelay(), 1, 0)
  assert.ok(busy > 50 && busy <= 200, `${busy}`)
  const delay = new ShardDelay()
  assert.equal(delay.onBatchEnd(0, 1), true)
  for (let nowMs = 1; nowMs < 1000; nowMs++) assert.equal(delay.onBatchEnd(nowMs, 1), false)
})

test('a probe that does not come back makes the shard as late as it is old', () => {
  const delay = new ShardDelay()
  delay.onBatchEnd(0, 1)
  for (let nowMs = 10; nowMs <= 1000; nowMs += 10) delay.onBatchEnd(nowMs, 1)
  assert.ok(delay.smoothedMs > 800 && delay.smoothedMs <= 1000, `${delay.smoothedMs}`)
})

test('wake-ups of others, without a probe under way, say nothing', () => {
  const delay = new ShardDelay()
  work(delay, 2, 80)
  const before = delay.smoothedMs
  for (let nowMs = 1100; nowMs < 1200; nowMs++) delay.onWake(nowMs)
  assert.equal(delay.smoothedMs, before)
})
