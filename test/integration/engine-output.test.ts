import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:os'
import { test } from 'node:test'
import { connections } from '../../native/index.ts'
import { EVENT, OP } from '../../src/io/engine.ts'
import { Rig, closed, eventually, pattern, readAll } from './engine-rig.ts'

const { ENOBUFS } = constants.errno
const MIB = 1 << 20

test('output that does not fit is queued: blocked once, all of it arrives, writable once', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  socket.pause()
  const bytes = pattern(12 * MIB)
  rig.send(client, bytes)
  const queued = rig.stat('queuedBytes')
  const blocked = await rig.next(EVENT.blocked, client)
  assert.ok(blocked.a > 0 && blocked.a <= queued && queued < bytes.length)
  rig.op(OP.shutdown, client)
  assert.deepEqual(await readAll(socket), bytes)
  await rig.next(EVENT.writable, client)
  assert.equal(rig.stat('queuedBytes'), 0)
  assert.equal(rig.stat('bytesOut'), bytes.length)
  assert.deepEqual(rig.rows, [])
})

test('blocked comes before more data of the source whose bytes did not fit', async (t) => {
  const rig = new Rig(t)
  const [source, from] = await rig.pair(rig.listen())
  const [sink, to] = await rig.pair(rig.listen())
  sink.pause()
  let blockedIn = Infinity
  let before = 0
  let late = 0
  rig.onRow = (row) => {
    if (row.kind === EVENT.blocked) {
      blockedIn = rig.batches
      assert.equal(before, rig.batches - 1, 'first in the batch that follows the send')
      rig.op(OP.pause, from)
    } else if (row.kind === EVENT.data) {
      if (rig.batches > blockedIn) late++
      before = rig.batches
      rig.send(to, row.bytes)
    }
  }
  source.write(pattern(16 * MIB))
  await rig.until(() => blockedIn < Infinity, 'blocked')
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(rig.stat('queuedBytes') <= 1024 * 1024, 'at most one batch is queued')
  assert.equal(late, 0)
  source.destroy()
  sink.destroy()
})

test('a peer that never reads is reset at the cap, once, with ENOBUFS', async (t) => {
  const rig = new Rig(t, { queueCap: MIB })
  const [socket, client] = await rig.pair(rig.listen())
  socket.pause()
  const gone = closed(socket)
  for (let sent = 0; sent < 32; sent++) rig.send(client, pattern(MIB / 2))
  const reset = await rig.next(EVENT.reset, client)
  assert.equal(reset.a, ENOBUFS)
  assert.equal(rig.stat('overflows'), 1)
  assert.equal(rig.stat('queuedBytes'), 0)
  assert.equal(rig.engine.progress(client.fd, client.generation), -1)
  socket.resume()
  assert.equal(await gone, 'ECONNRESET')
})

test('FIN follows the queue, not the op', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  socket.pause()
  const bytes = pattern(8 * MIB)
  rig.send(client, bytes)
  rig.op(OP.shutdown, client)
  rig.op(OP.shutdown, client)
  socket.write('still heard')
  assert.equal((await rig.data(client, 11)).toString(), 'still heard')
  assert.deepEqual(await readAll(socket), bytes)
})

test('a graceful close delivers what is queued although the peer still sends', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  socket.pause()
  const bytes = pattern(6 * MIB)
  rig.send(client, bytes)
  rig.op(OP.close, client, 5000)
  assert.equal(rig.engine.progress(client.fd, client.generation), -1, 'the handle died at once')
  assert.equal(rig.stat('open'), 1, 'the connection did not')
  rig.send(client, 'too late')
  assert.equal(rig.stat('staleOps'), 1)
  socket.write(pattern(500_000))
  assert.deepEqual(await readAll(socket), bytes)
  socket.end()
  await eventually(() => rig.stat('open') === 0, 'the end of lingering')
  assert.equal(rig.stat('lingerTimeouts'), 0)
  assert.equal(connections.count(), 0)
})

test('last words reach a peer that is in the middle of an upload', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  socket.write(pattern(300_000))
  await rig.next(EVENT.data, client)
  rig.op(OP.pause, client)
  rig.send(client, 'enough')
  rig.op(OP.close, client, 5000)
  assert.equal((await readAll(socket)).toString(), 'enough')
  socket.end()
  await eventually(() => rig.stat('open') === 0, 'the end of lingering')
})

test('lingering ends at its deadline', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  rig.op(OP.close, client, 30)
  await once(socket.resume(), 'end')
  await eventually(() => rig.stat('open') === 0, 'the deadline')
  assert.equal(rig.stat('lingerTimeouts'), 1)
  socket.destroy()
})

test('a peer that floods a lingering connection is not read for ever, and is reset when the time is over', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  const gone = closed(socket)
  rig.op(OP.close, client, 600)
  const flood = (): void => {
    while (socket.writable && socket.write(pattern(65_536)));
  }
  socket.on('drain', flood).resume()
  flood()
  assert.ok((await gone) !== undefined, 'a reset, not an end')
  const read = rig.stat('bytesIn')
  assert.ok(read >= 65_536 && read <= 16 * MIB + 65_536, `${read}`)
  assert.equal(rig.stat('lingerTimeouts'), 1)
  assert.equal(rig.stat('open'), 0)
})

test('close without lingering flushes; who does not take the rest within a second is reset', async (t) => {
  const rig = new Rig(t)
  const group = rig.listen()
  const [reader, one] = await rig.pair(group)
  const bytes = pattern(6 * MIB)
  rig.send(one, bytes)
  rig.op(OP.close, one, 0)
  assert.deepEqual(await readAll(reader), bytes)
  await eventually(() => rig.stat('open') === 0, 'the flush')
  assert.equal(rig.stat('lingerTimeouts'), 0)

  const [sleeper, other] = await rig.pair(group)
  sleeper.pause()
  const gone = closed(sleeper)
  rig.send(other, bytes)
  rig.op(OP.close, other, 0)
  await eventually(() => rig.stat('open') === 0, 'the reset')
  assert.equal(rig.stat('lingerTimeouts'), 1)
  assert.equal(rig.stat('queuedBytes'), 0)
  sleeper.resume()
  assert.equal(await gone, 'ECONNRESET')
})

test('close after the peer’s FIN needs no lingering', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  socket.end('bye')
  await rig.next(EVENT.end, client)
  rig.send(client, 'bye')
  rig.op(OP.close, client, 60_000)
  assert.equal(rig.stat('open'), 0)
  assert.equal((await readAll(socket)).toString(), 'bye')
})

test('lingering connections of an engine that stops can be let go by anyone: what was sent arrives, and a clean end', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  const bytes = pattern(100_000)
  rig.send(client, bytes)
  rig.op(OP.close, client, 60_000)
  assert.equal(rig.stat('queuedBytes'), 0)
  rig.stop()
  assert.equal(connections.count(0), 0)
  assert.ok((await readAll(socket)).equals(bytes))
  socket.destroy()
})
