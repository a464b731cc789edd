/** What is counted of an exchange is its own, whatever the one before it in the same object did. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ENDPOINT_TABLE, LISTENER_TABLE } from '../../../src/telemetry/catalogue.ts'
import { get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import { CLUSTER, LISTENER } from '../../support/sim-shard.ts'

test('bytes sent to clients are those they got, refused and failed exchanges included', () => {
  const rig = new ProxyRig()
  rig.backend((peer, _request, index) => {
    if (index === 0) return respond('x'.repeat(20_000))
    peer.rst()
  })
  const client = rig.client(get())
  rig.until(() => rig.outcomes['complete'] === 1)
  client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n`)
  rig.until(() => rig.outcomes['upstream-reset'] === 1)
  rig.pass(1000)
  const { listeners } = rig.shards[0]!.fleet.stripe(0)
  assert.equal(listeners[LISTENER_TABLE.column.bytesOut], client.receivedBytes)
  rig.conclude()
})

test('a request that got no connection did not reuse one, whatever the exchange before it in the same object did', () => {
  const rig = new ProxyRig({
    cluster: { pool: { ...CLUSTER.pool, maxPerHost: 1 }, timeouts: { ...CLUSTER.timeouts, queueMs: 1000 } },
  })
  rig.backend((_peer, request) => (request.startsWith('GET /hang') ? undefined : respond('x')))
  const reused = (): number => rig.shards[0]!.fleet.stripe(0).endpoints[ENDPOINT_TABLE.column.reused]!
  const [one, two] = [rig.client(get()), rig.client()]
  rig.until(() => rig.outcomes['complete'] === 1)
  one.send(get())
  two.send(get()) // two exchanges at once on the one connection there is: both reuse it
  rig.until(() => rig.outcomes['complete'] === 3)
  assert.equal(reused(), 2)
  one.send(get('/hang'))
  two.send(get())
  rig.until(() => rig.outcomes['queue-timeout'] === 1)
  assert.equal(reused(), 2)
  rig.conclude()
})

test('what the engine relayed by itself before a timeout counts too', () => {
  const rig = new ProxyRig({ listener: { timeouts: { ...LISTENER.timeouts, clientMs: 2000 } } })
  rig.backend(respond('x'.repeat(2_000_000)))
  const client = rig.client(get())
  rig.until(() => client.receivedBytes > 100_000)
  client.stopReading()
  rig.until(() => rig.outcomes['client-timeout'] === 1)
  const { listeners } = rig.shards[0]!.fleet.stripe(0)
  const counted = listeners[LISTENER_TABLE.column.bytesOut]!
  assert.ok(counted >= client.receivedBytes, `${counted} counted, ${client.receivedBytes} received`)
  assert.ok(counted < 2_000_000)
  rig.conclude()
})
