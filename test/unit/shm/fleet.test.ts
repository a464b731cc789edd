import { test } from 'node:test'
import assert from 'node:assert/strict'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { openFleet, sumGauge, zeroStripe } from '../../../src/shm/fleet.ts'
import type { Stripe } from '../../../src/shm/fleet.ts'
import { allocateFleet, GAUGE, GAUGE_WORDS, MAX_ENDPOINTS, OTHER_ACTORS } from '../../../src/shm/layout.ts'
import type { FleetHandle, FleetShape } from '../../../src/shm/layout.ts'
import { LINE } from '../../../src/shm/memory.ts'
import { RING_HEADER_BYTES } from '../../../src/shm/ring.ts'

const shape: FleetShape = {
  shards: 3,
  endpoints: 5,
  clusters: 2,
  listeners: 3,
  widths: { engine: 19, shard: 8, listener: 24, cluster: 16, histograms: 40, endpoint: 8 },
  clientBuckets: 64,
  logBytes: 1024,
  explainBytes: 0,
  ringRecords: 64,
}

const TABLES = [
  'engine',
  'counters',
  'listeners',
  'clusters',
  'histograms',
  'endpoints',
  'listenerGauges',
  'clusterGauges',
  'endpointGauges',
  'clients',
] as const satisfies readonly (keyof Stripe)[]

type Region = { readonly what: string; readonly from: number; readonly to: number }

const regions = (handle: FleetHandle): Region[] => {
  const fleet = openFleet(handle)
  return fleet.stripes.flatMap((stripe) => [
    ...TABLES.map((table) => {
      const view = stripe[table]
      return {
        what: `${stripe.shard}.${table}`,
        from: view.byteOffset,
        to: view.byteOffset + view.byteLength,
      }
    }),
    {
      what: `${stripe.shard}.log`,
      from: stripe.log.offset,
      to: stripe.log.offset + RING_HEADER_BYTES + stripe.log.capacity,
    },
  ])
}

test('tables lie apart: aligned to 128 bytes, disjoint, inside the memory, stripes on pages of their own', () => {
  const handle = allocateFleet(shape)
  const all = regions(handle).toSorted((a, b) => a.from - b.from)
  for (const [i, region] of all.entries()) {
    assert.equal(region.from % LINE, 0, region.what)
    assert.ok(region.to <= handle.memory.byteLength, region.what)
    if (i > 0) assert.ok(all[i - 1]!.to <= region.from, `${all[i - 1]!.what} overlaps ${region.what}`)
  }
  const starts = openFleet(handle).stripes.map((stripe) => stripe.engine.byteOffset)
  for (const start of starts) assert.equal(start % 4096, 0)
  assert.ok(all[0]!.from >= (shape.shards + OTHER_ACTORS.length) * LINE, 'behind the actors')
})

test('the memory begins zeroed and its views are as long as the shape says', () => {
  const fleet = openFleet(allocateFleet(shape))
  for (const stripe of fleet.stripes) {
    for (const table of TABLES) assert.ok(stripe[table].every((word) => word === 0))
    assert.equal(stripe.engine.length, 19)
    assert.equal(stripe.endpoints.length, 5 * 8)
    assert.equal(stripe.endpointGauges.length, 5 * GAUGE_WORDS)
    assert.equal(stripe.histograms.length, 2 * 40)
    assert.equal(stripe.clients.length, 2 * 64)
  }
})

test('a handle that crossed a thread border shows the same memory', () => {
  const handle = allocateFleet(shape)
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(handle)
  const received = receiveMessageOnPort(port2)!.message as FleetHandle
  port1.close()
  openFleet(handle).stripe(1).clusters[3] = 42.5
  openFleet(handle).actor('acceptor').state = 7
  openFleet(received).actor(2).beat(123.25)
  assert.equal(openFleet(received).stripe(1).clusters[3], 42.5)
  assert.equal(openFleet(received).actor('acceptor').state, 7)
  assert.equal(openFleet(handle).actor(2).lastBeatMs, 123.25)
})

test('every actor has a line of its own', () => {
  const fleet = openFleet(allocateFleet(shape))
  const names = [0, 1, 2, ...OTHER_ACTORS]
  for (const [i, name] of names.entries()) {
    fleet.actor(name).beat(i + 1)
    fleet.actor(name).state = i * 3
  }
  for (const [i, name] of names.entries()) {
    assert.equal(fleet.actor(name).lastBeatMs, i + 1)
    assert.equal(fleet.actor(name).state, i * 3)
  }
  assert.throws(() => fleet.actor(99), RangeError)
  assert.throws(() => fleet.stripe(3), RangeError)
})

test('zeroStripe: gauges and client counts of that shard go, totals and other shards stay', () => {
  const fleet = openFleet(allocateFleet(shape))
  for (const stripe of fleet.stripes) for (const table of TABLES) stripe[table].fill(stripe.shard + 1)
  zeroStripe(fleet, 1)
  for (const stripe of fleet.stripes) {
    for (const table of TABLES) {
      const gone = stripe.shard === 1 && (table.endsWith('Gauges') || table === 'clients')
      assert.ok(
        stripe[table].every((word) => word === (gone ? 0 : stripe.shard + 1)),
        `${stripe.shard}.${table}`,
      )
    }
  }
  assert.equal(sumGauge(fleet, 'endpointGauges', 4, GAUGE.inFlight), 1 + 3)
})

test('shapes out of bounds are refused', () => {
  for (const wrong of [
    { shards: 0 },
    { shards: 257 },
    { endpoints: MAX_ENDPOINTS + 1 },
    { endpoints: -1 },
    { listeners: 1.5 },
    { clientBuckets: 100 },
    { logBytes: 1000 },
  ]) {
    assert.throws(() => allocateFleet({ ...shape, ...wrong }), RangeError, JSON.stringify(wrong))
  }
})

test('the largest fleet fits: 16,384 endpoints on 64 shards', () => {
  const handle = allocateFleet({
    ...shape,
    shards: 64,
    endpoints: MAX_ENDPOINTS,
    clusters: 1024,
    listeners: 64,
  })
  assert.ok(handle.memory.byteLength < 2 ** 30)
})
