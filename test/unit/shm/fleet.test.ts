import { test } from 'node:test'
import assert from 'node:assert/strict'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { BELIEF, BELIEF_WIDTH } from '../../../src/shm/beliefs.ts'
import { BROADCAST_HEADER_BYTES } from '../../../src/shm/broadcast.ts'
import { openFleet, sumGauge, zeroStripe } from '../../../src/shm/fleet.ts'
import type { Stripe } from '../../../src/shm/fleet.ts'
import {
  allocateFleet,
  fleetLayout,
  GAUGE,
  GAUGE_WORDS,
  MAX_ENDPOINTS,
  OTHER_ACTORS,
} from '../../../src/shm/layout.ts'
import type { FleetHandle, FleetShape } from '../../../src/shm/layout.ts'
import { LINE } from '../../../src/shm/memory.ts'
import { RING_HEADER_BYTES } from '../../../src/shm/ring.ts'
import { ADMIN_WORDS, LIMIT_WORDS, VERDICT_WORDS } from '../../../src/shm/tables.ts'

const shape: FleetShape = {
  shards: 3,
  endpoints: 5,
  clusters: 2,
  listeners: 3,
  widths: { engine: 19, shard: 8, listener: 24, cluster: 16, histograms: 40, endpoint: 8 },
  clientBuckets: 64,
  logBytes: 1024,
  explainBytes: 512,
  fds: 64,
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
  'beliefs',
  'retries',
] as const satisfies readonly (keyof Stripe)[]

type Region = { readonly what: string; readonly from: number; readonly to: number }

const spanOf = (what: string, view: Int32Array | Float64Array): Region => ({
  what,
  from: view.byteOffset,
  to: view.byteOffset + view.byteLength,
})

const regions = (handle: FleetHandle): Region[] => {
  const fleet = openFleet(handle)
  const rings = [...fleet.stripes.map(({ shard }) => shard), ...OTHER_ACTORS].map((who) => {
    const { offset, capacity } = fleet.ring(who)
    return { what: `ring of ${who}`, from: offset, to: offset + BROADCAST_HEADER_BYTES + capacity * 64 }
  })
  const stripes = fleet.stripes.flatMap((stripe) => [
    ...TABLES.map((table) => spanOf(`${stripe.shard}.${table}`, stripe[table])),
    ...(['log', 'explain'] as const).map((ring) => ({
      what: `${stripe.shard}.${ring}`,
      from: stripe[ring].offset,
      to: stripe[ring].offset + RING_HEADER_BYTES + stripe[ring].capacity,
    })),
  ])
  const { verdicts, admin, limits, stripes: end } = fleetLayout(shape)
  const tables = [
    { what: 'verdicts', from: verdicts, to: verdicts + shape.endpoints * VERDICT_WORDS * 4 },
    { what: 'admin', from: admin, to: admin + shape.endpoints * ADMIN_WORDS * 4 },
    { what: 'limits', from: limits, to: limits + shape.clusters * LIMIT_WORDS * 4 },
  ]
  assert.ok(rings.every(({ to }) => to <= end))
  return [...rings, ...stripes, ...tables, spanOf('beliefs of health', fleet.healthBeliefs)]
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
  assert.throws(() => fleet.ring(99), RangeError)
})

test('zeroStripe: gauges, client counts and start times of that shard go, totals, beliefs and other shards stay', () => {
  const fleet = openFleet(allocateFleet(shape))
  for (const stripe of fleet.stripes) for (const table of TABLES) stripe[table].fill(stripe.shard + 1)
  zeroStripe(fleet, 1)
  for (const stripe of fleet.stripes) {
    for (const table of TABLES) {
      const gone = (at: number): boolean =>
        stripe.shard === 1 &&
        (table.endsWith('Gauges') ||
          table === 'clients' ||
          (table === 'beliefs' && at % BELIEF_WIDTH === BELIEF.startSum))
      assert.ok(
        stripe[table].every((word, at) => word === (gone(at) ? 0 : stripe.shard + 1)),
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
    { explainBytes: 1000 },
    { ringRecords: 16 },
    { ringRecords: 1000 },
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
