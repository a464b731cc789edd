import assert from 'node:assert/strict'
import type net from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { connections } from '../../native/index.ts'
import { EVENT } from '../../src/io/engine.ts'
import type { ListenerGroup } from '../../src/io/engine.ts'
import { closed, eventually } from './engine-rig.ts'
import { ask, client, estate, hear, lastBatch, open, openGate, shard, take } from './engine-shard.ts'
import type { Shard } from './engine-shard.ts'

/** Has the shard find one batch in which `questions` are rows in this order, by holding its thread until all have arrived. */
async function ambush(
  dying: Shard,
  sockets: readonly net.Socket[],
  questions: readonly string[],
): Promise<void> {
  const [first, ...others] = sockets
  first?.write('w')
  await eventually(() => dying.said.some(({ waiting }) => waiting === true), 'the shard to wait')
  for (const [index, socket] of others.entries()) {
    await new Promise<void>((resolve) => socket.write(questions[index] ?? '', () => resolve()))
  }
  openGate(dying.gate)
}

async function survivors(t: TestContext): Promise<[ListenerGroup, Shard, Shard]> {
  const group = open(t, 1)
  return [group, await shard(t, 1, group.fds), await shard(t, 2, [])]
}

for (const [poison, how] of Object.entries({
  '?': 'an exception',
  x: 'process.exit',
  '!': 'terminate in a loop',
})) {
  test(`killed in mid-batch by ${how}: what was decided is done, what nobody saw is at hand, and an heir goes on with all`, async (t) => {
    const [group, dying, heir] = await survivors(t)
    const sockets: net.Socket[] = []
    for (let i = 0; i < 5; i++) sockets.push(await client(group))
    const [waiting, answered, suspect, unseen, idle] = sockets as [
      net.Socket,
      net.Socket,
      net.Socket,
      net.Socket,
      net.Socket,
    ]
    await ambush(dying, [waiting, answered, suspect, unseen], ['decided', poison, 'unseen'])
    if (poison === '!') {
      await eventually(() => lastBatch(dying.memory).cursor === 1, 'the loop')
      await dying.worker.terminate()
    }
    await dying.exit
    await hear(answered, 'decided')

    const { cursor, rows, text } = lastBatch(dying.memory)
    assert.deepEqual([cursor, rows.map((row) => row[0])], [1, [EVENT.data, EVENT.data, EVENT.data]])
    assert.deepEqual([text(1), text(2)], [poison, 'unseen'])
    const left = estate(1)
    assert.equal(left.length, 5)
    assert.ok(left.every(({ kind, token }) => kind === 1 && token === 1))
    const others = left.filter(({ fd }) => fd !== rows[1]?.[1])
    const end = closed(suspect.resume())
    assert.equal(connections.resetOne(rows[1]?.[1] ?? -1, rows[1]?.[2] ?? 0), true)
    assert.equal(await end, 'ECONNRESET')
    const took = await take(heir, others)
    assert.deepEqual(
      took.map(({ peer }) => peer).toSorted(),
      [waiting, answered, unseen, idle].map((socket) => `127.0.0.1 ${socket.localPort}`).toSorted(),
    )
    assert.ok(took.every(({ taken, flags }) => taken !== 0 && flags === 0))
    for (const socket of [waiting, answered, unseen, idle]) await ask(socket, 'and on it goes')
    assert.deepEqual([connections.count(1), connections.count(2)], [0, 4])
    assert.equal(connections.resetOne(others[0]?.fd ?? -1, others[0]?.generation ?? 0), false)
    for (const socket of sockets) socket.destroy()
    await eventually(() => connections.count() === 0, 'the end')
  })
}

test('killed between two batches: nothing is under way, nothing is lost, the successor with the same index takes all', async (t) => {
  const group = open(t, 1)
  const dying = await shard(t, 1, group.fds)
  const sockets = await Promise.all(Array.from({ length: 32 }, () => client(group)))
  await dying.worker.terminate()
  for (const socket of sockets.slice(0, 16)) socket.write('sent to nobody')
  const { cursor, rows } = lastBatch(dying.memory)
  assert.deepEqual([cursor, rows.length], [-1, 0])
  const left = estate(1)
  const next = await shard(t, 1, group.fds)
  assert.throws(() => connections.estate(1), { code: 'ERR_WEIR_SHARD_ALIVE' })
  assert.equal(connections.count(1), 32)
  const took = await take(next, left)
  assert.ok(took.every(({ taken }, row) => taken !== 0 && taken !== left[row]?.generation))
  await Promise.all(sockets.slice(0, 16).map((socket) => hear(socket, 'sent to nobody')))
  await Promise.all(sockets.map((socket) => ask(socket, 'here again')))
  assert.deepEqual(
    (await take(next, left)).map(({ taken }) => taken),
    left.map(() => 0),
  )
  for (const socket of sockets) socket.destroy()
  await eventually(() => connections.count() === 0, 'the end')
})

test('two heirs that reach for the same connections: each of them is served by exactly one', async (t) => {
  const group = open(t, 1)
  const dying = await shard(t, 1, group.fds)
  const heirs = [await shard(t, 2, []), await shard(t, 3, [])] as const
  const sockets = await Promise.all(Array.from({ length: 64 }, () => client(group)))
  await dying.worker.terminate()
  const left = estate(1)
  const [one, other] = await Promise.all([take(heirs[0], left), take(heirs[1], left.toReversed())])
  for (const { fd } of left) {
    const takers = [...one, ...other].filter((row) => row.fd === fd && row.taken !== 0)
    assert.equal(takers.length, 1)
  }
  await Promise.all(sockets.map((socket) => ask(socket, 'one of yours')))
  assert.equal(connections.count(2) + connections.count(3), 64)
  for (const socket of sockets) socket.destroy()
  await eventually(() => connections.count() === 0, 'the end')
})

test('shards killed again and again under load: no client loses its connection but the one at the cursor', async (t) => {
  const group = open(t, 1)
  let serving = { ...(await shard(t, 1, group.fds)), index: 1 }
  let sockets = await Promise.all(Array.from({ length: 24 }, () => client(group)))
  for (let round = 0; round < 6; round++) {
    const index = 2 + (round % 2)
    const next = await shard(t, index, [])
    const asked = new Map(sockets.map((socket) => [socket, ask(socket, `${round}${'z'.repeat(3000)}`)]))
    await serving.worker.terminate()
    const { cursor, rows, text } = lastBatch(serving.memory)
    const took = await take(next, estate(serving.index))
    assert.equal(took.filter(({ taken }) => taken !== 0).length, sockets.length)
    const socketOf = (row: number): net.Socket | undefined => {
      const port = took.find(({ fd }) => fd === rows[row]?.[1])?.peer.split(' ')[1]
      return sockets.find(({ localPort }) => localPort === Number(port))
    }
    const suspect = socketOf(cursor)
    suspect?.destroy()
    // Nobody saw the rows behind it: their clients ask again.
    for (let row = cursor + 1; row < rows.length; row++) socketOf(row)?.write(text(row))
    if (suspect !== undefined) void asked.get(suspect)?.catch(() => {})
    sockets = sockets.filter((socket) => socket !== suspect)
    await Promise.all(sockets.map((socket) => asked.get(socket) ?? Promise.reject(new Error('not asked'))))
    serving = { ...next, index }
  }
  assert.ok(sockets.length >= 18 && sockets.every((socket) => !socket.destroyed))
  for (const socket of sockets) socket.destroy()
  await eventually(() => connections.count() === 0, 'the end')
})
