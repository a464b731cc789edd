/** Connections run short: whose idle ones make room for newcomers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reclaimer } from '../../../src/control/reclaim.ts'
import type { ListenerLimits } from '../../../src/config/listener-limits.ts'
import { LISTENER_TABLE, RECLAIMED, REFUSAL } from '../../../src/telemetry/catalogue.ts'
import { get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import type { RigParts } from '../../support/proxy-rig.ts'
import { LISTENER } from '../../support/sim-shard.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const rigWith = (limits: Partial<ListenerLimits>, parts: RigParts = {}): ProxyRig =>
  new ProxyRig({ ...parts, listener: { limits: { ...LISTENER.limits, ...limits } } })

const HOARDER = '192.0.2.66'

/** So many clients that were answered once and are idle. */
const idle = (rig: ProxyRig, count: number, from: { ip?: string; shard?: number }): SimPeer[] =>
  Array.from({ length: count }, () => {
    const client = rig.client(get(), from)
    rig.until(() => client.text.endsWith('well'))
    return client
  })

const isServed = (rig: ProxyRig, from: { ip?: string; shard?: number }): boolean => {
  const client = rig.client(get(), from)
  rig.until(() => client.text.endsWith('well') || client.finReceived || client.over)
  return client.text.endsWith('well')
}

const counted = (rig: ProxyRig, column: 'reclaimed' | 'refused', label: number): number =>
  rig.shards.reduce(
    (sum, { fleet, shard }) =>
      sum + fleet.stripe(shard.index).listeners[LISTENER_TABLE.column[column] + label]!,
    0,
  )

const openOf = (clients: readonly SimPeer[]): number =>
  clients.filter((each) => !each.finReceived && !each.over).length

test('at the limit of a listener a hoarder gives its longest idle connection to each newcomer, and clients with one connection keep theirs', () => {
  const rig = rigWith({ connections: 16 })
  rig.backend(respond('well'))
  const single = idle(rig, 1, { ip: '192.0.2.1' })
  rig.pass(3000)
  const hoard = idle(rig, 12, { ip: HOARDER })
  const others = ['192.0.2.2', '192.0.2.3', '192.0.2.4'].flatMap((ip) => idle(rig, 1, { ip }))
  rig.pass(2000)
  for (let i = 0; i < 11; i++) {
    rig.pass(20)
    assert.equal(isServed(rig, { ip: `198.51.100.${i}` }), true)
    assert.equal(openOf(hoard), 12 - i - 1)
    assert.equal(hoard[i]!.finReceived, true, 'the longest idle first')
  }
  assert.equal(openOf([...single, ...others]), 4)
  assert.equal(counted(rig, 'reclaimed', RECLAIMED.hoarded), 11)
  assert.equal(counted(rig, 'refused', REFUSAL.limit), 0)
  rig.conclude()
})

test('where nobody hoards, the longest idle of all makes room, but nobody who was heard of within the second', () => {
  const rig = rigWith({ connections: 4 })
  rig.backend(respond('well'))
  const singles = [1, 2, 3, 4].flatMap((i) => {
    rig.pass(300)
    return idle(rig, 1, { ip: `192.0.2.${i}` })
  })
  assert.equal(isServed(rig, { ip: '198.51.100.1' }), false)
  assert.equal(counted(rig, 'refused', REFUSAL.limit), 1)
  rig.pass(1000)
  assert.equal(isServed(rig, { ip: '198.51.100.2' }), true)
  assert.deepEqual(
    singles.map((each) => each.finReceived),
    [true, false, false, false],
  )
  assert.equal(counted(rig, 'reclaimed', RECLAIMED.longestIdle), 1)
  rig.conclude()
})

test('requests under way are nobody’s to take: with all connections at work newcomers are refused', () => {
  const rig = rigWith({ connections: 3 })
  rig.backend(() => undefined)
  for (let i = 0; i < 3; i++) rig.client(get(), { ip: HOARDER })
  rig.pass(2000)
  assert.equal(isServed(rig, { ip: '198.51.100.1' }), false)
  assert.equal(counted(rig, 'refused', REFUSAL.limit), 1)
})

test('a client at its own limit gives its own longest idle connection, and nobody else’s is touched', () => {
  const rig = rigWith({ connectionsPerClient: 3 })
  rig.backend(respond('well'))
  const others = idle(rig, 3, { ip: '192.0.2.1' })
  rig.pass(1000)
  const own = idle(rig, 3, { ip: HOARDER })
  rig.pass(500)
  assert.equal(isServed(rig, { ip: HOARDER }), true)
  assert.deepEqual(
    own.map((each) => each.finReceived),
    [true, false, false],
  )
  assert.equal(openOf(others), 3)
  assert.equal(counted(rig, 'reclaimed', RECLAIMED.own), 1)
  rig.conclude()
})

test('while another shard has a hoard, no client’s only connection is closed; that shard makes room ahead of need', () => {
  const rig = rigWith({ connections: 40 }, { shards: 2 })
  rig.backend(respond('well'))
  const hoard = idle(rig, 20, { ip: HOARDER, shard: 1 })
  const singles = Array.from({ length: 20 }, (_, i) => idle(rig, 1, { ip: `192.0.2.${i}`, shard: 0 })).flat()
  rig.pass(3000)
  assert.ok(openOf(hoard) < 20, 'room was made ahead')
  for (let i = 0; i < 10; i++) {
    rig.pass(1000)
    assert.equal(isServed(rig, { ip: `198.51.100.${i}`, shard: 0 }), true)
  }
  assert.equal(openOf(singles), 20)
  assert.equal(counted(rig, 'refused', REFUSAL.limit), 0)
  rig.conclude()
})

test('near the limit of the process hoards are closed, though no listener has a limit', () => {
  const rig = rigWith({}, { engine: { maxConnections: 40 } })
  rig.backend(respond('well'))
  const single = idle(rig, 1, { ip: '192.0.2.1' })
  const hoard = idle(rig, 39, { ip: HOARDER })
  rig.pass(3000)
  assert.equal(openOf(hoard), 37)
  assert.equal(openOf(single), 1)
  assert.equal(isServed(rig, { ip: '198.51.100.1' }), true)
  rig.conclude()
})

test('of a listener that left the configuration nothing is hoarded any more: its slot is given back', () => {
  const drain = { windowMs: 100, hardMs: 1000 }
  const rig = new ProxyRig({ listener: { drain } })
  rig.backend(respond('well'))
  idle(rig, 12, { ip: HOARDER })
  rig.pass(2500)
  rig.reload({ listener: { id: LISTENER.id + 1, name: 'another', bind: ['127.0.0.1:81'] } })
  rig.pass(5000)
  const slots = { listener: [LISTENER.id], cluster: [], endpoint: [] }
  assert.deepEqual(new Reclaimer(rig.shards[0]!.fleet, 0).reclaim(slots, rig.nowMs).listener, [LISTENER.id])
  rig.conclude()
})
