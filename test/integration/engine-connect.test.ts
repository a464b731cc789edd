import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { listeners } from '../../native/index.ts'
import { EVENT, OP } from '../../src/io/engine.ts'
import { Rig, eventually, pattern, server } from './engine-rig.ts'

const { ECONNREFUSED, EINVAL, ENOENT, EAGAIN, ENETUNREACH, ENOBUFS } = constants.errno

test('data sent while connecting is on its way when connected is said', async (t) => {
  const rig = new Rig(t)
  const heard: Buffer[] = []
  const address = await server(t, (socket) => socket.on('data', (bytes: Buffer) => heard.push(bytes)))
  const upstream = rig.connect(address)
  rig.send(upstream, 'first ')
  rig.send(upstream, 'second')
  assert.equal(rig.stat('queuedBytes'), 12)
  await rig.next(EVENT.connected, upstream)
  assert.equal(rig.stat('queuedBytes'), 0)
  assert.equal(rig.engine.progress(upstream.fd, upstream.generation), 12)
  await eventually(() => Buffer.concat(heard).toString() === 'first second', 'the bytes')
  assert.deepEqual(rig.rows, [], 'no blocked, no writable')
})

test('more than the socket takes, queued while connecting: blocked follows connected', async (t) => {
  const rig = new Rig(t)
  const bytes = pattern(12 << 20)
  let heard = 0
  const address = await server(t, (socket) => socket.on('data', (piece: Buffer) => (heard += piece.length)))
  const upstream = rig.connect(address)
  rig.send(upstream, bytes)
  await rig.until(() => rig.rows.length >= 2, 'two rows')
  assert.deepEqual(
    rig.rows.slice(0, 2).map(({ kind }) => kind),
    [EVENT.connected, EVENT.blocked],
  )
  await rig.next(EVENT.writable, upstream)
  await eventually(() => heard === bytes.length, 'all bytes')
})

test('refused: connectFailed with the errno, the handle is dead', async (t) => {
  const rig = new Rig(t)
  const group = listeners.open('127.0.0.1:0', 1, 1)
  listeners.close(group)
  const upstream = rig.connect(group.address)
  rig.send(upstream, 'nobody hears this')
  const failed = await rig.next(EVENT.connectFailed, upstream)
  assert.equal(failed.a, ECONNREFUSED)
  assert.equal(rig.engine.progress(upstream.fd, upstream.generation), -1)
  assert.equal(rig.stat('connectFailures'), 1)
  assert.equal(rig.stat('queuedBytes'), 0)
  assert.equal(rig.stat('open'), 0)
})

test('what fails at once is answered at once', (t) => {
  const rig = new Rig(t)
  assert.equal(rig.engine.connect('unix:/nonexistent/weir.sock'), -ENOENT)
  assert.equal(rig.engine.connect('255.255.255.255:80'), -ENETUNREACH)
  assert.equal(rig.stat('open'), 0)
  const failures = rig.stat('connectFailures')
  const malformed = [
    '',
    ':',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:+80',
    'localhost:80',
    '[::1]',
    '::1:80',
  ]
  for (const address of [
    ...malformed,
    'unix:',
    `unix:/${'x'.repeat(200)}`,
    '[127.0.0.1]:80',
    '1.2.3:4',
    'unix:/a\0b',
  ]) {
    assert.equal(rig.engine.connect(address), -EINVAL, address)
  }
  assert.equal(rig.stat('connectFailures'), failures, 'no attempt was made')
})

test('over IPv6 and over a unix socket, engine to engine', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const rig = new Rig(t)
  for (const address of ['[::1]:0', `unix:${join(folder, 'socket')}`]) {
    const upstream = rig.connect(rig.listen(address).address)
    const [client] = await Promise.all([rig.next(EVENT.accepted), rig.next(EVENT.connected, upstream)])
    const bytes = pattern(3 << 20)
    rig.send(upstream, bytes)
    assert.deepEqual(await rig.data(client, bytes.length), bytes)
    rig.op(OP.close, upstream, 1000)
    await rig.next(EVENT.end, client)
    rig.op(OP.close, client, 0)
    await eventually(() => rig.stat('open') === 0, 'both ends closed')
    rig.rows = []
  }
})

test('a unix socket whose backlog is full refuses at once', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const rig = new Rig(t)
  const group = rig.open(`unix:${join(folder, 'socket')}`, 1, 1) // nobody accepts
  const results = Array.from({ length: 6 }, () => rig.engine.connect(group.address))
  for (const fd of results.filter((result) => result >= 0))
    rig.audit.connecting(fd, rig.engine.generationOf(fd))
  assert.ok(results.includes(-EAGAIN), results.join())
  assert.equal(rig.stat('connectFailures'), results.filter((result) => result < 0).length)
})

test('a connecting connection may be closed, reset, or overflow', async (t) => {
  const rig = new Rig(t, { queueCap: 1 << 20 })
  // A backlog of 1 that nobody accepts from: later SYNs go unanswered, the connects stay under way.
  const group = rig.open('127.0.0.1:0', 1, 0)
  const handles = Array.from({ length: 6 }, () => rig.connect(group.address))
  await rig.until(() => rig.rows.some(({ kind }) => kind === EVENT.connected), 'the first')
  const waiting = handles.filter(({ fd }) => !rig.rows.some((row) => row.fd === fd))
  const [one, two, three] = waiting
  assert.ok(one && two && three, 'three are under way')
  const open = rig.stat('open')
  rig.op(OP.close, one, 1000)
  rig.op(OP.reset, two)
  assert.equal(rig.stat('open'), open - 2)
  rig.send(three, pattern((1 << 20) + 1))
  assert.equal((await rig.next(EVENT.connectFailed, three)).a, ENOBUFS)
  assert.equal(rig.stat('overflows'), 1)
})
