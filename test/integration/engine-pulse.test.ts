import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { host } from '../../native/index.ts'
import { eventually } from './engine-rig.ts'

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** A thread that attends, and when it was last known to live. */
async function attending(t: TestContext) {
  const heartbeat = new Float64Array(new SharedArrayBuffer(8))
  const busy = new Float64Array(new SharedArrayBuffer(24))
  const worker = new Worker(new URL('./engine-workers/heart.ts', import.meta.url), {
    workerData: { heartbeat, busy },
  })
  t.after(() => worker.terminate())
  const told = async (): Promise<Record<string, number>> => (await once(worker, 'message'))[0]
  const { tid = 0 } = await told()
  const heard = (): number => {
    host.hear()
    return heartbeat[0]!
  }
  return { worker, heartbeat, busy, told, tid, heard }
}

const wakings = (tid: number): number =>
  Number(
    /^voluntary_ctxt_switches:\s*(\d+)$/m.exec(readFileSync(`/proc/self/task/${tid}/status`, 'utf8'))?.[1],
  )

test('a thread that waits for work is heard whenever somebody listens, and nothing wakes it for that', async (t) => {
  const { tid, heard, heartbeat } = await attending(t)
  const began = wakings(tid)
  for (let round = 0; round < 20; round++) {
    const lookedMs = nowMs()
    await eventually(() => heard() >= lookedMs, 'it waits')
    const before = heartbeat[0]
    await sleep(5)
    assert.equal(heartbeat[0], before, 'not by itself')
  }
  assert.ok(wakings(tid) - began < 10, 'a few times for reasons of its own')
})

for (const where of ['message', 'timer', 'turn', 'promise'] as const) {
  test(`a thread that works without a pause (${where}) is not heard from its waking on, until it waits again`, async (t) => {
    const { worker, told, heard } = await attending(t)
    await eventually(() => heard() >= nowMs() - 5, 'it has come to wait')
    const sentMs = heard()
    worker.postMessage({ where, ms: 200 })
    const { beganMs = 0 } = await told()
    const end = told()
    const last = heard()
    assert.ok(last >= sentMs && last <= beganMs, `${sentMs} ${last} ${beganMs}`)
    const untilMs = beganMs + 150
    while (nowMs() < untilMs) {
      const seen = heard()
      if (nowMs() < untilMs) assert.equal(seen, last)
    }
    const { endedMs = 0 } = await end
    await eventually(() => heard() > endedMs, 'it waits again')
  })
}

test('a thread that ended is not heard any more, however it ended, and whoever listens meanwhile comes to no harm', async (t) => {
  const threads = await Promise.all(Array.from({ length: 4 }, () => attending(t)))
  threads[0]!.worker.postMessage({ where: 'message', ms: 60_000 })
  let ended = 0
  for (const { worker } of threads) void worker.terminate().then(() => ended++)
  await eventually(() => {
    for (let n = 0; n < 500; n++) host.hear()
    return ended === threads.length
  }, 'their end')
  const last = threads.map(({ heartbeat }) => heartbeat[0]!)
  await sleep(5)
  assert.deepEqual(
    threads.map(({ heard }) => heard()),
    last,
  )
})

test('how busy a thread is, is heard, too: one that is stuck looks as busy as it is, one that waits does not', async (t) => {
  const { worker, told, heard, busy } = await attending(t)
  await eventually(() => heard() >= nowMs() - 5, 'it has come to wait')
  const [, idleMs = 0, fromMs = 0] = busy
  await sleep(100)
  heard()
  assert.ok(busy[2]! - fromMs >= 99 && busy[1]! - idleMs < 50, busy.join())
  worker.postMessage({ where: 'message', ms: 400 })
  await told()
  heard()
  const [share = 0, beforeMs = 0, atMs = 0] = busy
  await sleep(200)
  heard()
  const elapsedMs = busy[2]! - atMs
  assert.ok(
    Math.abs(busy[1]! - beforeMs - elapsedMs) < 1,
    `${busy.join()} of ${elapsedMs}: it did not wait at all`,
  )
  const smoothed = share + (1 - share) * (1 - Math.exp(-elapsedMs / 2000))
  assert.ok(Math.abs(busy[0]! - smoothed) < 1e-3, `${busy[0]} of ${smoothed}`)
})

test('attend takes a Float64Array, and one of three words', () => {
  const word = new Float64Array(1)
  for (const wrong of [undefined, new Float64Array(0), new Int32Array(2)] as unknown as Float64Array[])
    assert.throws(() => host.attend(wrong), { name: 'RangeError' })
  assert.throws(() => host.attend(word, new Float64Array(2)), { name: 'RangeError' })
})
