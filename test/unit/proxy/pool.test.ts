/** Connections to endpoints: which is used, how many there may be, and who waits for whom. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endpointSpec } from '../../support/specs.ts'
import type { PoolSpec } from '../../../src/config/snapshot.ts'
import { BACKEND, get, ProxyRig, respond, verdict } from '../../support/proxy-rig.ts'
import type { RigParts } from '../../support/proxy-rig.ts'
import { CLUSTER } from '../../support/sim-shard.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const OTHER = '10.0.0.2:80'

const rigWith = (pool: Partial<PoolSpec>, parts: RigParts = {}): ProxyRig =>
  new ProxyRig({ ...parts, cluster: { pool: { ...CLUSTER.pool, ...pool }, ...parts.cluster } })

/** A backend that answers with the request's path, so long after the request. */
const slow = (rig: ProxyRig, ms: number, address: string = BACKEND): SimPeer[] =>
  rig.backend((peer, request) => {
    rig.world.after(ms, () => peer.send(respond(request.split(' ')[1] ?? '')))
  }, address)

test('the connection used last is used first, and the surplus times out', () => {
  const rig = rigWith({ idleTimeoutMs: 5000 })
  const connections = slow(rig, 10)
  const clients = [rig.client(), rig.client(), rig.client()]
  clients.forEach((client, index) => rig.world.after(index, () => client.send(get(`/${index}`))))
  rig.until(() => rig.outcomes['complete'] === 3)
  assert.equal(connections.length, 3)
  for (let turn = 1; turn <= 6; turn++) {
    rig.pass(1000)
    clients[0]?.send(get('/again'))
    rig.until(() => rig.outcomes['complete'] === 3 + turn)
  }
  assert.deepEqual(
    connections.map(({ text }) => text.split('/again').length - 1),
    [0, 0, 6],
  )
  assert.equal(rig.upstreams, 1)
  rig.conclude()
})

test('an idle connection is closed after idleTimeout, with FIN', () => {
  const rig = rigWith({ idleTimeoutMs: 2000 })
  const connections = slow(rig, 0)
  const client = rig.client(get())
  rig.until(() => rig.outcomes['complete'] === 1)
  const took = rig.until(() => connections[0]?.finReceived === true)
  assert.ok(took >= 2000 && took <= 2101, `${took} ms`)
  assert.equal(client.finReceived, false)
  rig.conclude()
})

test('maxPerHost: those who come later wait, first in, first out', () => {
  const rig = rigWith({ maxPerHost: 2 })
  const connections = slow(rig, 100)
  const clients = Array.from({ length: 10 }, () => rig.client())
  clients.forEach((client, index) => rig.world.after(index, () => client.send(get(`/${index}`))))
  rig.until(() => clients.every((client, index) => client.text.endsWith(`/${index}`)))
  assert.equal(connections.length, 2)
  const paths = connections.map(({ text }) =>
    [...text.matchAll(/GET \/(\d)/g)].map(([, path]) => Number(path)),
  )
  assert.deepEqual(
    paths.map((list) => list.toSorted((a, b) => a - b)),
    paths,
  )
  assert.equal(rig.outcomes['pool-wait'], 8)
  rig.conclude()
})

test('a waiter that gives up leaves the queue, and the next one goes on', () => {
  const rig = rigWith({ maxPerHost: 1 })
  const [connection] = [slow(rig, 100)]
  const clients = Array.from({ length: 4 }, () => rig.client())
  clients.forEach((client, index) => rig.world.after(index, () => client.send(get(`/${index}`))))
  rig.pass(20)
  clients[1]?.rst()
  clients[2]?.close()
  rig.until(() => clients[3]?.text.endsWith('/3') === true)
  assert.doesNotMatch(connection[0]?.text ?? '', /GET \/[12]/)
  rig.conclude()
})

test('the queue is bounded', () => {
  const rig = rigWith({ maxPerHost: 1, queue: 2 })
  slow(rig, 100)
  const clients = Array.from({ length: 4 }, () => rig.client())
  clients.forEach((client, index) => rig.world.after(index, () => client.send(get(`/${index}`))))
  rig.until(() => clients[3]?.receivedBytes !== 0, 50)
  assert.equal(clients[3] && verdict(clients[3]), '503 connection_limit_reached')
  assert.equal(rig.outcomes['queue-full'], 1)
  rig.until(() => rig.outcomes['complete'] === 3)
  rig.conclude()
})

test('maxTotal: an idle connection to another endpoint makes room', () => {
  const rig = rigWith({ maxTotal: 1 }, { endpoints: [BACKEND, OTHER] })
  slow(rig, 1)
  slow(rig, 1, OTHER)
  const client = rig.client()
  for (let turn = 1; turn <= 6; turn++) {
    client.send(get(`/${turn}`))
    rig.until(() => rig.outcomes['complete'] === turn, 100)
    assert.ok(rig.upstreams <= 1)
  }
  assert.equal(rig.outcomes['pool-wait'], undefined)
  rig.conclude()
})

