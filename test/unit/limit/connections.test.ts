import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMITTED, ConnectionGate } from '../../../src/limit/connections.ts'
import { sumGauge, openFleet, zeroStripe } from '../../../src/shm/fleet.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import { allocateFleet, GAUGE } from '../../../src/shm/layout.ts'
import { REFUSAL } from '../../../src/telemetry/catalogue.ts'

const makeFleet = (): Fleet =>
  openFleet(
    allocateFleet({
      shards: 2,
      endpoints: 1,
      clusters: 1,
      listeners: 2,
      widths: { engine: 0, shard: 0, listener: 0, cluster: 0, histograms: 0, endpoint: 0 },
      clientBuckets: 4096,
      logBytes: 0,
      explainBytes: 0,
      fds: 64,
      ringRecords: 64,
    }),
  )
const gates = (fleet: Fleet): [ConnectionGate, ConnectionGate] => [
  new ConnectionGate(fleet, 0, [1, 2]),
  new ConnectionGate(fleet, 1, [1, 2]),
]
const open = (fleet: Fleet, listener: number): number =>
  sumGauge(fleet, 'listenerGauges', listener, GAUGE.open)

test("a listener's limit holds over all shards and is its own", () => {
  const fleet = makeFleet()
  const [a, b] = gates(fleet)
  const limits = { connections: 2, connectionsPerClient: 0 }
  assert.equal(a.admit(0, '192.0.2.1', limits), ADMITTED)
  assert.equal(b.admit(0, '192.0.2.2', limits), ADMITTED)
  assert.equal(a.admit(0, '192.0.2.3', limits), REFUSAL.limit)
  assert.equal(a.admit(1, '192.0.2.3', limits), ADMITTED)
  b.leave(0, '192.0.2.2')
  assert.equal(a.admit(0, '192.0.2.3', limits), ADMITTED)
  assert.equal(open(fleet, 0), 2)
})

test("a client's limit holds over all shards, and a refused connection takes no place", () => {
  const fleet = makeFleet()
  const [a, b] = gates(fleet)
  const limits = { connections: 0, connectionsPerClient: 2 }
  assert.equal(a.admit(0, '192.0.2.1', limits), ADMITTED)
  assert.equal(b.admit(0, '::ffff:192.0.2.1', limits), ADMITTED)
  for (const gate of [a, b]) assert.equal(gate.admit(0, '192.0.2.1', limits), REFUSAL.clientLimit)
  assert.equal(open(fleet, 0), 2)
  assert.equal(a.admit(0, '192.0.2.2', limits), ADMITTED)
  assert.equal(a.admit(1, '192.0.2.1', limits), ADMITTED)
  a.leave(0, '192.0.2.1')
  assert.equal(b.admit(0, '192.0.2.1', limits), ADMITTED)
})

test('connections admitted without limits count once limits are set', () => {
  const fleet = makeFleet()
  const [a] = gates(fleet)
  const none = { connections: 0, connectionsPerClient: 0 }
  for (let i = 0; i < 5; i++) assert.equal(a.admit(0, '192.0.2.1', none), ADMITTED)
  assert.equal(a.admit(0, '192.0.2.1', { connections: 0, connectionsPerClient: 5 }), REFUSAL.clientLimit)
  assert.equal(a.admit(0, '192.0.2.2', { connections: 5, connectionsPerClient: 0 }), REFUSAL.limit)
  a.leave(0, '192.0.2.1')
  assert.equal(a.admit(0, '192.0.2.1', { connections: 5, connectionsPerClient: 5 }), ADMITTED)
})

test('a dead shard gives back all its places', () => {
  const fleet = makeFleet()
  const [a, b] = gates(fleet)
  const limits = { connections: 3, connectionsPerClient: 3 }
  for (const gate of [a, b, b]) assert.equal(gate.admit(0, '192.0.2.1', limits), ADMITTED)
  zeroStripe(fleet, 1)
  assert.equal(open(fleet, 0), 1)
  for (let i = 0; i < 2; i++) assert.equal(a.admit(0, '192.0.2.1', limits), ADMITTED)
  assert.equal(a.admit(0, '192.0.2.1', limits), REFUSAL.limit)
})
