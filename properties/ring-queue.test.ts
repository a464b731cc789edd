import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { allocateShared } from '../src/shm/memory.ts'
import { RING_HEADER_BYTES, ringCounts, RingReader, RingWriter } from '../src/shm/ring.ts'
import type { RingRegion } from '../src/shm/ring.ts'

const CAPACITY = 256
const FRAME = (payload: number): number => Math.ceil((payload + 8) / 8) * 8

/** A fresh ring whose cursors stand where a ring that moved `cursor` bytes has them: also around 2³¹ and 2³². */
const ringAt = (cursor: number): RingRegion => {
  const region = { memory: allocateShared(RING_HEADER_BYTES + CAPACITY), offset: 0, capacity: CAPACITY }
  const words = new Int32Array(region.memory)
  words[0] = cursor
  words[RING_HEADER_BYTES / 8] = cursor
  return region
}

const cursors = fc
  .oneof(
    fc.nat(2 ** 20),
    fc.integer({ min: 2 ** 31 - 2000, max: 2 ** 31 }),
    fc.integer({ min: 2 ** 32 - 2000, max: 2 ** 32 - 1 }),
  )
  .map((cursor) => (cursor - (cursor % 8)) | 0)

const commands = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        bytes: fc.uint8Array({ maxLength: 120, size: 'max' }),
        spare: fc.nat(40),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('abandon' as const), length: fc.nat(120) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'newWriter' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('drain' as const), max: fc.integer({ min: 1, max: 6 }) }),
    },
  ),
  { maxLength: 80, size: 'max' },
)

test('ring = queue: what is committed comes out once, in order, byte for byte; what is refused is counted', () => {
  fc.assert(
    fc.property(cursors, commands, (cursor, script) => {
      const region = ringAt(cursor)
      let writer = new RingWriter(region)
      const reader = new RingReader(region)
      const queue: string[] = []
      let written = 0
      let dropped = 0
      const drain = (max: number): void => {
        const expected = queue.splice(0, max)
        const seen: string[] = []
        const visited = reader.drain((bytes, start, end) => {
          assert.equal(start % 8, 0)
          seen.push(Buffer.from(bytes.subarray(start, end)).toString('hex'))
        }, max)
        assert.equal(visited, expected.length)
        assert.deepEqual(seen, expected)
      }
      for (const command of script) {
        if (command.kind === 'drain') drain(command.max)
        else if (command.kind === 'newWriter') writer = new RingWriter(region)
        else if (command.kind === 'abandon') {
          const at = writer.reserve(command.length)
          if (at < 0) dropped++
          else writer.bytes.fill(0xee, at, at + command.length)
        } else {
          const reserved = command.bytes.length + command.spare
          const at = writer.reserve(reserved)
          if (at < 0) {
            dropped++
            const unfittable = reserved > writer.maxPayload
            const full = reader.pendingBytes + 2 * FRAME(reserved) > CAPACITY
            assert.ok(unfittable || full, 'refused though there was room')
            continue
          }
          writer.bytes.set(command.bytes, at)
          writer.commit(command.bytes.length)
          queue.push(Buffer.from(command.bytes).toString('hex'))
          written++
        }
      }
      drain(Infinity)
      assert.equal(reader.pendingBytes, 0)
      assert.deepEqual(ringCounts(region), { records: written, dropped })
    }),
    { numRuns: 1000 },
  )
})

test('ring: an empty one takes any record of up to maxPayload, wherever its cursors stand', () => {
  fc.assert(
    fc.property(cursors, fc.nat(CAPACITY / 2 - 8), (cursor, length) => {
      const region = ringAt(cursor)
      const writer = new RingWriter(region)
      assert.equal(writer.maxPayload, CAPACITY / 2 - 8)
      assert.ok(writer.reserve(length) >= 0)
      writer.commit(length)
      assert.equal(
        new RingReader(region).drain((_, start, end) => assert.equal(end - start, length)),
        1,
      )
    }),
  )
})