test('maxTotal: one who waits for an endpoint is served by the end of a connection to another', () => {
  const rig = rigWith({ maxTotal: 1 }, { endpoints: [BACKEND, OTHER] })
  slow(rig, 100)
  slow(rig, 100, OTHER)
  const clients = Array.from({ length: 6 }, () => rig.client())
  for (const client of clients) client.send(get('/'))
  rig.until(() => rig.outcomes['complete'] === 6, 6 * 110 + 100)
  rig.conclude()
})

test('a shard that waits is served when another frees a connection', () => {
  const rig = rigWith({ maxPerHost: 1 }, { shards: 2 })
  slow(rig, 300)
  const first = rig.client(get('/0'), { shard: 0 })
  rig.pass(10)
  const second = rig.client(get('/1'), { shard: 1 })
  rig.until(() => first.text.endsWith('/0'))
  const took = rig.until(() => second.text.endsWith('/1'))
  assert.ok(took < 310, `${took} ms: no turn of the wheel was needed`)
  assert.equal(rig.upstreams, 1)
  rig.conclude()
})

test('a shard that waits is given what another keeps idle', () => {
  for (const limit of ['maxPerHost', 'maxTotal'] as const) {
    const rig = rigWith({ [limit]: 1 }, { shards: 2 })
    slow(rig, 10)
    const first = rig.client(get('/0'), { shard: 0 })
    rig.until(() => first.text.endsWith('/0'))
    rig.pass(1000)
    const second = rig.client(get('/1'), { shard: 1 })
    const took = rig.until(() => second.text.endsWith('/1'))
    assert.ok(took < 20, `${took} ms`)
    rig.conclude()
  }
})

test('two shards that both always have requests waiting share one connection', () => {
  const rig = rigWith({ maxPerHost: 1, queue: 100 }, { shards: 2, cluster: {} })
  slow(rig, 10)
  const clients = Array.from({ length: 120 }, (_, index) => rig.client('', { shard: index & 1 }))
  for (const client of clients) client.send(get('/x'))
  rig.until(() => rig.outcomes['complete'] === 60, 60 * 25)
  const served = [0, 1].map(
    (shard) => clients.filter((c, index) => (index & 1) === shard && c.receivedBytes > 0).length,
  )
  assert.ok(Math.abs((served[0] ?? 0) - (served[1] ?? 0)) <= 20, `${served.join(' and ')}`)
  rig.until(() => rig.outcomes['complete'] === 120, 120 * 25)
  rig.conclude()
})

test('an endpoint that left serves those who wait for it, and nobody else', () => {
  const rig = rigWith({ maxPerHost: 1 })
  const left = slow(rig, 200)
  const came = slow(rig, 1, OTHER)
  const waiting = [rig.client(get('/1')), rig.client(get('/2'))]
  rig.pass(50)
  rig.reload({
    cluster: {
      pool: { ...CLUSTER.pool, maxPerHost: 1 },
      endpoints: [endpointSpec(1, OTHER)],
    },
  })
  const later = rig.client(get('/3'))
  rig.until(() => later.text.endsWith('/3'))
  rig.until(() => waiting.every((client) => /\/[12]$/.test(client.text)))
  assert.doesNotMatch(left[0]?.text ?? '', /GET \/3/)
  assert.match(came[0]?.text ?? '', /GET \/3/)
  rig.pass(10)
  assert.equal(rig.upstreams, 1)
  rig.conclude()
})

test('one who waits for an endpoint that left is served by places that come free elsewhere', () => {
  const rig = rigWith({ maxTotal: 1 }, { shards: 2 })
  slow(rig, 200)
  const busy = rig.client(get('/1'), { shard: 0 })
  rig.pass(10)
  const waiting = rig.client(get('/2'), { shard: 1 })
  rig.pass(10)
  rig.reload({ endpoints: [], cluster: { pool: { ...CLUSTER.pool, maxTotal: 1 } } })
  rig.until(() => busy.text.endsWith('/1'))
  rig.until(() => waiting.text.endsWith('/2'), 400)
  rig.conclude()
})

test('a reload keeps the connections of endpoints that stay', () => {
  const rig = rigWith({})
  const connections = slow(rig, 1)
  const client = rig.client(get('/1'))
  rig.until(() => rig.outcomes['complete'] === 1)
  rig.reload({ endpoints: [BACKEND, OTHER], cluster: { pool: { ...CLUSTER.pool, idleTimeoutMs: 1000 } } })
  slow(rig, 1, OTHER)
  for (let turn = 2; turn <= 5; turn++) {
    client.send(get(`/${turn}`))
    rig.until(() => rig.outcomes['complete'] === turn)
  }
  assert.equal(connections.length, 1)
  // What was changed about them holds from their next idling on.
  const took = rig.until(() => connections[0]?.finReceived === true)
  assert.ok(took <= 1101, `${took} ms`)
  rig.conclude()
})

test('unix sockets and IPv6 are endpoints like others', () => {
  for (const address of ['unix:/run/app.sock', '[2001:db8::7]:8080']) {
    const rig = rigWith({}, { endpoints: [address] })
    slow(rig, 0, address)
    const client = rig.client(get('/it'))
    rig.until(() => client.text.endsWith('/it'))
    rig.conclude()
  }
})
