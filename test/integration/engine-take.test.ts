import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connections } from '../../native/index.ts'
import { EVENT, OP, RELAY } from '../../src/io/engine.ts'
import { Rig, closed, pattern, readAll, server } from './engine-rig.ts'
import { ask, estate, hear } from './engine-shard.ts'

test('what came to an end meanwhile is not to be had; its number may have its next tenant', async (t) => {
  const [one, other] = [new Rig(t), new Rig(t, { shard: 1 })]
  const [, near] = await one.pair(one.listen())
  one.engine.stop()
  assert.equal(other.engine.take(near.fd, near.generation + 1), 0)
  assert.equal(connections.resetOne(near.fd, near.generation + 1), false)
  assert.equal(connections.resetOne(near.fd, near.generation), true)
  const { address } = other.listen()
  let next = other.connect(address)
  while (next.fd < near.fd) next = other.connect(address)
  assert.equal(next.fd, near.fd, 'the number is free')
  assert.equal(other.engine.take(near.fd, near.generation), 0)
  assert.equal(connections.resetOne(near.fd, near.generation), false)
  assert.equal(connections.resetOne(next.fd, next.generation), false, 'somebody serves it')
  assert.deepEqual(
    [other.engine.take(-1, 1), other.engine.take(1 << 20, 1), other.engine.take(0, 0)],
    [0, 0, 0],
  )
  assert.equal(other.engine.take(next.fd, next.generation), next.generation, 'it is ours already')
})

test('queued output, its blocking and the FIN that was read go along; what was never read is announced anew', async (t) => {
  const [one, other] = [new Rig(t), new Rig(t, { shard: 1 })]
  const [socket, near] = await one.pair(one.listen())
  socket.pause()
  socket.end('all of it')
  await one.next(EVENT.end, near)
  const bytes = pattern(6 << 20)
  one.send(near, bytes)
  await one.next(EVENT.blocked, near)
  one.engine.stop()
  assert.deepEqual([one.stat('open'), one.stat('queuedBytes')], [0, 0])
  const [row] = estate(0)
  assert.ok(row !== undefined && row.bytes > 9)
  const fd = row.fd
  const generation = other.engine.take(fd, row.generation)
  assert.equal(other.engine.flagsOf(fd, generation), 3)
  assert.equal(other.engine.flagsOf(fd, row.generation), -1)
  assert.equal(other.engine.peerOf(fd, generation), `127.0.0.1 ${socket.localPort}`)
  assert.equal(other.engine.peerOf(fd, row.generation), undefined)
  const acknowledged = other.engine.progress(fd, generation)
  assert.ok(acknowledged >= 9 && acknowledged < row.bytes, 'the kernel took more than the peer did')
  assert.equal(other.stat('queuedBytes') + row.bytes, bytes.length + 9)
  // Of a handle that was taken the audit knows nothing: it is told.
  other.audit.taken(fd, generation, 3)
  const heard = readAll(socket)
  await other.next(EVENT.writable, { fd, generation })
  other.send({ fd, generation }, 'from the heir')
  other.op(OP.resume, { fd, generation })
  other.op(OP.close, { fd, generation }, 1000)
  assert.deepEqual(await heard, Buffer.concat([bytes, Buffer.from('from the heir')]))
  assert.ok(!other.rows.some(({ kind }) => kind === EVENT.end || kind === EVENT.data))
})

test('relays of the life before are forgotten, and a tunnel goes on by relays of the heir', async (t) => {
  const [one, other] = [new Rig(t), new Rig(t, { shard: 1 })]
  const address = await server(t, (backend) =>
    backend.on('data', (bytes) => backend.write(bytes)).on('end', () => backend.end()),
  )
  const [socket, near] = await one.pair(one.listen())
  const upstream = one.connect(address)
  await one.next(EVENT.connected, upstream)
  one.op(OP.relay, near, upstream.fd, upstream.generation, -1, -1)
  one.op(OP.relay, upstream, near.fd, near.generation, -1, -1)
  await ask(socket, 'through the tunnel')
  one.engine.stop()
  socket.write('in between')
  const left = estate(0)
  assert.deepEqual(
    left.map(({ fd, kind }) => `${fd} ${kind}`).toSorted(),
    [`${near.fd} 1`, `${upstream.fd} 2`].toSorted(),
  )
  const taken = left.map(({ fd, generation }) => ({ fd, generation: other.engine.take(fd, generation) }))
  for (const handle of taken) other.audit.taken(handle.fd, handle.generation, 0)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(other.rows, [], 'paused, and no relay of old ends here')
  const [mine, theirs] = taken as [{ fd: number; generation: number }, { fd: number; generation: number }]
  other.op(OP.relay, mine, theirs.fd, theirs.generation, -1, -1)
  other.op(OP.relay, theirs, mine.fd, mine.generation, -1, -1)
  await hear(socket, 'in between')
  await ask(socket, 'and through the next one')
  socket.end()
  const done = await other.next(EVENT.relayDone)
  assert.equal(done.a, RELAY.ended)
})

test('connecting and closing ones are ended with the estate, what is sent already in peace', async (t) => {
  const rig = new Rig(t)
  const group = rig.listen()
  const [parting, one] = await rig.pair(group)
  const [, two] = await rig.pair(group)
  const [stuck, three] = await rig.pair(group)
  rig.send(one, 'last words')
  rig.op(OP.close, one, 5000)
  stuck.pause()
  rig.send(three, pattern(6 << 20))
  rig.op(OP.close, three, 5000)
  rig.connect('127.0.0.1:1')
  rig.engine.stop()
  assert.equal(connections.count(0), 4)
  const ends = [readAll(parting), closed(stuck.resume())] as const
  assert.deepEqual(
    estate(0).map(({ fd, generation }) => [fd, generation]),
    [[two.fd, two.generation]],
  )
  assert.equal((await ends[0]).toString(), 'last words')
  assert.equal(await ends[1], 'ECONNRESET')
  assert.equal(connections.count(0), 1)
})

test('handed over to an engine that dies before it looks: part of its estate, under the new generation', async (t) => {
  const [one, other, heir] = [new Rig(t), new Rig(t, { shard: 1 }), new Rig(t, { shard: 2 })]
  const [socket, near] = await one.pair(one.listen('127.0.0.1:0', 77))
  one.op(OP.handover, near, 1, 5)
  other.engine.stop()
  const [row, ...more] = estate(1)
  assert.deepEqual([row?.fd, row?.token, more.length], [near.fd, 77, 0])
  assert.equal(row?.generation, near.generation + 1)
  const generation = heir.engine.take(near.fd, near.generation + 1)
  assert.notEqual(generation, 0)
  heir.audit.taken(near.fd, generation, 0)
  heir.op(OP.resume, { fd: near.fd, generation })
  socket.write('found')
  assert.equal((await heir.data({ fd: near.fd, generation }, 5)).toString(), 'found')
})
