/** A second try beside the first, for it takes long: whoever answers first is heard. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sumGauge } from '../../../src/shm/fleet.ts'
import { GAUGE } from '../../../src/shm/layout.ts'
import { ENDPOINT_TABLE } from '../../../src/telemetry/catalogue.ts'
import { get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import type { Answer } from '../../support/proxy-rig.ts'
import { CLUSTER } from '../../support/sim-shard.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const ONE = '10.0.0.1:80'
const TWO = '10.0.0.2:80'

type Hedged = { readonly rig: ProxyRig; readonly peers: readonly SimPeer[][] }

/** Round robin begins with the first endpoint. */
const hedged = (answers: readonly Answer[], more: Partial<typeof CLUSTER> = {}): Hedged => {
  const addresses = [ONE, TWO, '10.0.0.3:80'].slice(0, answers.length)
  const rig = new ProxyRig({
    endpoints: addresses,
    cluster: {
      hedge: { delayMs: 200, attempts: 1 },
      retry: { attempts: 1, on: ['reset', 'connect', '503'], budget: { ratio: 1, perSecond: 10 } },
      ...more,
    },
  })
  return { rig, peers: answers.map((answer, index) => rig.backend(answer, addresses[index])) }
}

const after =
  (ms: number, text: string, rig: () => ProxyRig): Answer =>
  (peer) => {
    rig().world.after(ms, () => {
      if (!peer.over) peer.send(text)
    })
  }

const inFlight = (rig: ProxyRig): number[] =>
  [0, 1].map((endpoint) => sumGauge(rig.shards[0]!.fleet, 'endpointGauges', endpoint, GAUGE.inFlight))

const blamed = (rig: ProxyRig): number => {
  const { endpoints } = rig.shards[0]!.fleet.stripe(0)
  const { failures } = ENDPOINT_TABLE.column
  return [0, 1].reduce(
    (sum, endpoint) =>
      sum +
      endpoints
        .subarray(endpoint * ENDPOINT_TABLE.width + failures, endpoint * ENDPOINT_TABLE.width + failures + 7)
        .reduce((all, count) => all + count, 0),
    0,
  )
}

test('the hedge answers first: the first try is reset, and nobody is to blame', () => {
  const { rig, peers } = hedged([() => undefined, respond('second')])
  const client = rig.client(get())
  rig.until(() => peers[1]!.length === 1)
  assert.deepEqual(inFlight(rig), [1, 1])
  rig.until(() => client.text.endsWith('second'))
  rig.pass(10)
  assert.deepEqual(inFlight(rig), [0, 0])
  assert.deepEqual(rig.outcomes, { complete: 1, retry: 1, hedge: 1, 'hedge-won': 1 })
  assert.equal(blamed(rig), 0)
  assert.ok(peers[0]![0]!.over, 'the loser is still open')
  assert.equal(rig.upstreams, 1)
  rig.conclude()
})

test('the first try answers after all: the hedge is reset', () => {
  const { rig, peers } = hedged([after(300, respond('first'), () => rig), () => undefined])
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('first'))
  rig.pass(10)
  assert.ok(peers[1]![0]!.over)
  assert.deepEqual(rig.outcomes, { complete: 1, retry: 1, hedge: 1 })
  assert.equal(blamed(rig), 0)
  rig.conclude()
})

test('a try that is answered in time has no hedge', () => {
  const { rig, peers } = hedged([after(100, respond('first'), () => rig), respond('second')])
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('first'))
  rig.pass(1000)
  assert.equal(peers[1]!.length, 0)
  rig.conclude()
})

test('a response that begins in time and takes long has no hedge', () => {
  const { rig, peers } = hedged([
    (peer) => {
      peer.send('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n')
      rig.world.after(1000, () => peer.send('first'))
    },
    respond('second'),
  ])
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('first'))
  assert.equal(peers[1]!.length, 0)
  rig.conclude()
})

test('requests that may not be done twice, and upgrades, are never hedged', () => {
  for (const request of [
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
    `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n${'x'.repeat(20_000)}`,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  ]) {
    const { rig, peers } = hedged([() => undefined, respond('second')])
    rig.client(request)
    rig.pass(2000)
    assert.equal(peers[1]!.length, 0, request.slice(0, 20))
    rig.conclude()
  }
})

test('one of two fails: the other goes on; both fail: the failure of the last', () => {
  const { rig } = hedged([
    (peer) => rig.world.after(300, () => peer.rst()),
    after(400, respond('second'), () => rig),
  ])
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('second'))
  assert.equal(blamed(rig), 1)
  rig.conclude()
  const both = hedged([
    (peer) => both.rig.world.after(300, () => peer.rst()),
    (peer) => both.rig.world.after(300, () => peer.rst()),
  ])
  const other = both.rig.client(get())
  both.rig.until(() => other.text.includes('502'))
  assert.equal(blamed(both.rig), 2)
  both.rig.conclude()
})

test('a 503 of one does not end the wait for the other', () => {
  const { rig } = hedged([
    after(400, respond('first'), () => rig),
    'HTTP/1.1 503 X\r\ncontent-length: 3\r\n\r\nbad',
  ])
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('first'))
  assert.doesNotMatch(client.text, /bad/)
  rig.conclude()
})

test('the client leaves: both are given up', () => {
  const { rig } = hedged([() => undefined, () => undefined])
  const client = rig.client(get())
  rig.pass(500)
  client.rst()
  rig.pass(50)
  assert.deepEqual(inFlight(rig), [0, 0])
  assert.equal(rig.upstreams, 0)
  assert.equal(blamed(rig), 0)
  rig.conclude()
})

test('a hedge that never left the queue is given up there', () => {
  const { rig, peers } = hedged([after(1000, respond('first'), () => rig), () => undefined], {
    pool: { ...CLUSTER.pool, maxPerHost: 1 },
  })
  const one = rig.client(get())
  const two = rig.client(get()) // its first try is at the second endpoint: the hedge of each finds the other's place taken
  rig.until(() => one.text.endsWith('first'))
  rig.pass(10)
  assert.equal(peers[0]!.length, 1)
  assert.equal(rig.outcomes['pool-wait'], 2)
  two.rst()
  rig.conclude()
})

test('hedges and retries share the budget', () => {
  const { rig, peers } = hedged([after(500, respond('first'), () => rig), respond('second')], {
    retry: { attempts: 1, on: [], budget: { ratio: 0, perSecond: 0 } },
  })
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('first'))
  assert.equal(peers[1]!.length, 0)
  assert.equal(rig.outcomes['retry-refused'], 1)
  rig.conclude()
})
