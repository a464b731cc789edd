import { test } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { BROADCAST_HEADER_BYTES, BroadcastReader, BroadcastWriter } from '../../../src/shm/broadcast.ts'
import { endProducer, publishedOn } from '../../../src/shm/broadcast.ts'
import type { BroadcastRegion, RecordSink } from '../../../src/shm/broadcast.ts'
import { allocateShared } from '../../../src/shm/memory.ts'
import type { BroadcastProducerData } from './broadcast-producer.ts'
import type { BroadcastReaderData, ReaderTally } from './broadcast-reader.ts'

const makeRing = (capacity: number): BroadcastRegion => ({
  memory: allocateShared(BROADCAST_HEADER_BYTES + capacity * 64),
  offset: 0,
  capacity,
})

const say = (writer: BroadcastWriter, n: number): void => {
  const at = writer.reserve(n, 0, 0)
  for (let each = 2; each < 7; each++) writer.doubles[at + each] = n
  writer.publish()
}

class Heard implements RecordSink {
  readonly numbers: number[] = []

  take(_words: Int32Array, doubles: Float64Array, at: number): void {
    this.numbers.push(doubles[at + 2]!)
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

test('every reader hears everything from when it came, in order, however often the ring goes round', () => {
  const region = makeRing(32)
  const writer = new BroadcastWriter(region)
  const early = new BroadcastReader(region)
  const first = new Heard()
  for (let n = 0; n < 100; n++) {
    say(writer, n)
    if (n % 20 === 19) early.drain(first)
  }
  const late = new BroadcastReader(region)
  const second = new Heard()
  for (let n = 100; n < 110; n++) say(writer, n)
  assert.equal(early.drain(first), 10)
  assert.equal(late.drain(second), 10)
  assert.deepEqual(first.numbers, range(0, 110))
  assert.deepEqual(second.numbers, range(100, 110))
  assert.equal(late.drain(second), 0)
  assert.equal(publishedOn(region), 110)
})

test('a reader that is lapped is told how much it lost and goes on from the head', () => {
  const region = makeRing(32)
  const writer = new BroadcastWriter(region)
  const reader = new BroadcastReader(region)
  const heard = new Heard()
  for (let n = 0; n < 28; n++) say(writer, n)
  reader.drain(heard)
  assert.equal(reader.lost, 0, 'seven eighths of the ring may wait')
  for (let n = 28; n < 28 + 29; n++) say(writer, n)
  assert.equal(reader.drain(heard), 0)
  assert.equal(reader.lost, 29)
  say(writer, 57)
  reader.drain(heard)
  assert.equal(reader.lost, 0)
  assert.deepEqual(heard.numbers, [...range(0, 28), 57])
})

test('a producer that died in the midst of a record said nothing; its successor goes on, and readers know', () => {
  const region = makeRing(32)
  const reader = new BroadcastReader(region)
  const heard = new Heard()
  const dying = new BroadcastWriter(region)
  say(dying, 0)
  dying.doubles.fill(Number.NaN, dying.reserve(99, 99, 99) + 2)
  endProducer(region)
  reader.drain(heard)
  assert.ok(reader.renewed)
  say(new BroadcastWriter(region), 1)
  reader.drain(heard)
  assert.ok(!reader.renewed)
  assert.deepEqual(heard.numbers, [0, 1])
})

test('numbers of records wrap: the ring goes on past 2³¹ and 2³²', () => {
  for (const start of [2 ** 31 - 40, 2 ** 32 - 40]) {
    const region = makeRing(32)
    new Int32Array(region.memory)[0] = start
    const writer = new BroadcastWriter(region)
    const reader = new BroadcastReader(region)
    const heard = new Heard()
    for (let n = 0; n < 80; n++) {
      say(writer, n)
      if (n % 10 === 9) reader.drain(heard)
    }
    assert.deepEqual(heard.numbers, range(0, 80))
    for (let n = 0; n < 50; n++) say(writer, n)
    reader.drain(heard)
    assert.equal(reader.lost, 50)
  }
})

test('a capacity that is no power of two, or too small, is refused', () => {
  for (const capacity of [16, 100]) assert.throws(() => new BroadcastWriter(makeRing(capacity)), RangeError)
})

const thread = (name: string, workerData: BroadcastProducerData | BroadcastReaderData): Worker =>
  new Worker(new URL(name, import.meta.url), { workerData })

test('two producers, three readers, four million records: each is seen once, whole and in order, or counted as lost', async () => {
  const records = 2_000_000
  const regions = [makeRing(16_384), makeRing(512)]
  const witness = new Int32Array(new SharedArrayBuffer(8))
  const readers = [0, 0, 30].map((pauseMs) => thread('./broadcast-reader.ts', { regions, witness, pauseMs }))
  const tallies = readers.map(async (reader) => {
    const [all] = (await once(reader, 'message')) as [ReaderTally[]]
    return all
  })
  const producers = regions.map((region) =>
    thread('./broadcast-producer.ts', { region, records, witness, readers: readers.length }),
  )
  const all = await Promise.all(tallies)
  await Promise.all([...readers, ...producers].map((worker) => worker.terminate()))
  for (const tally of all.flat()) {
    assert.equal(tally.wrong, '')
    assert.equal(tally.seen + tally.lost, records)
    assert.ok(tally.lost === 0 || tally.laps > 0)
  }
  assert.ok(
    all[2]!.every(({ laps }) => laps > 0),
    'the slow reader was lapped on both rings',
  )
  assert.ok(
    all[0]!.concat(all[1]!).some(({ seen }) => seen > records / 50),
    'and a fast one saw some',
  )
})
