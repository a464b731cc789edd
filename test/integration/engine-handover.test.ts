import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connections } from '../../native/index.ts'
import { EVENT, OP } from '../../src/io/engine.ts'
import { Rig, closed, pattern, readAll } from './engine-rig.ts'

test('a handover moves queued output: it is flushed by the new owner, who hears writable', async (t) => {
  const [one, other] = [new Rig(t), new Rig(t, { shard: 1 })]
  const [socket, client] = await one.pair(one.listen())
  socket.pause()
  const bytes = pattern(6 << 20)
  one.send(client, bytes)
  await one.next(EVENT.blocked, client)
  one.op(OP.handover, client, 1, -77)
  assert.equal(one.stat('queuedBytes'), 0)
  assert.equal(one.engine.progress(client.fd, client.generation), -1)
  const taken = await other.next(EVENT.takenOver)
  assert.deepEqual([taken.fd, taken.a, taken.b], [client.fd, -77, 2])
  assert.notEqual(taken.generation, client.generation)
  assert.ok(other.stat('queuedBytes') > 0)
  const heard = readAll(socket)
  await other.next(EVENT.writable, taken)
  other.send(taken, 'from the other')
  other.op(OP.close, taken, 1000)
  socket.end()
  assert.deepEqual(await heard, Buffer.concat([bytes, Buffer.from('from the other')]))
  assert.deepEqual([one.stat('open'), one.stat('queuedBytes'), other.stat('queuedBytes')], [0, 0, 0])
})

test('a handover keeps what was not read, and waits for resume', async (t) => {
  const [one, other] = [new Rig(t), new Rig(t, { shard: 1 })]
  const [socket, client] = await one.pair(one.listen())
  one.op(OP.pause, client)
  await new Promise((resolve) => socket.end('unread', () => resolve(undefined)))
  one.op(OP.handover, client, 1, 1)
  const taken = await other.next(EVENT.takenOver)
  assert.equal(taken.b, 0)
  other.send(taken, 'answer')
  other.op(OP.shutdown, taken)
  assert.equal((await readAll(socket)).toString(), 'answer')
  assert.deepEqual(
    other.rows.map(({ kind }) => kind),
    [EVENT.hangup],
    'reading is paused',
  )
  other.op(OP.resume, taken)
  assert.equal((await other.data(taken, 6)).toString(), 'unread')
  await other.next(EVENT.end, taken)
})

test('a handover tells of a FIN that was seen', async (t) => {
  const [one, other] = [new Rig(t), new Rig(t, { shard: 1 })]
  const [socket, client] = await one.pair(one.listen())
  socket.end('all')
  await one.next(EVENT.end, client)
  one.op(OP.handover, client, 1, 5)
  const taken = await other.next(EVENT.takenOver)
  assert.equal(taken.b, 1)
  other.op(OP.resume, taken)
  other.send(taken, 'answer')
  other.op(OP.close, taken, 1000)
  assert.equal((await readAll(socket)).toString(), 'answer')
  assert.equal(other.rows.length, 0, 'no second end')
})

test('to oneself is a handover too; from nobody it comes back', async (t) => {
  const rig = new Rig(t)
  const group = rig.listen()
  const [socket, client] = await rig.pair(group)
  rig.op(OP.handover, client, 0, 3)
  const taken = await rig.next(EVENT.takenOver)
  assert.equal(taken.fd, client.fd)
  rig.op(OP.resume, taken)
  socket.write('here')
  assert.equal((await rig.data(taken, 4)).toString(), 'here')
  assert.equal(rig.stat('open'), 1)
  rig.op(OP.handover, taken, 200, 4)
  const back = await rig.next(EVENT.takenOver)
  assert.equal(back.fd, client.fd)
  rig.op(OP.resume, back)
  socket.write('again')
  assert.equal((await rig.data(back, 5)).toString(), 'again')
  assert.deepEqual([rig.stat('open'), rig.stat('resets'), connections.count()], [1, 0, 1])
})

test('handed to an engine that stops before it looks: the connection waits in the table', async (t) => {
  const [one, other] = [new Rig(t), new Rig(t, { shard: 1 })]
  const [socket, client] = await one.pair(one.listen())
  const gone = closed(socket.resume())
  one.op(OP.handover, client, 1, 0)
  other.engine.stop()
  assert.equal(connections.count(1), 1)
  assert.equal(connections.resetOwned(1), 1)
  assert.equal(await gone, 'ECONNRESET')
})
