/** What a WebSocket handshake opens: bytes both ways, half-closes, and an end in any case. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DrainSpec } from '../../../src/config/lifecycle.ts'
import { Reclaimer } from '../../../src/control/reclaim.ts'
import { CLUSTER_TABLE, DIMENSIONS, LISTENER_TABLE } from '../../../src/telemetry/catalogue.ts'
import { get, parse, ProxyRig, respond } from '../../support/proxy-rig.ts'
import { CLUSTER, LISTENER } from '../../support/sim-shard.ts'
import { CALM } from '../../support/sim/profile.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const HANDSHAKE = get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n')
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: def\r\n\r\n'

type Ends = { rig: ProxyRig; client: SimPeer; backend: SimPeer }

type Given = { tunnelMs?: number; clientFinMs?: number; serverFinMs?: number; drain?: DrainSpec }

const open = (given: Given = {}): Ends => {
  const { serverFinMs = 1000, drain = LISTENER.drain, ...listener } = given
  const rig = new ProxyRig({
    listener: { timeouts: { ...LISTENER.timeouts, ...listener }, drain },
    cluster: { timeouts: { ...CLUSTER.timeouts, serverFinMs } },
  })
  const connections = rig.backend((peer, request) => {
    if (request.startsWith('GET /idle')) peer.send(respond('x'))
    else if (request.startsWith('GET /chat')) peer.send(SWITCH)
  })
  const client = rig.client(HANDSHAKE)
  rig.until(() => client.text.endsWith('\r\n\r\n'))
  const backend = connections[0]
  assert.ok(backend !== undefined)
  backend.onData = null
  backend.onFin = null
  return { rig, client, backend }
}

/** Timeouts counted, by the names the metrics give them. */
const timeouts = ({ shards }: ProxyRig): Record<string, number> => {
  const counted: Record<string, number> = {}
  const { listeners, clusters } = shards[0]!.fleet.stripe(0)
  DIMENSIONS.clientTimeout.forEach(({ timeout = '' }, kind) => {
    counted[timeout] = listeners[LISTENER.id * LISTENER_TABLE.width + LISTENER_TABLE.column.timeouts + kind]!
  })
  DIMENSIONS.upstreamTimeout.forEach(({ timeout = '' }, kind) => {
    counted[timeout] = clusters[CLUSTER.id * CLUSTER_TABLE.width + CLUSTER_TABLE.column.timeouts + kind]!
  })
  return Object.fromEntries(Object.entries(counted).filter(([, count]) => count > 0))
}

test('the handshake goes through, its fields for one hop written anew', () => {
  const { rig, client, backend } = open()
  const { status, fields } = parse(client.text)
  assert.equal(status, 101)
  assert.equal(fields['upgrade'], 'websocket')
  assert.equal(fields['connection'], 'upgrade')
  assert.equal(fields['sec-websocket-accept'], 'def')
  assert.equal(fields['transfer-encoding'], undefined)
  assert.match(backend.text, /\r\nconnection: upgrade\r\nupgrade: websocket\r\n/)
  assert.match(backend.text, /\r\nSec-WebSocket-Key: abc\r\n/)
  rig.conclude()
})

test('bytes go both ways, and each FIN goes on by itself', () => {
  const { rig, client, backend } = open()
  const [there, back] = [backend.receivedBytes, client.receivedBytes]
  client.send('up'.repeat(50_000))
  backend.send('down'.repeat(50_000))
  client.fin()
  rig.until(() => backend.finReceived)
  assert.equal(backend.receivedBytes - there, 100_000)
  assert.equal(client.finReceived, false)
  backend.send('more')
  backend.fin()
  rig.until(() => client.finReceived)
  assert.equal(client.receivedBytes - back, 200_004)
  assert.deepEqual(rig.outcomes, { 'tunnel-closed': 1 })
  rig.conclude()
})

test('the last words to a backend that is slow to read them arrive, and a clean end behind them', () => {
  const { rig, client, backend } = open()
  const before = backend.receivedBytes
  backend.stopReading()
  client.send('x'.repeat(60_000))
  client.fin()
  backend.fin()
  rig.until(() => client.finReceived)
  rig.pass(500)
  backend.startReading()
  rig.until(() => backend.finReceived || backend.resetBy !== 0)
  assert.equal(backend.resetBy, 0)
  assert.equal(backend.receivedBytes - before, 60_000)
  assert.deepEqual(rig.outcomes, { 'tunnel-closed': 1 })
  rig.conclude()
})

