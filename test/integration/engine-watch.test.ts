import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { host } from '../../native/index.ts'
import { eventually } from './engine-rig.ts'

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6
const NEVER_MS = 1e6

const shared = (words: number): Float64Array => new Float64Array(new SharedArrayBuffer(8 * words))

/** A thread that watches `words`, and how often it looked. */
async function watching(
  t: TestContext,
  pace: readonly number[],
  words: readonly (Int32Array | Float64Array)[],
  alone = false,
) {
  const worker = new Worker(new URL('./engine-workers/watcher.ts', import.meta.url), {
    workerData: { pace: Float64Array.from(pace), words, alone },
  })
  t.after(() => worker.terminate())
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  await once(worker, 'message')
  const seen = { looks: 0 }
  worker.on('message', () => seen.looks++)
  return { worker, seen, ended }
}

test('a thread is woken by what changes, once each, and by nothing else', async (t) => {
  const [one, other] = [shared(2), new Int32Array(shared(1).buffer)]
  const { seen } = await watching(t, [5, NEVER_MS, 0], [one, other])
  await sleep(60)
  assert.equal(seen.looks, 0)
  one[1] = 1 // beyond the first eight bytes
  await sleep(30)
  assert.equal(seen.looks, 0)
  other[1] = 7
  await eventually(() => seen.looks === 1, 'the second half of a word is one')
  one[0] = 3
  other[0] = 3
  await eventually(() => seen.looks >= 2, 'both')
  await sleep(30)
  assert.ok(seen.looks <= 3, `${seen.looks} looks`) // it may have looked between the two
})

test('it is called at least as often as the pace says, which may change at any time', async (t) => {
  const { worker, seen } = await watching(t, [5, 20, 0], [])
  const lookedMs: number[] = []
  worker.on('message', (atMs: number) => lookedMs.push(atMs))
  await eventually(() => lookedMs.length >= 6, 'calls without a cause')
  const gapsMs = lookedMs.slice(1).map((atMs, i) => atMs - lookedMs[i]!)
  assert.ok(gapsMs.sort((a, b) => a - b)[2]! >= 18, `no sooner: ${gapsMs.join()}`)
  worker.postMessage(`5 ${NEVER_MS} 0`)
  await sleep(50)
  const before = seen.looks
  await sleep(100)
  assert.equal(seen.looks, before)
})

test('a thread that is silent wakes who watches, with every look; one that waits does not', async (t) => {
  const heartbeat = shared(1)
  const heart = new Worker(new URL('./engine-workers/heart.ts', import.meta.url), {
    workerData: { heartbeat, busy: shared(3) },
  })
  t.after(() => heart.terminate())
  await once(heart, 'message')
  const { seen } = await watching(t, [10, NEVER_MS, 60], [])
  await sleep(50)
  seen.looks = 0
  heart.postMessage({ where: 'message', ms: 300 })
  const beganMs = nowMs()
  while (nowMs() < beganMs + 40) await sleep(1) // this thread attends to nobody
  await eventually(() => seen.looks >= 5, 'the silence')
  assert.ok(nowMs() - beganMs >= 60)
  await eventually(() => nowMs() - heartbeat[0]! < 5, 'it waits again')
  await sleep(30)
  const before = seen.looks
  await sleep(60)
  assert.equal(seen.looks, before)
})

test('who stopped watching is not called; what a look throws is the thread’s end, and so is what ends it in the midst of one', async (t) => {
  const stopped = await watching(t, [1, 1, 0], [])
  await eventually(() => stopped.seen.looks > 0, 'looks')
  stopped.worker.postMessage('stop')
  await sleep(30)
  const before = stopped.seen.looks
  await sleep(30)
  assert.equal(stopped.seen.looks, before)
  const throwing = await watching(t, [1, 1, 0], [])
  const thrown = once(throwing.worker, 'error')
  throwing.worker.postMessage('throw')
  assert.match(String((await thrown)[0]), /told to/)
  const many = await Promise.all(Array.from({ length: 8 }, () => watching(t, [1, 1, 1e-9], [shared(1)])))
  await Promise.all(many.map(({ worker }) => worker.terminate()))
})

test('a watch keeps no thread alive, and is refused what it cannot look at', async (t) => {
  const { ended } = await watching(t, [5, 5, 0], [], true)
  assert.equal(await ended, 0)
  const pace = new Float64Array(3)
  const look = (): void => {}
  const wrong: readonly (readonly unknown[])[] = [
    [],
    [new Float64Array(2), [], look],
    [pace, [], undefined],
    [pace, undefined, look],
    [pace, [new Int32Array(1)], look],
    [pace, [new Uint8Array(16)], look],
    [pace, [new Int32Array(new SharedArrayBuffer(16), 4, 2)], look],
    [pace, [{}], look],
  ]
  const watch = host.watch.bind(host)
  for (const given of wrong) assert.throws(() => Reflect.apply(watch, host, given), { name: 'RangeError' })
})
