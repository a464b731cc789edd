import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEngine, host } from '../../native/index.ts'
import { allocateEngineMemory } from '../../src/io/engine-memory.ts'
import { EVENT, LIVE, LIVE_WORDS, OP } from '../../src/io/engine.ts'
import type { EngineMemory } from '../../src/io/engine.ts'
import { Rig, engineOptions, eventually } from './engine-rig.ts'

const memoryOf = (changes: Partial<EngineMemory> = {}): EngineMemory => ({
  ...allocateEngineMemory(engineOptions()),
  ...changes,
})

test('an engine works in the memory it is given, and everything stays there when it stops', async (t) => {
  const memory = memoryOf()
  const rig = new Rig(t, { memory })
  const [socket, client] = await rig.pair(rig.listen())
  assert.equal(rig.engine.mem.buffer, memory.buffer)
  assert.equal(rig.engine.mem.byteOffset, memory.mem)
  assert.deepEqual(
    [rig.engine.events.byteOffset, rig.engine.ops.byteOffset, rig.engine.live.byteOffset],
    [memory.events, memory.ops, memory.live],
  )
  socket.write('shared')
  const row = await rig.next(EVENT.data, client)
  assert.equal(row.bytes.toString(), 'shared')
  rig.engine.stop()
  const mem = new Uint8Array(memory.buffer, memory.mem)
  assert.equal(Buffer.from(mem.slice(row.a, row.a + row.b)).toString(), 'shared')
})

test('memory out of place is refused, by the name of the part that is', () => {
  const { buffer, live } = memoryOf()
  const wrong: [Partial<EngineMemory>, string][] = [
    [{ buffer: new ArrayBuffer(buffer.byteLength) as unknown as SharedArrayBuffer }, 'memory.buffer'],
    [{ buffer: new SharedArrayBuffer(live + LIVE_WORDS * 4 - 8) }, 'memory.live'],
    [{ mem: 8 }, 'memory.mem'],
    [{ mem: -4096 }, 'memory.mem'],
    [{ events: 4 }, 'memory.events'],
    [{ ops: Number.NaN }, 'memory.ops'],
    [{ live: buffer.byteLength }, 'memory.live'],
    [{ live: 2 ** 53 }, 'memory.live'],
    [{ ops: undefined as unknown as number }, 'memory.ops'],
    [{ live: 0 }, 'memory.mem'],
  ]
  for (const [changes, name] of wrong) {
    assert.throws(() => createEngine(engineOptions({ memory: memoryOf(changes) })), {
      name: 'RangeError',
      code: 'ERR_WEIR_OPTION',
      message: `engine option out of range: ${name}`,
    })
  }
  for (const memory of [null, 7, {}] as unknown as EngineMemory[]) {
    assert.throws(() => createEngine(engineOptions({ memory })), { code: 'ERR_WEIR_OPTION' })
  }
  for (const heartbeat of [new Float64Array(0), new Int32Array(2)] as unknown as Float64Array[]) {
    assert.throws(() => createEngine(engineOptions({ heartbeat })), { message: /heartbeat/ })
  }
})

test('a second engine with a shard index that is taken leaves the words of the first alone', async (t) => {
  const memory = memoryOf()
  const rig = new Rig(t, { memory })
  const [socket, client] = await rig.pair(rig.listen())
  rig.engine.ops.set([OP.send, client.fd, client.generation, rig.engine.arenaBytes, 5, 0, 0, 0])
  rig.engine.mem.set(Buffer.from('later'), rig.engine.arenaBytes)
  rig.engine.live[LIVE.ops] = 1
  assert.throws(() => createEngine(engineOptions({ memory })), { code: 'ERR_WEIR_SHARD_TAKEN' })
  assert.equal(rig.engine.live[LIVE.ops], 1)
  rig.engine.flush(1)
  assert.equal(rig.engine.live[LIVE.ops], 0)
  socket.end()
  await rig.next(EVENT.end, client)
})

test('the rows of the batch stand in the words while it is handled, and 0 afterwards', async (t) => {
  const rig = new Rig(t)
  const seen: number[] = []
  rig.onRow = () => seen.push(rig.engine.live[LIVE.rows] ?? -1)
  assert.deepEqual([...rig.engine.live.subarray(0, 3)], [0, -1, 0])
  await rig.pair(rig.listen())
  assert.ok(seen.length > 0 && seen.every((rows) => rows > 0))
  await eventually(() => rig.engine.live[LIVE.rows] === 0, 'the end of the batch')
})

test('whoever hears a thread that waits knows it lives, without a batch and without waking it; one that runs JavaScript is not heard', async (t) => {
  const heartbeat = new Float64Array(new SharedArrayBuffer(8))
  const rig = new Rig(t, { heartbeat })
  const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6
  assert.ok(Math.abs((heartbeat[0] ?? 0) - nowMs()) < 5000, 'the monotonic clock of the process, at once')
  const { batches } = rig
  const heard = (): number => {
    host.hear()
    return heartbeat[0] ?? 0
  }
  const beats = new Set<number>()
  await eventually(() => beats.add(heard()).size >= 8, 'beats')
  assert.equal(rig.batches, batches)
  const before = heard()
  const untilMs = nowMs() + 40
  while (nowMs() < untilMs);
  assert.equal(heard(), before)
  await eventually(() => heard() >= untilMs, 'it waited again')
  rig.engine.stop()
  heartbeat[0] = 1
  await eventually(() => heard() === 1 && nowMs() > untilMs + 20, 'time goes by')
})
