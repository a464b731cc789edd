/** A reused connection that turns out dead: one more attempt, where that can do no harm (RFC 9110 §9.2.2). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKEND, get, parse, ProxyRig, respond, verdict } from '../../support/proxy-rig.ts'
import { CLUSTER } from '../../support/sim-shard.ts'
import { CALM } from '../../support/sim/profile.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

/** Far enough that a request and a FIN cross on the way. */
const FAR = { ...CALM, latencyMs: [20, 20] } as const

type Stale = {
  readonly rig: ProxyRig
  readonly client: SimPeer
  readonly connections: SimPeer[]
  /** Heads of requests that backends read on whatever connection, the warming one left out. */
  readonly seen: string[]
}

/** One connection in the pool, about to be closed by its backend in the moment the next request is on its way. */
const stale = (how: 'close' | 'rst', answerAgain = true): Stale => {
  const rig = new ProxyRig({ profile: FAR })
  const seen: string[] = []
  const connections = rig.backend((_, request) => {
    if (request.startsWith('GET /warm')) return respond('warm')
    seen.push(request)
    return answerAgain ? respond('again') : undefined
  })
  const client = rig.client(get('/warm'))
  rig.until(() => client.text.endsWith('warm'))
  rig.pass(100)
  const [idle] = connections
  assert.ok(idle !== undefined)
  rig.world.after(15, () => idle[how]())
  return { rig, client, connections, seen }
}

for (const how of ['close', 'rst'] as const) {
  test(`an idempotent request is sent again on a fresh connection after ${how}`, () => {
    for (const request of [
      get('/a'),
      'PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
      'DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n',
    ]) {
      const { rig, client, connections, seen } = stale(how)
      client.send(request)
      rig.until(() => client.text.endsWith('again'))
      assert.equal(connections.length, 2)
      assert.equal(seen.length, 1)
      if (request.startsWith('PUT')) assert.match(connections[1]?.text ?? '', /\r\n\r\nhello$/)
      assert.deepEqual(rig.outcomes, { complete: 2, 'stale-reuse': 1, retry: 1 })
      rig.conclude()
    }
  })

  test(`a POST is not, after ${how}`, () => {
    const { rig, client, seen } = stale(how)
    const before = client.receivedBytes
    client.send('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello')
    rig.until(() => client.receivedBytes > before)
    assert.equal(parse(client.text.slice(before)).status, 502)
    assert.equal(seen.length, 0)
    rig.conclude()
  })
}

test('a request whose body is too large to be kept is not sent again', () => {
  const { rig, client, seen } = stale('close')
  const before = client.receivedBytes
  client.send(`PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n${'x'.repeat(20_000)}`)
  rig.until(() => client.receivedBytes > before)
  assert.equal(parse(client.text.slice(before)).status, 502)
  assert.equal(seen.length, 0)
  rig.conclude()
})

test('nothing is sent a third time', () => {
  const { rig, client, connections } = stale('close', false)
  const before = client.receivedBytes
  client.send(get('/a'))
  rig.until(() => (connections[1]?.receivedBytes ?? 0) > 0)
  connections[1]?.close()
  rig.until(() => client.receivedBytes > before)
  assert.equal(parse(client.text.slice(before)).status, 502)
  assert.equal(connections.length, 2)
  rig.conclude()
})

test('a first attempt on a fresh connection is not repeated', () => {
  const rig = new ProxyRig()
  const connections = rig.backend((peer) => peer.close())
  const client = rig.client(get())
  rig.until(() => client.receivedBytes > 0)
  assert.equal(verdict(client), '502 http_response_incomplete')
  assert.equal(connections.length, 1)
  rig.conclude()
})

test('nothing is repeated once a byte of a response was seen', () => {
  const rig = new ProxyRig()
  const connections = rig.backend((peer, _, index) => {
    if (index === 0) return respond('warm')
    peer.send('HTTP/1.1 2')
    peer.close()
    return undefined
  })
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('warm'))
  client.send(get())
  rig.until(() => client.text.includes('502'))
  assert.equal(connections.length, 1)
  rig.conclude()
})

test('a retry that finds the pool full waits its turn', () => {
  const rig = new ProxyRig({ profile: FAR, cluster: { pool: { ...CLUSTER.pool, maxPerHost: 1 } } })
  let slow = false
  const connections = rig.backend((peer, request) => {
    if (request.startsWith('GET /warm')) return respond('warm')
    if (!slow) return respond(request.slice(4, 6))
    rig.world.after(500, () => peer.send(respond(request.slice(4, 6))))
    return undefined
  })
  const first = rig.client(get('/warm'))
  rig.until(() => first.text.endsWith('warm'))
  const second = rig.client()
  slow = true
  rig.world.after(15, () => connections[0]?.close())
  first.send(get('/1'))
  rig.world.after(1, () => second.send(get('/2')))
  rig.until(() => second.text.endsWith('/2') && first.text.endsWith('/1'))
  assert.equal(rig.outcomes['complete'], 3)
  assert.equal(rig.outcomes['stale-reuse'], 1)
  rig.conclude()
})

test('an idle connection that says something is closed, not used', () => {
  const rig = new ProxyRig()
  const connections = rig.backend(respond('x'))
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('x'))
  rig.pass(10)
  connections[0]?.send('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n')
  rig.until(() => rig.upstreams === 0)
  client.send(get())
  rig.until(() => rig.outcomes['complete'] === 2)
  assert.equal(connections.length, 2)
  assert.doesNotMatch(client.text, /408/)
  rig.conclude()
})

test('surplus behind a response ends the connection, not the response', () => {
  const rig = new ProxyRig()
  const connections = rig.backend(`${respond('x')}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`)
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('x'))
  rig.pass(10)
  assert.equal(rig.upstreams, 0)
  client.send(get())
  rig.until(() => rig.outcomes['complete'] === 2)
  assert.equal(connections.length, 2)
  assert.doesNotMatch(client.text, /evil/)
  rig.conclude()
})

test('a retry does not inherit the standstill of the connection that was lost', () => {
  const rig = new ProxyRig()
  const accept = (peer: SimPeer): void => {
    peer.onFin = () => peer.close()
    peer.onData = () => {
      if (peer.text.endsWith('hello')) peer.send(respond('again'))
      else if (peer.text.endsWith('\r\n\r\n') && peer.text.startsWith('GET')) peer.send(respond('warm'))
    }
  }
  const backend = rig.world.backend(BACKEND, { bufferBytes: 100, accept })
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('warm'))
  backend.behaviour = { accept }
  const [idle] = backend.peers
  idle?.stopReading() // the next head does not fit its buffers: the connection is blocked
  client.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
  rig.pass(100)
  idle?.rst()
  rig.pass(100)
  client.send('hello')
  rig.until(() => client.text.endsWith('again'), 1000)
  assert.deepEqual(rig.outcomes, { complete: 2, 'stale-reuse': 1, retry: 1 })
  rig.conclude()
})