test('what either side says together with its handshake is not lost', () => {
  const rig = new ProxyRig()
  const connections = rig.backend((_, request) =>
    request.startsWith('GET') ? `${SWITCH}early words` : undefined,
  )
  const client = rig.client(`${HANDSHAKE}hasty words`)
  rig.until(() => client.text.endsWith('early words'))
  rig.until(() => connections[0]?.text.endsWith('\r\n\r\nhasty words') === true)
  rig.conclude()
})

test('a client that ends its side in the batch of the switch has only half-closed', () => {
  for (let delayMs = 0; delayMs < 4; delayMs += 0.1) {
    const rig = new ProxyRig({ profile: { ...CALM, batchMs: [1, 1] } })
    const connections = rig.backend((_, request) => (request.startsWith('GET') ? SWITCH : undefined))
    const client = rig.client()
    client.send(HANDSHAKE)
    rig.until(() => connections[0]?.receivedBytes !== undefined && connections[0].receivedBytes > 0)
    const backend = connections[0]
    assert.ok(backend !== undefined)
    rig.world.after(delayMs, () => client.fin())
    rig.pass(20)
    if (client.receivedBytes === 0) assert.deepEqual(rig.outcomes, { 'client-abort': 1 })
    else assert.ok(backend.finReceived, `the FIN ${delayMs} ms after the handshake is lost`)
    rig.conclude()
  }
})

test('a backend that closes right behind its 101 ends the tunnel', () => {
  const rig = new ProxyRig()
  rig.backend((peer) => {
    peer.send(SWITCH)
    peer.send('bye')
    peer.fin()
  })
  const client = rig.client(HANDSHAKE)
  rig.until(() => client.finReceived)
  assert.match(client.text, /bye$/)
  client.fin()
  rig.until(() => 'tunnel-closed' in rig.outcomes)
  rig.conclude()
})

test('a tunnel in which nothing moves is reset', () => {
  const { rig, client } = open({ tunnelMs: 4000 })
  rig.pass(3000)
  client.send('still here')
  const took = rig.until(() => client.resetBy !== 0)
  assert.ok(took >= 4000 && took <= 4000 + 1001 + 101, `${took} ms`)
  assert.deepEqual(rig.outcomes, { 'tunnel-timeout': 1 })
  assert.deepEqual(timeouts(rig), { tunnel: 1 })
  rig.conclude()
})

test('half-closed by the client, serverFin is what the backend may take', () => {
  const { rig, client } = open({ tunnelMs: 60_000, serverFinMs: 2000 })
  client.fin()
  const took = rig.until(() => client.resetBy !== 0)
  assert.ok(took >= 2000 && took <= 2000 + 501 + 101, `${took} ms`)
  assert.deepEqual(timeouts(rig), { 'server-fin': 1 })
  rig.conclude()
})

test('half-closed by the backend, clientFin is what the client may take', () => {
  const { rig, client, backend } = open({ tunnelMs: 60_000, clientFinMs: 2000 })
  backend.fin()
  const took = rig.until(() => client.resetBy !== 0)
  assert.ok(took >= 2000 && took <= 2000 + 501 + 101, `${took} ms`)
  assert.deepEqual(timeouts(rig), { 'client-fin': 1 })
  rig.conclude()
})

test('a half-closed tunnel that the limit of all tunnels ends counts as such', () => {
  for (const side of ['client', 'backend'] as const) {
    const ends = open({ tunnelMs: 2000, clientFinMs: 5000, serverFinMs: 5000 })
    const { rig, client } = ends
    ends[side].fin()
    const took = rig.until(() => client.resetBy !== 0)
    assert.ok(took >= 2000 && took <= 2000 + 501 + 101, `${took} ms`)
    assert.deepEqual(rig.outcomes, { 'tunnel-timeout': 1 })
    assert.deepEqual(timeouts(rig), { tunnel: 1 })
    rig.conclude()
  }
})

test('a reset of either side resets the other and is counted (http-proxy-middleware #782)', () => {
  for (const side of ['client', 'backend'] as const) {
    const ends = open()
    const { rig, client, backend } = ends
    ends[side].rst()
    const other = side === 'client' ? backend : client
    rig.until(() => other.resetBy !== 0)
    assert.deepEqual(rig.outcomes, { [side === 'client' ? 'client-reset' : 'upstream-reset']: 1 })
    rig.conclude()
  }
})

