/** Clients go to a shard that is less busy, between two requests, and notice nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VITAL } from '../../../src/shm/vitals.ts'
import { get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import { RegularClient } from '../../support/regular-client.ts'
import { snapshotOf } from '../../support/sim-shard.ts'

const clientsOf = (rig: ProxyRig): number[] => rig.shards.map(({ shard }) => shard.census().clients)

/** Two shards that live, and a backend. */
const twoShards = (): ProxyRig => {
  const rig = new ProxyRig({ shards: 2 })
  rig.shards[0]!.fleet.shardCount = 2
  rig.backend(respond('x'))
  return rig
}

/** What the shards write of themselves, where threads are real: so busy per client. */
const writeVitals = (rig: ProxyRig, perClient: number): void => {
  const renew = (): void => {
    for (const { fleet, shard } of rig.shards) {
      const row = fleet.vitals(shard.index)
      row[VITAL.busy]! += 0.05 * (shard.census().clients * perClient - row[VITAL.busy]!)
    }
    rig.world.after(100, renew)
  }
  for (const { fleet, shard } of rig.shards) {
    fleet.vitals(shard.index)[VITAL.busy] = shard.census().clients * perClient
  }
  renew()
}

test('eight busy clients of one shard of two end up four and four (± 1), and no request is lost', () => {
  const rig = twoShards()
  const clients = Array.from({ length: 8 }, () => new RegularClient(rig, 40))
  rig.pass(1000)
  assert.deepEqual(clientsOf(rig), [8, 0])
  writeVitals(rig, 0.12)
  rig.pass(20_000)
  const [one = 0, other = 0] = clientsOf(rig)
  assert.ok(one + other === 8 && one >= 3 && one <= 5, `${one} and ${other}`)
  rig.pass(100)
  for (const { sent, answered, endedMs, broken } of clients) {
    assert.ok(endedMs === 0 && !broken && sent > 250 && answered >= sent - 1, `${answered} of ${sent}`)
  }
  rig.conclude()
})

test('nothing moves where it is switched off, or to a shard that does not beat', () => {
  for (const off of [true, false]) {
    const rig = twoShards()
    const clients = Array.from({ length: 8 }, () => new RegularClient(rig, 40))
    if (off) {
      rig.apply({
        ...snapshotOf({ version: 99, endpoints: ['10.0.0.1:80'] }),
        cores: { steer: true, handOver: false, pin: false },
      })
    } else rig.shards[0]!.fleet.shardCount = 1
    writeVitals(rig, 0.12)
    rig.pass(10_000)
    assert.deepEqual(clientsOf(rig), [8, 0])
    assert.ok(clients.every(({ answered }) => answered > 100))
  }
})

test('a new client of a busy shard is served by another one', () => {
  const rig = twoShards()
  rig.shards[0]!.fleet.vitals(0)[VITAL.busy] = 0.9
  rig.pass(2000)
  const clients = Array.from({ length: 40 }, () => rig.client(get()))
  rig.until(() => clients.every(({ text }) => text.endsWith('x')))
  const [one = 0, other = 0] = clientsOf(rig)
  assert.ok(one + other === 40 && other >= 30, `${one} and ${other}`)
  assert.ok(clients.every(({ resetBy, finReceived }) => resetBy === 0 && !finReceived))
  rig.conclude()
})
