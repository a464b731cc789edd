import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connections, createEngine, engineVersion } from '../../native/index.ts'
import { EVENT, OP } from '../../src/io/engine.ts'
import { Rig, closed, dial, engineOptions, pattern, readAll } from './engine-rig.ts'

test('a client is accepted, heard, answered and closed, and nothing is left of it', async (t) => {
  const rig = new Rig(t)
  const group = rig.listen('127.0.0.1:0', 7)
  const socket = dial(group.address)
  const accepted = await rig.next(EVENT.accepted)
  assert.equal(accepted.a, 7)
  assert.equal(accepted.bytes.toString(), '127.0.0.1')
  assert.equal(accepted.d, socket.localPort)
  socket.write('hello')
  const { bytes } = await rig.next(EVENT.data, accepted)
  assert.equal(bytes.toString(), 'hello')
  rig.send(accepted, 'world')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.equal(answer.toString(), 'world')
  assert.equal(rig.engine.progress(accepted.fd, accepted.generation), 10)
  assert.equal(connections.count(0), 1)
  socket.end()
  await rig.next(EVENT.end, accepted)
  rig.op(OP.close, accepted, 1000)
  await closed(socket)
  assert.equal(rig.engine.progress(accepted.fd, accepted.generation), -1)
  assert.equal(rig.engine.generationOf(accepted.fd), 0)
  assert.equal(rig.stat('open'), 0)
  assert.equal(connections.count(0), 0)
  assert.equal(rig.stat('accepted'), 1)
  assert.equal(rig.stat('bytesIn'), 5)
  assert.equal(rig.stat('bytesOut'), 5)
})

test('peers are named by IP: v4, v6, unix', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const rig = new Rig(t)
  const v6 = rig.listen('[::1]:0')
  const local = rig.listen(`unix:${join(folder, 'socket')}`)
  assert.match(v6.address, /^\[::1\]:\d+$/)
  const one = dial(v6.address)
  const first = await rig.next(EVENT.accepted)
  assert.deepEqual([first.bytes.toString(), first.d], ['::1', one.localPort])
  const other = dial(local.address)
  const second = await rig.next(EVENT.accepted)
  assert.deepEqual([second.bytes.toString(), second.d], ['unix:', 0])
  one.destroy()
  other.destroy()
  await rig.next(EVENT.end, first)
  await rig.next(EVENT.end, second)
})

test('more connections with more input than rows and arena hold: all is delivered, in order, over many batches', async (t) => {
  const rig = new Rig(t, { arenaBytes: 65_536, readBytes: 16_384, eventRows: 64 })
  const group = rig.listen()
  const sent = new Map<number, Buffer>()
  const got = new Map<number, Buffer[]>()
  rig.onRow = (row) => {
    if (row.kind === EVENT.accepted) got.set(row.fd, [])
    if (row.kind === EVENT.data) got.get(row.fd)?.push(row.bytes)
  }
  for (let index = 0; index < 100; index++) {
    const socket = dial(group.address)
    const bytes = pattern(60_000 + index, index + 1)
    socket.on('connect', () => sent.set(Number(socket.localPort), bytes))
    socket.end(bytes)
  }
  const ends = (): number => rig.rows.filter((row) => row.kind === EVENT.end).length
  await rig.until(() => ends() === 100, 'all ends')
  for (const row of rig.rows.filter(({ kind }) => kind === EVENT.accepted)) {
    assert.deepEqual(Buffer.concat(got.get(row.fd) ?? []), sent.get(row.d))
  }
})

test('a paused connection yields nothing until it is resumed, and then everything', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  const [marker, other] = await rig.pair(rig.listen())
  rig.op(OP.pause, client)
  socket.end('before')
  await once(socket, 'finish')
  marker.write('x') // its arrival proves that the engine has looked
  await rig.next(EVENT.data, other)
  assert.deepEqual(
    rig.rows.map(({ kind }) => kind),
    [EVENT.hangup],
  )
  rig.op(OP.resume, client)
  assert.equal((await rig.next(EVENT.data, client)).bytes.toString(), 'before')
  await rig.next(EVENT.end, client)
})

test('tickEvery calls with 0 rows and turns the clock; 0 stops it', async (t) => {
  const rig = new Rig(t)
  const before = [...rig.engine.clock] as [number, number]
  rig.engine.tickEvery(5)
  await rig.until(() => rig.emptyBatches >= 3, 'ticks')
  const [monotonic, wall] = [...rig.engine.clock] as [number, number]
  assert.ok(monotonic - before[0] >= 10 && monotonic <= performance.now() + performance.timeOrigin)
  assert.ok(Math.abs(wall - Date.now()) < 1000)
  rig.engine.tickEvery(0)
  const count = rig.batches
  await new Promise((resolve) => setTimeout(resolve, 25))
  assert.equal(rig.batches, count)
})

test('consecutive sends, apart in memory, arrive as one stream', async (t) => {
  const rig = new Rig(t, { opRows: 256 })
  const [socket, client] = await rig.pair(rig.listen())
  const { mem, arenaBytes } = rig.engine
  const bytes = pattern(200 * 10)
  const rows = Array.from({ length: 200 }, (_, index) => {
    mem.set(bytes.subarray(index * 10, index * 10 + 10), arenaBytes + index * 24)
    return [OP.send, client.fd, client.generation, arenaBytes + index * 24, 10]
  })
  rig.ops(rows)
  rig.op(OP.shutdown, client)
  assert.deepEqual(await readAll(socket), bytes)
})

