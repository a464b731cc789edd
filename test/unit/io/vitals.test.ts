import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { host } from '../../../native/index.ts'
import { machineMs } from '../../../src/io/clock.ts'
import { nativeMetrics } from '../../../src/io/vitals.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import type { OtherActor } from '../../../src/shm/layout.ts'
import { VITAL } from '../../../src/shm/vitals.ts'
import { smallFleet } from '../../support/fleet.ts'
import { until } from '../../support/weir.ts'
import type { Scope } from '../../support/wire.ts'

nativeMetrics() // as `startThread` does
const url = new URL('./vitals-actor.ts', import.meta.url)

async function actor(t: Scope, fleet: Fleet, who: number | OtherActor): Promise<Worker> {
  const worker = new Worker(url, { workerData: { handle: fleet.handle, who } })
  worker.on('error', () => {}) // some are told to throw
  t.after(() => worker.terminate())
  await once(worker, 'message')
  return worker
}

async function tell(worker: Worker, order: string): Promise<void> {
  worker.postMessage(order)
  await once(worker, 'message')
}

test('a thread writes down its heap, its CPU time and who it is, at once and once a second', async (t) => {
  const fleet = smallFleet()
  await actor(t, fleet, 1)
  const row = fleet.vitals(1)
  const first = row[VITAL.at]!
  assert.ok(first > 0 && first <= machineMs())
  assert.ok(row[VITAL.heapUsed]! > 1e6 && row[VITAL.heapUsed]! < row[VITAL.heapLimit]!)
  const spaces = [VITAL.newSpace, VITAL.oldSpace, VITAL.codeSpace, VITAL.largeSpace].map((word) => row[word]!)
  assert.ok(spaces.every((bytes) => bytes >= 0) && spaces.reduce((sum, bytes) => sum + bytes) > 1e6)
  const status = readFileSync(`/proc/self/task/${row[VITAL.tid]}/status`, 'utf8')
  assert.match(status, new RegExp(`Tgid:\\s${process.pid}\\n`))
  assert.notEqual(row[VITAL.tid], process.pid)
  await until(() => row[VITAL.at]! > first && row[VITAL.cpuMs]! > 0, 'it writes again')
  assert.ok(
    fleet.vitals(0).every((word) => word === 0),
    'nobody else’s row is touched',
  )
})

test('collections and a loop that is held up show, in all and as the longest', async (t) => {
  const fleet = smallFleet()
  const worker = await actor(t, fleet, 0)
  const row = fleet.vitals(0)
  await tell(worker, 'litter 1200') // one row was due meanwhile
  await until(() => row[VITAL.gcPauses]! > 0 && row[VITAL.gcPauseMs]! > 0, 'collections are counted')
  await until(() => row[VITAL.loopDelayMs]! >= 150, 'the delay is counted')
  assert.ok(row[VITAL.loopTurns]! > 0)
  let longestMs = 0 // how late a timer would have been: what the loop was waiting for anyhow is not counted
  await until(async () => {
    await tell(worker, 'spin 1300')
    longestMs = Math.max(longestMs, row[VITAL.loopDelayMaxMs]!)
    return longestMs >= 250
  }, 'the longest is told')
})

test('busy: most of the time for who works without a pause, hardly ever for who waits', async (t) => {
  const fleet = smallFleet()
  const [working, waiting] = [await actor(t, fleet, 0), await actor(t, fleet, 1)]
  assert.ok(waiting.threadId > 0)
  const [row, idle] = [fleet.vitals(0), fleet.vitals(1)]
  const before = [row[VITAL.busyMs]!, idle[VITAL.busyMs]!, row[VITAL.busyAt]!, idle[VITAL.busyAt]!] as const
  for (let i = 0; i < 12; i++) await tell(working, 'spin 110')
  host.hear()
  for (const [one, sinceMs] of [
    [row, before[2]],
    [idle, before[3]],
  ] as const)
    await until(() => one[VITAL.busyAt]! - sinceMs > 1000, 'both have measured')
  const share = (row[VITAL.busyMs]! - before[0]) / (row[VITAL.busyAt]! - before[2])
  const idleShare = (idle[VITAL.busyMs]! - before[1]) / (idle[VITAL.busyAt]! - before[3])
  assert.ok(share > 0.7 && share <= 1.01, `${share}`)
  assert.ok(idleShare >= 0 && idleShare < share / 2, `${idleShare} of ${share}`)
  assert.ok(row[VITAL.busy]! > idle[VITAL.busy]!)
})

test('a thread that waits is heard whenever somebody listens; a held-up one is not', async (t) => {
  const fleet = smallFleet()
  const worker = await actor(t, fleet, 'discovery')
  const line = fleet.actor('discovery')
  assert.ok(line.lastBeatMs > 0)
  const first = line.lastBeatMs
  const ageMs = (): number => {
    host.hear()
    return machineMs() - line.lastBeatMs
  }
  await until(() => ageMs() < 100 && line.lastBeatMs > first, 'it waits')
  const held = tell(worker, 'spin 600')
  await until(() => ageMs() > 500, 'it is held up')
  await held
  await until(() => ageMs() < 400, 'it waits again')
})

test('a successor begins its totals anew, whatever the one before left', async (t) => {
  const fleet = smallFleet()
  fleet.vitals(0).fill(1e9)
  await actor(t, fleet, 0)
  const row = fleet.vitals(0)
  for (const word of [VITAL.gcPauses, VITAL.gcPauseMs, VITAL.loopTurns, VITAL.loopDelayMs, VITAL.busyMs])
    assert.ok(row[word]! < 1e6)
  assert.equal(row[VITAL.heapAlarm], 1e9, 'main’s and native code’s')
  assert.equal(row[VITAL.delayMs], 1e9, 'the shard’s own')
})

test('fifty threads that end in every way, in the midst of work and of collections, harm nobody', async (t) => {
  const fleet = smallFleet()
  const survivor = await actor(t, fleet, 1)
  const ways = ['terminate', 'exit', 'throw', 'spin 5000', 'litter 5000']
  const lives = Array.from({ length: 50 }, async (_, i) => {
    const worker = await actor(t, fleet, i % 2 === 0 ? 0 : 'health')
    const way = ways[i % ways.length]!
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    if (way !== 'terminate') worker.postMessage(way)
    if (way === 'exit' || way === 'throw') await ended
    else await worker.terminate()
  })
  await Promise.all(lives)
  const row = fleet.vitals(1)
  const before = row[VITAL.at]!
  await tell(survivor, 'litter 50')
  await until(() => row[VITAL.at]! > before, 'the survivor goes on')
})
