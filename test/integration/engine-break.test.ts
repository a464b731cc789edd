import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:os'
import { test } from 'node:test'
import { EVENT, OP } from '../../src/io/engine.ts'
import { Rig, closed, pattern, readAll, server } from './engine-rig.ts'

const { ECONNRESET, EPIPE } = constants.errno

test('a peer that resets at any byte: what arrived is delivered, then reset, and nothing is left', async (t) => {
  const rig = new Rig(t)
  const group = rig.listen()
  const bytes = pattern(40_000)
  for (const length of [0, 1, 2, 16_383, 16_384, 16_385, 40_000]) {
    const [socket, client] = await rig.pair(group)
    if (length > 0) {
      socket.write(bytes.subarray(0, length))
      assert.deepEqual(await rig.data(client, length), bytes.subarray(0, length))
    }
    socket.resetAndDestroy()
    const reset = await rig.next(EVENT.reset, client)
    assert.equal(reset.a, ECONNRESET)
    assert.deepEqual(rig.rows, [])
  }
  assert.equal(rig.stat('open'), 0)
  assert.equal(rig.stat('resets'), 7)
})

test('bytes that arrived before the reset are delivered before it', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  rig.op(OP.pause, client)
  const bytes = pattern(50_000)
  // The peer's kernel has sent it all (loopback delivers at once) when the write calls back; only then comes the reset.
  await new Promise((resolve) => socket.write(bytes, resolve))
  rig.op(OP.resume, client)
  socket.resetAndDestroy()
  assert.deepEqual(await rig.data(client, bytes.length), bytes)
  assert.equal((await rig.next(EVENT.reset, client)).a, ECONNRESET)
})

test('a reset is reported on a paused connection too', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  rig.op(OP.pause, client)
  socket.write('unread')
  socket.resetAndDestroy()
  assert.equal((await rig.next(EVENT.reset, client)).a, ECONNRESET)
  assert.deepEqual(rig.rows, [])
})

test('a send that fails loses nothing that was received, and the reset row still comes', async (t) => {
  const rig = new Rig(t)
  const address = await server(t, (socket) => {
    socket.on('data', () => {
      // The whole answer, then a reset, before the request is complete.
      socket.write(pattern(100_000), () => socket.resetAndDestroy())
    })
  })
  const upstream = rig.connect(address)
  await rig.next(EVENT.connected, upstream)
  rig.op(OP.pause, upstream)
  rig.send(upstream, 'request')
  const before = rig.stat('badOps')
  // Neither paused nor polled meanwhile: the engine first hears of the reset from its own send.
  rig.op(OP.resume, upstream)
  const seen: Buffer[] = []
  let resets = 0
  rig.onRow = (row) => {
    if (row.kind === EVENT.data) {
      seen.push(row.bytes)
      rig.send(upstream, 'more of the request')
    }
    if (row.kind === EVENT.reset) resets++
  }
  await rig.until(() => resets === 1, 'the reset')
  assert.deepEqual(Buffer.concat(seen), pattern(100_000))
  assert.equal(rig.stat('badOps'), before)
  assert.equal(rig.stat('open'), 0)
})

test('a peer that closes and then resets what we send: data, end, reset', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  socket.on('close', () => {})
  socket.end('all')
  assert.equal((await rig.next(EVENT.data, client)).bytes.toString(), 'all')
  await rig.next(EVENT.end, client)
  const gone = closed(socket)
  socket.destroy()
  await gone
  rig.send(client, 'into the void')
  const reset = await rig.next(EVENT.reset, client)
  assert.ok(reset.a === EPIPE || reset.a === ECONNRESET, `${reset.a}`)
})

test('half-close both ways: after its FIN the peer is answered, after ours it is heard', async (t) => {
  const rig = new Rig(t)
  const group = rig.listen()
  const [one, first] = await rig.pair(group)
  one.end('question')
  await rig.next(EVENT.data, first)
  await rig.next(EVENT.end, first)
  rig.send(first, 'answer')
  rig.op(OP.shutdown, first)
  assert.equal((await readAll(one)).toString(), 'answer')
  rig.op(OP.close, first, 0)

  const [other, second] = await rig.pair(group)
  rig.op(OP.shutdown, second)
  await once(other.resume(), 'end')
  other.end('late words')
  assert.equal((await rig.data(second, 10)).toString(), 'late words')
  await rig.next(EVENT.end, second)
  rig.op(OP.close, second, 0)
  assert.equal(rig.stat('open'), 0)
  assert.equal(rig.stat('resets'), 0)
})

test('reset drops what is queued and the peer sees a reset, not an end', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  socket.pause()
  rig.send(client, pattern(8 << 20))
  const gone = closed(socket)
  rig.op(OP.reset, client)
  assert.equal(rig.stat('queuedBytes'), 0)
  assert.equal(rig.stat('open'), 0)
  socket.resume()
  assert.equal(await gone, 'ECONNRESET')
  await rig.until(() => true, 'nothing')
  assert.deepEqual(rig.rows, [], 'blocked of a dead handle is not delivered')
})
