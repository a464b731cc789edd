/** Every timeout, exactly: none fires early, none later than two turns of the wheel (a look's fourth where the engine moves the bytes). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKEND, get, parse, ProxyRig, respond, verdict } from '../../support/proxy-rig.ts'
import type { RigParts } from '../../support/proxy-rig.ts'
import { CLUSTER, LISTENER } from '../../support/sim-shard.ts'

/** The wheel turns every 50 ms. */
const LATE_MS = 101

const within = (took: number, timeoutMs: number, lateMs = LATE_MS): void => {
  assert.ok(took >= timeoutMs && took <= timeoutMs + lateMs, `${took} ms for a timeout of ${timeoutMs} ms`)
}

const rigWith = (
  listener: Partial<(typeof LISTENER)['timeouts']>,
  cluster: Partial<(typeof CLUSTER)['timeouts']> = {},
  parts: RigParts = {},
): ProxyRig =>
  new ProxyRig({
    ...parts,
    listener: { timeouts: { ...LISTENER.timeouts, ...listener } },
    cluster: { timeouts: { ...CLUSTER.timeouts, ...cluster }, ...parts.cluster },
  })

test('requestHead is absolute: a byte now and then does not extend it', () => {
  const rig = rigWith({ requestHeadMs: 2000 })
  const startMs = rig.nowMs
  const client = rig.client('GET / HTTP/1.1\r\nHost: a\r\n')
  for (let ms = 100; ms < 3000; ms += 100) rig.world.after(ms, () => client.send('x'))
  rig.until(() => client.finReceived)
  within(rig.nowMs - startMs, 2000)
  assert.equal(verdict(client), '408 http_request_error')
  assert.equal(parse(client.text).fields['connection'], 'close')
  assert.deepEqual(rig.outcomes, { 'head-timeout': 1 })
  rig.conclude()
})

test('requestHead holds for a client that sends nothing at all, which gets no answer', () => {
  const rig = rigWith({ requestHeadMs: 2000 })
  const startMs = rig.nowMs
  const client = rig.client()
  rig.until(() => client.finReceived)
  within(rig.nowMs - startMs, 2000)
  assert.equal(client.text, '')
  rig.conclude()
})

test('requestHead of a later request runs from its first byte', () => {
  const rig = rigWith({ requestHeadMs: 2000, keepAliveMs: 10_000 })
  rig.backend(respond('x'))
  const client = rig.client(get())
  rig.pass(5000)
  client.send('GET')
  const took = rig.until(() => client.finReceived)
  within(took, 2000)
  assert.match(client.text, /408 the head took too long\n$/)
  rig.conclude()
})

test('keepAlive runs from the end of a response', () => {
  const rig = rigWith({ keepAliveMs: 3000 })
  rig.backend(respond('x'))
  const client = rig.client(get())
  rig.until(() => client.receivedBytes > 0)
  rig.pass(2000)
  client.send(get())
  const before = client.receivedBytes
  rig.until(() => client.receivedBytes > before)
  within(
    rig.until(() => client.finReceived),
    3000,
  )
  assert.deepEqual(rig.outcomes, { complete: 2 })
  rig.conclude()
})

test('client: a body that stops half way, each piece buying a whole timeout', () => {
  const rig = rigWith({ clientMs: 1000 })
  rig.backend(() => {})
  const client = rig.client('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n')
  rig.pass(800)
  client.send('x'.repeat(100))
  rig.pass(800)
  assert.equal(client.receivedBytes, 0)
  client.send('x'.repeat(100))
  within(
    rig.until(() => client.finReceived),
    1000,
  )
  assert.equal(verdict(client), '408 http_request_error')
  assert.deepEqual(rig.outcomes, { 'client-timeout': 1 })
  rig.conclude()
})

test('client: a body that never comes, for a request that had to wait for its connection', () => {
  const rig = rigWith({ clientMs: 1000 }, {}, { cluster: { pool: { ...CLUSTER.pool, maxPerHost: 1 } } })
  const connections = rig.backend((peer, request) => {
    if (request.startsWith('GET')) rig.world.after(1500, () => peer.send(respond('x')))
  })
  const first = rig.client(get())
  rig.pass(10)
  const client = rig.client('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n')
  rig.until(() => first.receivedBytes > 0)
  assert.equal(connections.length, 1)
  // How much of its time was over when the connection came is not held against it.
  within(
    rig.until(() => client.finReceived, 10_000),
    1000,
  )
  assert.equal(verdict(client), '408 http_request_error')
  rig.conclude()
})

