/** A shard leaves by plan: no client notices, and no connection is lost. */
import assert from 'node:assert/strict'
import { setImmediate as settled } from 'node:timers/promises'
import { test } from 'node:test'
import { BACKEND, get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import { LISTENER, snapshotOf, startSimShard } from '../../support/sim-shard.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const got = (peer: SimPeer, body: string): boolean => peer.text.endsWith(body)
const clients = ({ shards }: ProxyRig): number[] => shards.map(({ shard }) => shard.census().clients)

/** Begin a handover of shard 0; what it says when it is over. */
const leave = (rig: ProxyRig, heirs: readonly number[], hardMs: number): { over: boolean } => {
  const state = { over: false }
  void rig.shards[0]!.shard.handOver(heirs, hardMs).then(() => (state.over = true))
  return state
}

test('idle clients and idle connections to endpoints go to the heirs at once', async () => {
  const rig = new ProxyRig({ shards: 3 })
  const backends = rig.backend(respond('ok'))
  const peers = Array.from({ length: 12 }, () => rig.client(get('/')))
  rig.until(() => peers.every((peer) => got(peer, 'ok')))
  const connects = backends.length
  rig.pass(60)
  const state = leave(rig, [1, 2], 10_000)
  rig.pass(120)
  await settled()
  assert.ok(state.over)
  const [left, one, two] = clients(rig)
  assert.equal(left, 0)
  assert.equal(one! + two!, 12)
  assert.ok(one! > 0 && two! > 0, `${one} and ${two}`)
  assert.equal(rig.shards[0]!.shard.census().upstreams, 0)
  assert.equal(rig.upstreams, connects)
  for (const peer of peers) peer.send(get('/again'))
  rig.until(() => peers.every((peer) => peer.text.split('200 OK').length === 3))
  assert.ok(peers.every((peer) => peer.resetBy === 0 && !peer.finReceived))
  rig.conclude()
})

test('who is given to a shard that has only begun is served when that knows its configuration', async () => {
  const rig = new ProxyRig({ shards: 2 })
  rig.backend(respond('ok'))
  const client = rig.client(get('/'))
  rig.until(() => got(client, 'ok'))
  rig.pass(60)
  rig.kill(1)
  await rig.settle(1)
  const successor = startSimShard(rig.world, rig.shards[0]!.fleet, 1, { life: 1 })
  leave(rig, [1], 10_000)
  rig.pass(200)
  successor.shard.apply(snapshotOf({ version: 1, endpoints: [BACKEND] }))
  client.send(get('/again'))
  rig.until(() => client.text.split('200 OK').length === 3)
  assert.deepEqual([client.resetBy, client.finReceived, successor.shard.census().clients], [0, false, 1])
})

/** An exchange keeps the leaver from being done; `finish` ends it. */
const slowRig = (shards: number): { rig: ProxyRig; slow: SimPeer; finish: () => void } => {
  const rig = new ProxyRig({ shards })
  let slowOne: SimPeer | undefined
  rig.backend((peer, request) => {
    if (!request.includes('/slow')) return respond('ok')
    slowOne = peer
  })
  const slow = rig.client(get('/slow'))
  rig.until(() => slowOne !== undefined)
  return { rig, slow, finish: () => slowOne!.send(respond('late')) }
}

/** How often a connection was given to shard 0 until now. */
const comings = (rig: ProxyRig): (() => number) => {
  const { shard } = rig.shards[0]!
  const onTakenOver = shard.onTakenOver.bind(shard)
  let count = 0
  shard.onTakenOver = (fd, generation, tag): void => {
    count++
    onTakenOver(fd, generation, tag)
  }
  return () => count
}

test('while its heir is gone a client comes back once a turn, no more, and is served; it follows when the successor is there', async () => {
  const { rig, slow, finish } = slowRig(2)
  const client = rig.client(get('/'))
  rig.until(() => got(client, 'ok'))
  rig.pass(60)
  rig.kill(1)
  await rig.settle(1)
  const came = comings(rig)
  const state = leave(rig, [1], 10_000)
  rig.pass(1000)
  const bounces = came()
  assert.ok(bounces > 10 && bounces <= 2 * 21, `${bounces} times within 20 turns`) // it, and an idle connection to the endpoint
  client.send(get('/meanwhile'))
  rig.until(() => client.text.split('200 OK').length === 3, 1000)
  const successor = startSimShard(rig.world, rig.shards[0]!.fleet, 1, { life: 1 })
  successor.shard.apply(snapshotOf({ version: 1, endpoints: [BACKEND] }))
  rig.pass(120)
  assert.deepEqual([clients(rig)[0], successor.shard.census().clients], [1, 1])
  finish()
  rig.until(() => got(slow, 'late'))
  rig.pass(60)
  await settled()
  assert.ok(state.over)
  client.send(get('/again'))
  rig.until(() => client.text.split('200 OK').length === 4)
  assert.deepEqual([client.resetBy, client.finReceived, successor.shard.census().clients], [0, false, 2])
})

test('told of other heirs it gives to those, at once, and answers both calls when it is over', async () => {
  const { rig, finish } = slowRig(3)
  const client = rig.client(get('/'))
  rig.until(() => got(client, 'ok'))
  rig.pass(60)
  rig.kill(1)
  await rig.settle(1)
  const came = comings(rig)
  const first = leave(rig, [1], 10_000)
  rig.pass(500)
  assert.deepEqual([clients(rig)[0], clients(rig)[2]], [2, 0])
  const second = leave(rig, [2], 10_000)
  const before = came()
  rig.pass(20)
  assert.deepEqual([clients(rig)[0], clients(rig)[2]], [1, 1])
  rig.pass(500)
  assert.ok(came() <= before + 2, `${came() - before} came back, of two that were on their way`)
  await settled()
  assert.deepEqual([first.over, second.over], [false, false])
  finish()
  rig.pass(120)
  await settled()
  assert.deepEqual([first.over, second.over], [true, true])
  assert.deepEqual([clients(rig)[0], clients(rig)[2]], [0, 2])
})

test('told that nobody is left it keeps idle clients, and gives them away when told of an heir again', async () => {
  const { rig } = slowRig(2)
  const client = rig.client(get('/'))
  rig.until(() => got(client, 'ok'))
  rig.pass(60)
  leave(rig, [], 10_000)
  client.send(get('/held'))
  rig.pass(200)
  assert.equal(client.text.split('200 OK').length, 2)
  assert.deepEqual(clients(rig), [2, 0])
  leave(rig, [1], 10_000)
  rig.until(() => client.text.split('200 OK').length === 3, 1000)
  assert.deepEqual(clients(rig), [1, 1])
  assert.deepEqual([client.resetBy, client.finReceived], [0, false])
})

test('a client with a request under way follows when that is done, with no word of a close', async () => {
  const rig = new ProxyRig({ shards: 2 })
  let finish = (): void => {}
  rig.backend((peer) => {
    finish = () => peer.send(respond('late'))
  })
  const client = rig.client(get('/slow'))
  rig.pass(60)
  const state = leave(rig, [1], 10_000)
  rig.pass(500)
  await settled()
  assert.equal(state.over, false)
  assert.deepEqual(clients(rig), [1, 0])
  finish()
  rig.until(() => got(client, 'late'))
  rig.pass(60)
  await settled()
  assert.ok(state.over)
  assert.deepEqual(clients(rig), [0, 1])
  assert.doesNotMatch(client.text, /connection: close/)
  rig.conclude()
})

test('who connects meanwhile is handed on at once; the limits count each client once', async () => {
  const limits = { ...LISTENER.limits, connections: 2 }
  const rig = new ProxyRig({ shards: 2, listener: { limits } })
  rig.backend((_, request) => (request.includes('/never') ? undefined : respond('ok')))
  rig.client(get('/never'))
  rig.pass(60)
  leave(rig, [1], 10_000)
  const late = rig.client(get('/'))
  rig.until(() => got(late, 'ok'))
  rig.pass(20)
  assert.deepEqual(clients(rig), [1, 1])
  const third = rig.client(get('/'))
  rig.until(() => third.finReceived)
  assert.equal(third.text, '')
  rig.conclude()
})

test('part of a head stays for the estate: nobody waits for the rest of it', async () => {
  const rig = new ProxyRig({ shards: 2 })
  rig.backend(respond('whole'))
  const client = rig.client(get('/').slice(0, 10))
  rig.pass(60)
  const state = leave(rig, [1], 10_000)
  rig.pass(200)
  await settled()
  assert.ok(state.over)
  rig.kill(0)
  assert.equal((await rig.settle(0)).adopted, 1)
  client.send(get('/').slice(10))
  rig.until(() => got(client, 'whole'))
  rig.conclude()
})

test('with nobody to give clients to, one that is between two requests asks no more, and its successor answers', async () => {
  const rig = new ProxyRig({ shards: 2 })
  rig.backend(respond('x'))
  const client = rig.client()
  let answered = 0
  client.onData = (bytes) => {
    if (!new TextDecoder().decode(bytes).endsWith('x')) return
    answered++
    client.send(get('/'))
  }
  client.send(get('/'))
  rig.until(() => answered > 3)
  const state = leave(rig, [], 60_000)
  rig.pass(500)
  await settled()
  assert.ok(state.over)
  const before = answered
  rig.kill(0)
  assert.equal((await rig.settle(0)).adopted, 2) // the client, and an idle connection to the endpoint
  rig.until(() => answered > before + 3)
})

test('a client under load is handed over between two of its requests', async () => {
  const rig = new ProxyRig({ shards: 2 })
  rig.backend(respond('x'))
  const peers = Array.from({ length: 8 }, () => rig.client())
  let answered = 0
  for (const peer of peers) {
    peer.onData = (bytes) => {
      if (!new TextDecoder().decode(bytes).endsWith('x')) return
      answered++
      peer.send(get('/'))
    }
    peer.send(get('/'))
  }
  rig.pass(50)
  const state = leave(rig, [1], 10_000)
  rig.pass(200)
  await settled()
  assert.ok(state.over)
  assert.deepEqual(clients(rig), [0, 8])
  const before = answered
  rig.pass(100)
  assert.ok(answered > before + 8)
  assert.ok(peers.every((peer) => peer.resetBy === 0 && !peer.finReceived))
  for (const peer of peers) peer.close()
  rig.conclude()
})

test('the heir dies with connections on their way to it: they are part of its estate', async () => {
  const rig = new ProxyRig({ shards: 3 })
  rig.backend(respond('ok'))
  const peers = Array.from({ length: 4 }, () => rig.client(get('/')))
  rig.until(() => peers.every((peer) => got(peer, 'ok')))
  rig.pass(60)
  leave(rig, [1], 10_000)
  rig.kill(1) // the rows that tell of them were seen by nobody
  assert.equal((await rig.settle(1)).reset, 0)
  for (const peer of peers) peer.send(get('/again'))
  rig.until(() => peers.every((peer) => peer.text.split('200 OK').length === 3))
  assert.ok(peers.every((peer) => peer.resetBy === 0))
  rig.conclude()
})
