/** Exchanges under way in a cluster and at an endpoint, over all shards: never more than may be; the others wait their turn. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterSpec } from '../../../src/config/snapshot.ts'
import { sumGauge } from '../../../src/shm/fleet.ts'
import { GAUGE } from '../../../src/shm/layout.ts'
import { HealthVoice } from '../../../src/shm/other-voices.ts'
import { BACKEND, get, ProxyRig, respond, verdict } from '../../support/proxy-rig.ts'
import { CLUSTER } from '../../support/sim-shard.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const TWO = '10.0.0.2:80'

const limits = (parts: Partial<ClusterSpec['limits']>, queueMs = 5000): Partial<ClusterSpec> => ({
  limits: { inFlight: 0, inFlightPerEndpoint: 0, queue: 1024, adaptive: undefined, ...parts },
  timeouts: { ...CLUSTER.timeouts, queueMs },
})

/** Answers when told to, and knows how many requests it has. */
const held = (rig: ProxyRig, address = BACKEND): { readonly waiting: string[]; answer: () => void } => {
  const peers: SimPeer[] = []
  const waiting: string[] = []
  rig.backend((peer, request) => {
    peers.push(peer)
    waiting.push(request.split(' ')[1] ?? '')
  }, address)
  return {
    waiting,
    answer: () => {
      const name = waiting.shift() ?? ''
      peers.shift()?.send(respond(name))
    },
  }
}

const clients = (rig: ProxyRig, count: number, shards = 1): SimPeer[] =>
  Array.from({ length: count }, (_, i) => rig.client(get(`/${i}`), { shard: i % shards }))

test('a cluster has no more under way than it may, and serves those who wait in order', () => {
  const rig = new ProxyRig({ cluster: limits({ inFlight: 2 }) })
  const backend = held(rig)
  const all = clients(rig, 5)
  rig.pass(100)
  assert.deepEqual(backend.waiting, ['/0', '/1'])
  const order: string[] = []
  for (let left = 5; left > 0; left--) {
    order.push(backend.waiting[0] ?? '')
    backend.answer()
    rig.pass(10)
    assert.equal(backend.waiting.length, Math.min(2, left - 1))
  }
  assert.deepEqual(order, ['/0', '/1', '/2', '/3', '/4'])
  for (const [i, client] of all.entries()) assert.ok(client.text.endsWith(`/${i}`))
  assert.equal(rig.outcomes['complete'], 5)
  rig.conclude()
})

test('over two shards it is one limit, and who leaves on one lets in who waits on the other', () => {
  const rig = new ProxyRig({ shards: 2, cluster: limits({ inFlight: 1 }) })
  const backend = held(rig)
  const all = clients(rig, 4, 2)
  rig.pass(100)
  for (let left = 4; left > 0; left--) {
    assert.equal(backend.waiting.length, 1)
    backend.answer()
    const waited = rig.until(() => backend.waiting.length > 0 || left === 1, 1000)
    assert.ok(waited < 60, String(waited))
  }
  rig.until(() => all.every((client) => client.text.includes('\r\n\r\n/')))
  rig.conclude()
})

test('an endpoint at its limit is passed over; when all are, requests wait', () => {
  const rig = new ProxyRig({ endpoints: [BACKEND, TWO], cluster: limits({ inFlightPerEndpoint: 1 }) })
  const one = held(rig)
  const two = held(rig, TWO)
  const all = clients(rig, 3)
  rig.pass(100)
  assert.deepEqual([one.waiting.length, two.waiting.length], [1, 1])
  two.answer()
  rig.pass(100)
  assert.deepEqual([one.waiting.length, two.waiting.length], [1, 1])
  two.answer()
  one.answer()
  rig.until(() => all.every((client) => client.text.includes('\r\n\r\n/')))
  rig.conclude()
})

test('places at endpoints are exact over two shards that have not heard of each other', () => {
  const rig = new ProxyRig({ shards: 2, cluster: limits({ inFlightPerEndpoint: 1 }) })
  const backend = held(rig)
  clients(rig, 2, 2)
  rig.pass(200)
  assert.equal(backend.waiting.length, 1)
  backend.answer()
  rig.until(() => backend.waiting.length === 1)
  backend.answer()
  rig.until(() => rig.outcomes['complete'] === 2)
  rig.conclude()
})