for (const size of [20_000, 2_000_000]) {
  test(`client: one that stops reading ${size} bytes`, () => {
    const rig = rigWith({ clientMs: 2000 })
    rig.backend(respond('x'.repeat(size)))
    const client = rig.client()
    client.stopReading()
    client.send(get())
    // Buffers of the simulated network take the small one whole: then there is nothing to wait for.
    if (size < 200_000) {
      rig.pass(20_000)
      assert.deepEqual(rig.outcomes, { complete: 1 })
    } else {
      within(
        rig.until(() => 'client-timeout' in rig.outcomes),
        2000,
        501 + LATE_MS,
      )
      client.startReading()
      rig.until(() => client.resetBy !== 0)
    }
    rig.conclude()
  })
}

test('server: silence after the request', () => {
  const rig = rigWith({}, { serverMs: 1500 })
  rig.backend(() => {})
  const client = rig.client(get())
  within(
    rig.until(() => client.receivedBytes > 0),
    1500,
  )
  assert.equal(verdict(client), '504 http_response_timeout')
  assert.deepEqual(rig.outcomes, { 'upstream-timeout': 1 })
  rig.conclude()
})

test('server: the clock of the response begins when the request is complete', () => {
  const rig = rigWith({}, { serverMs: 1500 })
  rig.backend(() => {})
  const client = rig.client('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n')
  for (let ms = 1000; ms <= 10_000; ms += 1000) rig.world.after(ms, () => client.send('xx'))
  rig.pass(10_001)
  assert.equal(client.receivedBytes, 0)
  within(
    rig.until(() => client.receivedBytes > 0),
    1498,
  )
  assert.equal(verdict(client), '504 http_response_timeout')
  rig.conclude()
})

for (const size of [1000, 2_000_000]) {
  test(`server: a response of ${size} bytes that stalls in its middle`, () => {
    const rig = rigWith({}, { serverMs: 2000 })
    rig.backend(() => `HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n${'x'.repeat(size / 2)}`)
    const client = rig.client(get())
    rig.until(() => client.receivedBytes > size / 2)
    const took = rig.until(() => client.resetBy !== 0)
    within(took + 2, 2000, 501 + LATE_MS)
    assert.deepEqual(rig.outcomes, { 'upstream-timeout': 1 })
    rig.conclude()
  })
}

test('server: a backend that stops reading a large upload', () => {
  const rig = rigWith({ clientMs: 30_000 }, { serverMs: 2000 })
  rig.backend((peer) => {
    peer.stopReading()
  })
  const client = rig.client('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n')
  client.send('x'.repeat(4_000_000))
  rig.until(() => client.finReceived || client.resetBy !== 0, 30_000)
  within(rig.nowMs, 2000, 501 + 2 * LATE_MS)
  assert.deepEqual(rig.outcomes, { 'upstream-timeout': 1 })
  assert.equal(verdict(client), '504 http_response_timeout')
  rig.conclude()
})

test('connect', () => {
  const rig = rigWith({}, { connectMs: 700 })
  rig.world.backend(BACKEND, { silent: true })
  const client = rig.client(get())
  within(
    rig.until(() => client.receivedBytes > 0),
    700,
  )
  assert.equal(verdict(client), '504 connection_timeout')
  assert.deepEqual(rig.outcomes, { 'connect-timeout': 1 })
  rig.conclude()
})

test('queue: waiting for a connection ends in 503', () => {
  const rig = rigWith({}, { queueMs: 900 }, { cluster: { pool: { ...CLUSTER.pool, maxPerHost: 1 } } })
  rig.backend(() => {})
  rig.client(get())
  rig.pass(10)
  const client = rig.client(get())
  within(
    rig.until(() => client.receivedBytes > 0),
    900,
  )
  assert.equal(verdict(client), '503 connection_limit_reached')
  assert.deepEqual(rig.outcomes, { 'queue-timeout': 1, 'pool-wait': 1 })
  rig.conclude()
})
