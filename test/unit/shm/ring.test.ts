import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Worker } from 'node:worker_threads'
import { setImmediate as turn } from 'node:timers/promises'
import { allocateShared } from '../../../src/shm/memory.ts'
import { RING_HEADER_BYTES, ringCounts, RingReader, RingWriter } from '../../../src/shm/ring.ts'
import type { RingRegion } from '../../../src/shm/ring.ts'

const makeRing = (capacity: number): RingRegion => ({
  memory: allocateShared(RING_HEADER_BYTES + capacity),
  offset: 0,
  capacity,
})

const put = (writer: RingWriter, text: string): boolean => {
  const at = writer.reserve(text.length)
  if (at < 0) return false
  writer.bytes.set(Buffer.from(text), at)
  writer.commit(text.length)
  return true
}

const take = (reader: RingReader): string[] => {
  const texts: string[] = []
  reader.drain((bytes, start, end) => texts.push(Buffer.from(bytes.subarray(start, end)).toString()))
  return texts
}

test('a writer that died in the midst of a record leaves no trace; its successor goes on', () => {
  const region = makeRing(256)
  const reader = new RingReader(region)
  const dying = new RingWriter(region)
  put(dying, 'first')
  dying.bytes.fill(0xff, dying.reserve(100))
  assert.deepEqual(take(reader), ['first'])
  assert.ok(put(new RingWriter(region), 'second'))
  assert.deepEqual(take(reader), ['second'])
})

test('a visitor that throws has had its record: the next drain goes on behind it', () => {
  const region = makeRing(256)
  const writer = new RingWriter(region)
  const reader = new RingReader(region)
  for (const text of ['a', 'b', 'c']) put(writer, text)
  assert.throws(() => reader.drain(() => assert.fail('boom')), /boom/)
  assert.deepEqual(take(reader), ['b', 'c'])
})

test('a full ring refuses, counts, and takes again once drained', () => {
  const region = makeRing(128)
  const writer = new RingWriter(region)
  let accepted = 0
  while (put(writer, 'x'.repeat(20))) accepted++
  assert.equal(accepted, 4) // frames of 32 bytes
  assert.deepEqual(ringCounts(region), { records: 4, dropped: 1 })
  assert.equal(take(new RingReader(region)).length, 4)
  assert.ok(put(writer, 'again'))
})

test('committing more than was reserved, or without a reservation, is an error', () => {
  const writer = new RingWriter(makeRing(128))
  assert.throws(() => writer.commit(0), RangeError)
  writer.reserve(10)
  assert.throws(() => writer.commit(11), RangeError)
  writer.commit(10)
  assert.throws(() => writer.commit(1), RangeError)
})

test('a capacity that is no power of two is refused', () => {
  assert.throws(() => new RingWriter(makeRing(100)), RangeError)
  assert.throws(() => new RingReader(makeRing(32)), RangeError)
})

test('two threads: every record arrives whole and in order, or is counted as dropped', async () => {
  const region = makeRing(1 << 16)
  const records = 200_000
  const worker = new Worker(new URL('./ring-producer.ts', import.meta.url), {
    workerData: { region, records },
  })
  const done = new Promise<{ dropped: number }>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  let ended: { dropped: number } | undefined
  done.then(
    (result) => (ended = result),
    () => {},
  )
  const reader = new RingReader(region)
  let last = -1
  let received = 0
  const check = (bytes: Uint8Array, start: number, end: number): void => {
    const sequence = reader.words[start >> 2]!
    if (sequence <= last || reader.words[(start >> 2) + 1] !== end - start)
      assert.fail(`after ${last}: ${sequence}`)
    for (let i = 8; i < end - start; i++) {
      if (bytes[start + i] !== ((sequence + i) & 255)) assert.fail(`record ${sequence}, byte ${i}`)
    }
    last = sequence
    received++
  }
  while (ended === undefined) {
    reader.drain(check)
    await turn()
  }
  const { dropped } = await done
  reader.drain(check)
  await worker.terminate()
  assert.equal(received + dropped, records)
  assert.ok(received > records / 10, `only ${received} came through`)
  assert.deepEqual(ringCounts(region), { records: received, dropped })
})