test('no other protocol is switched to, and none without being asked', () => {
  for (const [request, response] of [
    [get('/', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'), SWITCH.replace('websocket', 'h2c')],
    [get(), SWITCH],
    [
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx`,
      SWITCH,
    ],
    // A body that is still to come would be read as the tunnel's first bytes by one side and as chunks by the other.
    [get('/', 'Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n'), SWITCH],
  ] as const) {
    const rig = new ProxyRig()
    const connections = rig.backend(response)
    const client = rig.client(request)
    rig.until(() => client.receivedBytes > 0)
    assert.doesNotMatch(connections[0]?.text ?? '', /upgrade/i)
    assert.equal(parse(client.text).status, 502)
    rig.conclude()
  }
})

test('a backend may refuse to switch', () => {
  const rig = new ProxyRig()
  rig.backend(respond('no'))
  const client = rig.client(HANDSHAKE)
  rig.until(() => client.text.endsWith('no'))
  client.send(get())
  rig.until(() => rig.outcomes['complete'] === 2)
  rig.conclude()
})

test('a 101 to anything but the WebSocket that was asked for is malformed: nothing is tunnelled', () => {
  for (const upgrade of ['Upgrade: h2c\r\n', 'Upgrade: websocket\r\nUpgrade: h2c\r\n', '']) {
    const rig = new ProxyRig()
    rig.backend(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${upgrade}\r\nraw`)
    const client = rig.client(HANDSHAKE)
    rig.until(() => client.text.includes('\r\n\r\n'))
    assert.equal(parse(client.text).status, 502, upgrade)
    assert.deepEqual(rig.outcomes, { 'upstream-malformed': 1 })
    rig.conclude()
  }
})

test('an Upgrade of two lines is not passed on, whichever protocol comes first', () => {
  const rig = new ProxyRig()
  const connections = rig.backend(respond('plain'))
  const client = rig.client(get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n'))
  rig.until(() => client.text.endsWith('plain'))
  assert.doesNotMatch(connections[0]?.text ?? '', /upgrade/i)
  rig.conclude()
})

test('a tunnel whose listener leaves the configuration outlives its drain, and keeps its slot from another tenant until it ends by itself', () => {
  const drain = { windowMs: 100, hardMs: 1000 }
  const { rig, client, backend } = open({ drain })
  const [{ fleet }] = rig.shards as [ProxyRig['shards'][0]]
  const reclaimer = new Reclaimer(fleet, 0)
  const reclaimed = (): readonly number[] =>
    reclaimer.reclaim({ listener: [LISTENER.id], cluster: [], endpoint: [] }, rig.nowMs).listener
  const idle = rig.client(get('/idle'))
  const busy = rig.client(get('/slow'))
  rig.until(() => idle.text.endsWith('x'))
  const elsewhere = { name: 'another', bind: ['127.0.0.1:81'], drain }
  rig.reload({ listener: elsewhere })
  rig.pass(400)
  assert.ok(idle.finReceived && busy.resetBy === 0)
  rig.reload({ listener: elsewhere })
  rig.pass(3000)
  assert.ok(busy.resetBy !== 0, 'what is no tunnel is reset at the hard end')
  assert.deepEqual(reclaimed(), [])
  const there = backend.receivedBytes
  client.send('still here')
  backend.send('and here')
  rig.until(() => client.text.endsWith('and here'))
  assert.equal(backend.receivedBytes - there, 10)
  client.fin()
  backend.fin()
  rig.until(() => client.finReceived)
  rig.pass(100)
  assert.deepEqual(rig.outcomes, { complete: 1, shutdown: 1, 'tunnel-closed': 1 })
  assert.deepEqual(reclaimed(), [LISTENER.id])
  rig.conclude()
})

test('a shard that drains resets tunnels at the hard end, those of listeners that left, too', () => {
  const { rig, client } = open({ drain: { windowMs: 100, hardMs: 1000 } })
  rig.reload({ listener: { name: 'another', bind: ['127.0.0.1:81'] } })
  rig.pass(2000)
  assert.equal(client.resetBy, 0)
  void rig.shards[0]!.shard.drain(100, 500)
  rig.pass(700)
  assert.ok(client.resetBy !== 0)
  assert.deepEqual(rig.outcomes, { shutdown: 1 })
  rig.conclude()
})
