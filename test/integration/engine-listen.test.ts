import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { connections, listeners } from '../../native/index.ts'
import { EVENT, OP } from '../../src/io/engine.ts'
import { Rig, closed, dial, eventually, readAll } from './engine-rig.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'weir-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('port 0 picks one port for all members', (t) => {
  const rig = new Rig(t)
  const group = rig.open('127.0.0.1:0', 8)
  assert.match(group.address, /^127\.0\.0\.1:[1-9]\d*$/)
  assert.equal(new Set(group.fds).size, 8)
})

test('an address in use is refused with its code: by another program, and by a group of our own', async (t) => {
  const rig = new Rig(t)
  const group = rig.open('127.0.0.1:0', 2)
  const failure = { code: 'EADDRINUSE', address: group.address, syscall: 'listen' }
  assert.throws(() => listeners.open(group.address, 2, 511), failure)
  const other = net.createServer()
  t.after(() => other.close())
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = `127.0.0.1:${(other.address() as net.AddressInfo).port}`
  assert.throws(() => listeners.open(address, 1, 511), { code: 'EADDRINUSE', address })
  assert.throws(() => listeners.open('192.0.2.1:80', 1, 511), { code: 'EADDRNOTAVAIL' })
  for (const [bad, members] of [
    ['nonsense', 1],
    ['127.0.0.1:0', 0],
    ['127.0.0.1:0', 257],
  ] as const) {
    assert.throws(() => listeners.open(bad, members, 511), { code: 'EINVAL' })
  }
})

test('a port whose last connections are in TIME_WAIT can be bound again at once', async (t) => {
  const rig = new Rig(t)
  const group = listeners.open('127.0.0.1:0', 2, 511)
  for (const fd of group.fds) rig.engine.listen(fd, 1)
  const [socket, client] = await rig.pair(group)
  rig.op(OP.close, client, 1000) // we close first: TIME_WAIT is ours
  socket.end()
  await readAll(socket)
  await eventually(() => rig.stat('open') === 0, 'the close')
  for (const fd of group.fds) rig.engine.unlisten(fd)
  listeners.close(group)
  const again = listeners.open(group.address, 2, 511)
  assert.equal(again.address, group.address)
  listeners.close(again)
})

test('a unix socket: a stale file is replaced, one that is served is not, another file never', async (t) => {
  const path = join(folder(t), 'socket')
  const address = `unix:${path}`
  const rig = new Rig(t)
  const first = rig.listen(address)
  assert.deepEqual([first.address, first.fds.length], [address, 1])
  assert.throws(() => listeners.open(address, 4, 511), { code: 'EADDRINUSE', address })
  await rig.next(EVENT.end, await rig.next(EVENT.accepted)) // who listens was found out by connecting
  // A process that dies leaves the file: bind one in a child and kill it.
  const stale = join(folder(t), 'stale')
  const child = spawn(process.execPath, [
    '-e',
    'require("net").createServer().listen(process.argv[1], () => console.log())',
    stale,
  ])
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.ok(existsSync(stale))
  const second = rig.listen(`unix:${stale}`)
  const [socket, client] = await rig.pair(second)
  rig.send(client, 'alive')
  rig.op(OP.close, client, 0)
  assert.equal((await readAll(socket)).toString(), 'alive')
  const file = join(folder(t), 'file')
  writeFileSync(file, 'precious')
  assert.throws(() => listeners.open(`unix:${file}`, 1, 511), { code: 'EADDRINUSE' })
  assert.ok(existsSync(file))
  rig.stop()
  assert.ok(!existsSync(path), 'closing removes the file')
})

test('closing a group leaves the file of whoever replaced it', (t) => {
  const path = join(folder(t), 'socket')
  const first = listeners.open(`unix:${path}`, 1, 511)
  rmSync(path)
  const second = listeners.open(`unix:${path}`, 1, 511)
  listeners.close(first)
  assert.ok(existsSync(path))
  listeners.close(second)
  assert.ok(!existsSync(path))
  assert.throws(() => listeners.close(second), { code: 'EBADF' }, 'what is no listening socket is not closed')
})

test('shards share one unix socket', async (t) => {
  const [one, other] = [new Rig(t), new Rig(t, { shard: 1 })]
  const group = one.listen(`unix:${join(folder(t), 'socket')}`)
  other.engine.listen(group.fds[0] ?? -1, 2)
  const sockets = Array.from({ length: 20 }, () => dial(group.address))
  await eventually(() => one.stat('accepted') + other.stat('accepted') === 20, 'all')
  other.engine.unlisten(group.fds[0] ?? -1)
  const more = Array.from({ length: 20 }, () => dial(group.address))
  await eventually(() => one.stat('accepted') + other.stat('accepted') === 40, 'all')
  assert.ok(one.stat('accepted') >= 20)
  for (const socket of [...sockets, ...more]) socket.destroy()
})