test('the queue is bounded, and so is the wait', () => {
  const rig = new ProxyRig({ cluster: limits({ inFlight: 1, queue: 1 }, 500) })
  held(rig)
  const [, waits, comesLate] = clients(rig, 3)
  rig.until(() => comesLate!.text.includes('\r\n\r\n'))
  assert.equal(verdict(comesLate!), '503 connection_limit_reached')
  const tookMs = rig.until(() => waits!.text.includes('\r\n\r\n'))
  assert.ok(tookMs >= 400 && tookMs < 700, String(tookMs))
  assert.equal(rig.outcomes['queue-timeout'], 1)
  assert.equal(rig.outcomes['queue-full'], 1)
  rig.conclude()
})

test('who leaves the queue makes room, and is not let in', () => {
  const rig = new ProxyRig({ cluster: limits({ inFlight: 1 }) })
  const backend = held(rig)
  const [, leaves, stays] = clients(rig, 3)
  rig.pass(50)
  leaves!.rst()
  rig.pass(50)
  backend.answer()
  rig.until(() => backend.waiting.length === 1)
  assert.deepEqual(backend.waiting, ['/2'])
  backend.answer()
  rig.until(() => stays!.text.endsWith('/2'))
  rig.conclude()
})

test('a body waits with its request, and arrives whole', () => {
  const rig = new ProxyRig({ cluster: limits({ inFlight: 1 }) })
  const backend = held(rig)
  clients(rig, 1)
  const client = rig.client(
    `PUT /body HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n${'x'.repeat(30_000)}`,
  )
  rig.pass(200)
  backend.answer()
  rig.until(() => backend.waiting.length === 1)
  backend.answer()
  rig.until(() => client.text.endsWith('/body'))
  rig.conclude()
})

test('the limit that the health actor has learnt holds as well, and may grow', () => {
  const adaptive = { minLimit: 1, maxLimit: 100, tolerance: 1.5, windowMs: 1000, minRttMs: 10_000 }
  const rig = new ProxyRig({ cluster: limits({ adaptive }) })
  const backend = held(rig)
  const health = new HealthVoice(rig.shards[0]!.fleet)
  health.limit(0, 1.9)
  rig.pass(100)
  clients(rig, 3)
  rig.pass(100)
  assert.equal(backend.waiting.length, 1)
  health.limit(0, 3)
  rig.pass(100)
  assert.equal(backend.waiting.length, 3)
  for (let i = 0; i < 3; i++) backend.answer()
  rig.until(() => rig.outcomes['complete'] === 3)
  rig.conclude()
})

test('a reload that takes the limit away lets all in; one that takes the cluster away answers them', () => {
  for (const gone of [false, true]) {
    const rig = new ProxyRig({ cluster: limits({ inFlight: 1 }) })
    const backend = held(rig)
    const [, second] = clients(rig, 2)
    rig.pass(50)
    rig.reload(gone ? { endpoints: [], cluster: limits({}) } : { cluster: limits({}) })
    rig.pass(100)
    if (gone) assert.equal(verdict(second!), '503 destination_unavailable')
    else assert.equal(backend.waiting.length, 2)
    rig.conclude()
  }
})

test('what is claimed and who waits is counted, and comes to nothing', () => {
  const rig = new ProxyRig({ shards: 2, cluster: limits({ inFlight: 1 }) })
  held(rig)
  clients(rig, 4, 2)
  rig.pass(100)
  const { fleet } = rig.shards[0]!
  assert.equal(sumGauge(fleet, 'clusterGauges', 0, GAUGE.admitted), 1)
  assert.equal(sumGauge(fleet, 'clusterGauges', 0, GAUGE.queued), 3)
  rig.conclude()
  assert.equal(sumGauge(fleet, 'clusterGauges', 0, GAUGE.queued), 0)
})
