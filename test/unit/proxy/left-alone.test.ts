/** Clients that were refused for overload and are not read for a while: what they send meanwhile is answered, whatever else happens to their connections. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '../../../src/base/random.ts'
import { ClientConnection } from '../../../src/downstream/client.ts'
import { Overload } from '../../../src/proxy/overload.ts'
import { VITALS_WORDS } from '../../../src/shm/vitals.ts'
import { get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import { LISTENER } from '../../support/sim-shard.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const KEEP_ALIVE_MS = 3000

const clientOf = (rig: ProxyRig): ClientConnection => {
  const client = [...rig.shards[0]!.shard.reactor.connections()].find(
    (one) => one instanceof ClientConnection,
  )
  assert.ok(client instanceof ClientConnection)
  return client
}

/** An idle client that was answered once. */
const idleClient = (): { rig: ProxyRig; peer: SimPeer; client: ClientConnection } => {
  const rig = new ProxyRig({
    listener: { timeouts: { ...LISTENER.timeouts, keepAliveMs: KEEP_ALIVE_MS } },
  })
  rig.backend(respond('x'))
  const peer = rig.client(get())
  rig.until(() => peer.text.endsWith('x'))
  const client = [...rig.shards[0]!.shard.reactor.connections()].find(
    (one) => one instanceof ClientConnection,
  )
  assert.ok(client instanceof ClientConnection)
  return { rig, peer, client }
}

const answers = (peer: SimPeer): number => peer.text.split('HTTP/1.1 200').length - 1

/** It is left alone, as by an overload, and asks all the same. */
const askUnread = ({ rig, peer, client }: ReturnType<typeof idleClient>): void => {
  client.leaveAlone()
  rig.shards[0]!.shard.reactor.flush()
  peer.send(get())
  rig.pass(200)
  assert.equal(answers(peer), 1, 'it is read')
}

test('its idle time runs out while its next request lies unread: that is answered before the connection is closed', () => {
  const parts = idleClient()
  askUnread(parts)
  const { rig, peer } = parts
  rig.until(() => peer.finReceived)
  assert.deepEqual([answers(peer), peer.resetBy], [2, 0])
  rig.conclude()
})

test('a drain closes it behind what lies unread', () => {
  const parts = idleClient()
  askUnread(parts)
  const { rig, peer } = parts
  void rig.shards[0]!.shard.drain(500, 5000)
  rig.until(() => peer.finReceived)
  assert.deepEqual([answers(peer), peer.resetBy], [2, 0])
  rig.conclude()
})

test('one that has sent nothing is closed a moment after its idle time', () => {
  const { rig, peer, client } = idleClient()
  client.leaveAlone()
  const took = rig.until(() => peer.finReceived)
  assert.ok(took >= KEEP_ALIVE_MS && took <= KEEP_ALIVE_MS + 300, `${took} ms`)
  assert.equal(answers(peer), 1)
  rig.conclude()
})

/** It is left alone, as by an overload. */
const leaveAlone = ({ rig, client }: ReturnType<typeof idleClient>): void => {
  client.leaveAlone()
  rig.shards[0]!.shard.reactor.flush()
}

for (const how of ['fin', 'rst', 'close'] as const)
  test(`it hangs up (${how}) and is gone at once`, () => {
    const parts = idleClient()
    leaveAlone(parts)
    const { rig, peer } = parts
    peer[how]()
    rig.until(() => rig.shards[0]!.shard.census().clients === 0, 20)
    assert.equal(answers(peer), 1)
    rig.conclude()
  })

test('it half-closes behind its next request: both are read at once, and count as those of any other client', () => {
  const parts = idleClient()
  leaveAlone(parts)
  const { rig, peer } = parts
  peer.send(get())
  peer.fin()
  rig.until(() => peer.finReceived, 50)
  assert.equal(peer.resetBy, 0)
  assert.deepEqual(rig.outcomes, { complete: 1, 'client-abort': 1 })
  rig.conclude()
})

test('it had hung up before it was refused: it is not left alone', () => {
  const { rig, client } = idleClient()
  const { reactor } = rig.shards[0]!.shard
  const vitals = new Float64Array(VITALS_WORDS)
  const overload = new Overload(reactor, { shard: 0, rng: seededRng(1), vitals })
  client.onHangup()
  overload.refused(client)
  assert.equal(client.leftAlone, false)
  rig.conclude()
})

test('a client that half-closes behind requests that it sent ahead is answered until its FIN is read, as ever', () => {
  const rig = new ProxyRig()
  rig.backend((peer) => {
    rig.world.after(100, () => peer.send(respond('x')))
  })
  const peer = rig.client()
  peer.send(get() + get() + get())
  peer.fin()
  rig.pass(50)
  assert.equal(clientOf(rig).hungUp, true)
  assert.deepEqual(rig.outcomes, {})
  rig.until(() => peer.finReceived)
  assert.deepEqual([answers(peer), peer.resetBy], [2, 0])
  rig.conclude()
})

test('several of its requests refused in one read leave it alone once: the next time is not cut short by what is left of this one', () => {
  const { rig, client } = idleClient()
  const { reactor } = rig.shards[0]!.shard
  for (let seed = 1; seed <= 20; seed++) {
    const overload = new Overload(reactor, {
      shard: 0,
      rng: seededRng(seed),
      vitals: new Float64Array(VITALS_WORDS),
    })
    let { nowMs } = reactor
    const heldFor = (): number => {
      const sinceMs = nowMs
      while (client.leftAlone) overload.onTurn((nowMs += 50))
      return nowMs - sinceMs
    }
    for (let i = 0; i < 5; i++) overload.refused(client)
    heldFor()
    overload.refused(client)
    const ms = heldFor()
    assert.ok(ms >= 900, `${ms} ms`)
  }
  rig.conclude()
})

for (const how of ['hands its clients over', 'dies'] as const)
  test(`its shard ${how}: another reads it at once`, async () => {
    const rig = new ProxyRig({ shards: 2 })
    rig.backend(respond('x'))
    const peer = rig.client(get())
    rig.until(() => peer.text.endsWith('x'))
    askUnread({ rig, peer, client: clientOf(rig) })
    const [first] = rig.shards
    if (how === 'dies') {
      rig.kill(0)
      await rig.settle(0)
    } else void first!.shard.handOver([1], 1000)
    rig.until(() => answers(peer) === 2, 1000)
    rig.conclude()
  })