test('steer: shares as the weights say, a 0 gets none, and it can be changed at run time', async (t) => {
  const rigs = [0, 1, 2].map((shard) => new Rig(t, { shard }))
  const group = listeners.open('127.0.0.1:0', 3, 2048)
  t.after(() => listeners.close(group))
  for (const [index, rig] of rigs.entries()) rig.engine.listen(group.fds[index] ?? -1, index)
  let before = [0, 0, 0]
  for (const weights of [
    [1, 0, 3],
    [0, 5, 0],
    [0.5, 0.5, 1],
  ] as const) {
    listeners.steer(group, weights)
    const count = 400
    const total = (): number => rigs.reduce((sum, rig) => sum + rig.stat('accepted'), 0)
    const goal = total() + count
    const sockets = Array.from({ length: count }, () => dial(group.address))
    await eventually(() => total() === goal, 'all to be accepted')
    const sum = weights[0] + weights[1] + weights[2]
    for (const [index, rig] of rigs.entries()) {
      const share = rig.stat('accepted') - (before[index] ?? 0)
      const expected = (count * (weights[index] ?? 0)) / sum
      // Five standard deviations of a binomial draw: one false alarm in two million.
      const slack = 5 * Math.sqrt(expected * (1 - expected / count))
      assert.ok(
        Math.abs(share - expected) <= slack,
        `${share} of ${count} for weight ${weights[index]} of ${sum}`,
      )
    }
    before = rigs.map((rig) => rig.stat('accepted'))
    for (const socket of sockets) socket.destroy()
  }
  for (const bad of [
    [0, 0, 0],
    [1, 1],
    [1, -1, 1],
    [NaN, 1, 1],
    [Infinity, 1, 1],
  ]) {
    assert.throws(() => listeners.steer(group, bad), { code: 'EINVAL' })
  }
})

test('connections beyond maxConnections are closed at once and counted, over all engines of the process', async (t) => {
  const rig = new Rig(t, { maxConnections: 3 })
  const other = new Rig(t, { shard: 1, maxConnections: 3 })
  const [group, second] = [rig.listen(), other.listen()]
  const sockets: net.Socket[] = []
  for (let index = 0; index < 2; index++) sockets.push((await rig.pair(group))[0])
  sockets.push((await other.pair(second))[0])
  for (const refused of [dial(group.address), dial(second.address)])
    assert.equal((await readAll(refused)).length, 0)
  assert.deepEqual([rig.stat('refusedOverLimit'), other.stat('refusedOverLimit')], [1, 1])
  rig.connect(group.address) // our own connects are not limited
  sockets[0]?.resetAndDestroy()
  await rig.next(EVENT.reset)
  await rig.pair(group)
  assert.equal(connections.count(), 4)
})

test('listen says what it does not accept from', (t) => {
  const rig = new Rig(t)
  const group = rig.listen()
  assert.throws(() => rig.engine.listen(group.fds[0] ?? -1, 1), { code: 'EEXIST' })
  assert.throws(() => rig.engine.listen(0, 1), { code: 'EINVAL' })
  assert.throws(() => rig.engine.listen(-1, 1), { code: 'EINVAL' })
  rig.engine.unlisten(12_345)
})

test('the fd limit is raised to the hard one, at most the table’s size', () => {
  const limit = connections.raiseFdLimit()
  assert.ok(limit >= 256 && limit <= 1 << 20)
  assert.equal(connections.raiseFdLimit(), limit)
})

test('out of fds: clients get a close instead of silence, it is said once a second, and accepting resumes', async (t) => {
  const script = new URL('./engine-workers/starved.ts', import.meta.url).pathname
  const child = spawn('sh', ['-c', 'ulimit -n 60; exec "$0" "$1"', process.execPath, script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const said: Record<string, unknown>[] = []
  createInterface(child.stdout).on('line', (line) => said.push(JSON.parse(line) as Record<string, unknown>))
  const stats = async (): Promise<Record<string, number>> => {
    const from = said.length
    child.stdin.write('stats\n')
    await eventually(() => said.slice(from).some((one) => 'accepted' in one), 'the statistics')
    return said.slice(from).find((one) => 'accepted' in one) as Record<string, number>
  }
  await eventually(() => said.length > 0, 'the address')
  const address = String(said[0]?.['address'])

  const sockets = Array.from({ length: 100 }, () => dial(address))
  const gone = new Set<net.Socket>()
  for (const socket of sockets)
    socket
      .on('close', () => gone.add(socket))
      .on('end', () => socket.end())
      .resume()
  const started = performance.now()
  let last: Record<string, number> = {}
  while ((last['accepted'] ?? 0) + gone.size < 100) {
    assert.ok(performance.now() - started < 8000, `${last['accepted']} accepted, ${gone.size} turned away`)
    last = await stats()
  }
  const accepted = last['accepted'] ?? 0
  assert.ok(accepted > 5 && accepted < 60, `${accepted} accepted`)
  assert.ok((last['acceptExhausted'] ?? 0) >= 1)
  const rows = said.filter((one) => 'exhausted' in one)
  assert.ok(
    rows.length >= 1 && rows.length <= 1 + (performance.now() - started) / 1000,
    `${rows.length} rows`,
  )
  assert.deepEqual(rows[0]?.['exhausted'], constants.errno.EMFILE)
  assert.equal(rows[0]?.['fd'], rows[0]?.['listener'])

  const alive = sockets.filter((socket) => !gone.has(socket))
  for (const socket of alive.slice(0, 5)) socket.end()
  await eventually(() => alive.slice(0, 5).every((socket) => gone.has(socket)), 'five to be closed')
  const late = dial(address)
  let served = accepted
  while (served === accepted) served = (await stats())['accepted'] ?? 0
  const ended = closed(late.on('end', () => late.end()).resume())
  child.kill('SIGKILL')
  await ended
})