test('rows with words out of bounds are counted and dropped, those around them run', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  const { mem, arenaBytes } = rig.engine
  mem.set(Buffer.from('ab'), arenaBytes)
  const { fd, generation } = client
  const bad = [
    [OP.send, fd, generation, mem.length - 1, 2],
    [OP.send, fd, generation, -1, 2],
    [OP.send, fd, generation, 0, -2],
    [OP.send, fd, generation, 2_147_483_647, 2_147_483_647],
    [OP.pause, -1, generation],
    [OP.pause, 1 << 20, generation],
    [0, fd, generation],
    [99, fd, generation],
    [-1, fd, generation],
    [OP.close, fd, generation, -5],
    [OP.handover, fd, generation, 256, 0],
    [OP.handover, fd, generation, -1, 0],
    [OP.relay, fd, generation, fd, generation, -1, -1],
  ]
  rig.ops([[OP.send, fd, generation, arenaBytes, 1], ...bad, [OP.send, fd, generation, arenaBytes + 1, 1]])
  assert.equal(rig.stat('badOps'), bad.length)
  rig.op(OP.shutdown, client)
  rig.op(OP.send, client, arenaBytes, 1)
  assert.equal(rig.stat('badOps'), bad.length + 1, 'nothing may be sent after shutdown')
  assert.equal((await readAll(socket)).toString(), 'ab')
  for (const rows of [-1, 257, NaN]) rig.engine.flush(rows)
  assert.equal(rig.stat('badOps'), bad.length + 3, 'NaN rows are no rows')
})

test('a stale handle never reaches the fd of the next tenant', async (t) => {
  const rig = new Rig(t)
  const group = rig.listen()
  const [socket, first] = await rig.pair(group)
  rig.op(OP.reset, first)
  await closed(socket)
  const [next, second] = await rig.pair(group)
  assert.equal(second.fd, first.fd)
  assert.notEqual(second.generation, first.generation)
  rig.send(first, 'for the dead')
  for (const op of [OP.pause, OP.close, OP.reset, OP.shutdown, OP.relayStop]) rig.op(op, first, 0)
  assert.equal(rig.stat('staleOps'), 6)
  assert.equal(rig.engine.progress(first.fd, first.generation), -1)
  rig.send(second, 'for the living')
  rig.op(OP.close, second, 1000)
  next.end()
  assert.equal((await readAll(next)).toString(), 'for the living')
})

test('an exception of the handler is uncaught, its ops are not run, and the engine goes on', async (t) => {
  const uncaught: unknown[] = []
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  const earlier = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => uncaught.push(error))
  t.after(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of earlier) process.on('uncaughtException', listener)
  })
  const engine = createEngine(engineOptions({ shard: 1 }))
  t.after(() => engine.stop())
  let calls = 0
  engine.start(() => {
    calls++
    engine.ops.set([OP.close, client.fd, client.generation, 0])
    if (calls === 1) throw new Error('boom')
    return 0
  })
  engine.wake(1)
  await rig.until(() => true, 'nothing')
  while (calls < 1) await new Promise((resolve) => setImmediate(resolve))
  engine.wake(1)
  while (calls < 2) await new Promise((resolve) => setImmediate(resolve))
  assert.equal((uncaught[0] as Error).message, 'boom')
  assert.equal(uncaught.length, 1)
  assert.equal(engine.progress(client.fd, client.generation), -1, 'not this engine’s connection')
  socket.destroy()
  await rig.next(EVENT.end, client)
})

test('a stopped engine answers with errors, not with crashes; stop inside the handler is stop', async (t) => {
  const engine = createEngine(engineOptions())
  let calls = 0
  engine.start(() => {
    calls++
    engine.stop()
    return 1
  })
  assert.equal(engine.wake(0), true)
  while (calls < 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(engine.wake(0), false)
  assert.throws(() => engine.flush(0), { code: 'ERR_WEIR_STOPPED' })
  assert.throws(() => engine.connect('127.0.0.1:1'), { code: 'ERR_WEIR_STOPPED' })
  assert.throws(() => engine.tickEvery(1), { code: 'ERR_WEIR_STOPPED' })
  assert.equal(engine.progress(5, 1), -1)
  assert.equal(engine.generationOf(5), 0)
  engine.unlisten(5)
  engine.stop()
  const rig = new Rig(t)
  assert.throws(() => createEngine(engineOptions()), { code: 'ERR_WEIR_SHARD_TAKEN' })
  assert.throws(() => connections.resetOwned(0), { code: 'ERR_WEIR_SHARD_ALIVE' })
  assert.ok(rig.engine.wake(0))
  await rig.next(EVENT.wake)
})

test('options out of range are refused', () => {
  const bad = [
    { shard: 256 },
    { shard: -1 },
    { arenaBytes: 1024 },
    { readBytes: 0 },
    { readBytes: 2_000_000 },
    { eventRows: 63 },
    { opRows: 1 },
    { queueCap: 0 },
    { stats: new Float64Array(3) },
  ]
  for (const options of bad) {
    assert.throws(
      () => createEngine(engineOptions(options)),
      { code: 'ERR_WEIR_OPTION' },
      JSON.stringify(options),
    )
  }
  assert.match(engineVersion, /^\d+\.\d+\.\d+$/)
})
