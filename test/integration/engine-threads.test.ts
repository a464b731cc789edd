import assert from 'node:assert/strict'
import { once } from 'node:events'
import type net from 'node:net'
import { test } from 'node:test'
import { connections } from '../../native/index.ts'
import { closed, dial, eventually, pattern } from './engine-rig.ts'
import { ask, client, open, shard } from './engine-shard.ts'

test('two engines in two threads share the load of one address and the table of one process', async (t) => {
  const group = open(t, 2)
  await shard(t, 1, group.fds.slice(0, 1))
  await shard(t, 2, group.fds.slice(1))
  const clients = await Promise.all(Array.from({ length: 64 }, () => client(group)))
  assert.equal(connections.count(), 64)
  assert.equal(connections.count(1) + connections.count(2), 64)
  assert.ok(connections.count(1) > 0 && connections.count(2) > 0)
  await Promise.all(
    clients.map((socket, index) =>
      ask(
        socket,
        pattern(20_000, index + 1)
          .toString('latin1')
          .replace(/[^a-z]/g, 'z'),
      ),
    ),
  )
  for (const socket of clients) socket.end()
  await eventually(() => connections.count() === 0, 'all to close')
})

test('fds wander between threads: opened here, closed there, thousands of times, and no handle is confused', async (t) => {
  const group = open(t, 2)
  await shard(t, 1, group.fds.slice(0, 1))
  await shard(t, 2, group.fds.slice(1))
  const one = async (seed: number): Promise<void> => {
    for (let round = 0; round < 40; round++) {
      const socket = dial(group.address)
      await ask(socket, `connection ${seed} round ${round}`)
      if ((seed + round) % 3 === 0) socket.resetAndDestroy()
      else socket.end()
    }
  }
  await Promise.all(Array.from({ length: 32 }, (_, seed) => one(seed)))
  await eventually(() => connections.count() === 0, 'all to close')
})

test('a worker terminated while it spins inside the handler: its connections stay, and are reset by resetOwned', async (t) => {
  const group = open(t, 1)
  const { worker, exit } = await shard(t, 3, group.fds)
  const idle = await Promise.all(Array.from({ length: 5 }, () => client(group)))
  idle[0]?.write('!')
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.throws(() => connections.resetOwned(3), { code: 'ERR_WEIR_SHARD_ALIVE' })
  await worker.terminate()
  await exit
  assert.equal(connections.count(3), 5)
  assert.ok(
    idle.every((socket) => !socket.destroyed),
    'the clients notice nothing',
  )
  const ends = idle.map((socket) => closed(socket.resume()))
  assert.equal(connections.resetOwned(3), 5)
  assert.deepEqual(
    await Promise.all(ends),
    Array.from({ length: 5 }, () => 'ECONNRESET'),
  )
  assert.equal(connections.count(3), 0)
  assert.equal(connections.resetOwned(3), 0)
  // The listening socket outlives the shard: the next one serves what queued meanwhile.
  const waiting = dial(group.address)
  waiting.write('patient')
  await shard(t, 9, group.fds)
  const [bytes] = (await once(waiting, 'data')) as [Buffer]
  assert.equal(bytes.toString(), 'patient')
  waiting.destroy()
})

test('a worker that throws or exits inside the handler leaves its connections too', async (t) => {
  for (const way of ['?', 'x']) {
    const group = open(t, 1)
    const { exit } = await shard(t, 4, group.fds)
    const [one, other] = [await client(group), await client(group)]
    const ends = [closed(one.resume()), closed(other.resume())]
    one.write(way)
    assert.equal(await exit, way === 'x' ? 3 : 1)
    assert.equal(connections.count(4), 2)
    assert.equal(connections.resetOwned(4), 2)
    assert.deepEqual(await Promise.all(ends), ['ECONNRESET', 'ECONNRESET'])
  }
})

test('a stopped engine lets its thread end', async (t) => {
  const { worker, exit } = await shard(t, 5, [])
  worker.postMessage({ stop: true })
  assert.equal(await exit, 0)
})

test('workers come and go, terminated at any moment', async (t) => {
  const group = open(t, 1)
  for (let round = 0; round < 12; round++) {
    const { worker, exit } = await shard(t, 6, group.fds)
    const busy = Array.from({ length: 8 }, () => dial(group.address))
    for (const socket of busy) {
      socket.on('data', (bytes: Buffer) => socket.write(bytes))
      socket.write('x'.repeat(1 + round * 1000).replace(/^x/, 'y'))
    }
    await once(busy[round % 8] as net.Socket, 'data')
    await worker.terminate()
    await exit
    connections.resetOwned(6)
    for (const socket of busy) socket.destroy()
  }
  assert.equal(connections.count(6), 0)
})

test('wake reaches an engine that exists, and says so of one that does not', async (t) => {
  const one = await shard(t, 7, [])
  const other = await shard(t, 8, [])
  one.worker.postMessage({ wake: 8 })
  await eventually(() => other.said.some(({ woken }) => woken === true), 'the wake')
  assert.ok(one.said.some(({ wakeResult }) => wakeResult === true))
  await other.worker.terminate()
  one.worker.postMessage({ wake: 8 })
  await eventually(() => one.said.some(({ wakeResult }) => wakeResult === false), 'the answer')
  assert.ok(!one.said.some(({ woken }) => woken === true))
})

test('a connection is handed from engine to engine and back; the client notices nothing', async (t) => {
  const group = open(t, 1)
  const one = await shard(t, 1, group.fds)
  const other = await shard(t, 2, [])
  const socket = await client(group)
  for (let round = 1; round <= 3; round++) {
    socket.write('>2')
    await eventually(
      () => other.said.filter(({ takenOver }) => takenOver === 1001).length === round,
      'the handover',
    )
    assert.deepEqual([connections.count(1), connections.count(2)], [0, 1])
    await ask(socket, `served by the other ${round}`)
    socket.write('>1')
    await eventually(
      () => one.said.filter(({ takenOver }) => takenOver === 1002).length === round,
      'the way back',
    )
    await ask(socket, `served by the first ${round}`)
  }
  socket.end()
  await eventually(() => connections.count() === 0, 'the close')
})

test('a connection handed to an engine that has ended comes back; the client notices nothing', async (t) => {
  const group = open(t, 1)
  const one = await shard(t, 1, group.fds)
  const other = await shard(t, 2, [])
  await other.worker.terminate()
  await other.exit
  const socket = await client(group)
  socket.write('>2')
  await eventually(() => one.said.some(({ takenOver }) => takenOver === 1001), 'it is back')
  await ask(socket, 'served by the first')
  assert.equal(connections.count(1), 1)
})
