/** The least rate of clients: bodies and readers that trickle are cut; whoever waits for us or for a backend is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, ProxyRig, respond, verdict } from '../../support/proxy-rig.ts'
import type { RigParts } from '../../support/proxy-rig.ts'
import { CLUSTER, LISTENER } from '../../support/sim-shard.ts'
import { CALM } from '../../support/sim/profile.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const RATE = 100
const GRACE_MS = 4000
/** A look's fourth, and two turns of the wheel. */
const LATE_MS = GRACE_MS / 4 + 101
const KERNEL = 60_000

const rigWith = (parts: RigParts = {}): ProxyRig =>
  new ProxyRig({
    listener: {
      timeouts: { ...LISTENER.timeouts, clientMs: 120_000, minRateGraceMs: GRACE_MS },
      limits: { ...LISTENER.limits, minRate: RATE },
    },
    cluster: { timeouts: { ...CLUSTER.timeouts, serverMs: 3_600_000, queueMs: 120_000 } },
    ...parts,
  })

const post = (length: number): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`

/** So many bytes every so often, as long as it is there. */
const trickle = (rig: ProxyRig, client: SimPeer, bytes: number, everyMs: number): void => {
  rig.world.after(everyMs, () => {
    if (client.finReceived || client.resetBy !== 0) return
    client.send('x'.repeat(bytes))
    trickle(rig, client, bytes, everyMs)
  })
}

const cutByRate = (rig: ProxyRig): void => {
  assert.deepEqual(rig.outcomes, { 'client-timeout': 1 })
}

for (const length of [20_000, 2_000_000]) {
  test(`a body of ${length} bytes that comes by the byte: no pause is too long, and yet it ends with 408 (slowloris)`, () => {
    const rig = rigWith()
    rig.backend(() => {})
    const client = rig.client(post(length))
    trickle(rig, client, 10, 500)
    const took = rig.until(() => client.finReceived)
    // Of 100 B/s come 20: it falls behind by 0.8 s a second.
    assert.ok(took >= GRACE_MS / 0.8 - 500 && took <= GRACE_MS / 0.8 + LATE_MS, `${took} ms`)
    assert.equal(verdict(client), '408 http_request_error')
    cutByRate(rig)
    rig.conclude()
  })
}

test('a chunked body whose first chunk is large is not allowed to trickle for the rest of its life', () => {
  const rig = rigWith()
  rig.backend(() => {})
  const client = rig.client(
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n${'x'.repeat(50_000)}\r\n`,
  )
  for (let ms = 500; ms < 20_000; ms += 500) rig.world.after(ms, () => client.send('1\r\nx\r\n'))
  const took = rig.until(() => client.finReceived)
  assert.ok(took <= 6000 + LATE_MS, `${took} ms`)
  cutByRate(rig)
  rig.conclude()
})

test('a body just above the rate is taken to its end, in pieces or evenly', () => {
  for (const [bytes, everyMs] of [
    [60, 500],
    [300, 2500],
  ] as const) {
    const rig = rigWith()
    rig.backend((peer) => {
      peer.onData = () => {
        if (peer.receivedBytes > 9000) peer.send(respond('x'))
      }
    })
    const client = rig.client(post(9000))
    for (let sent = 0; sent < 9000; sent += bytes) {
      rig.world.after(((sent / bytes) | 0) * everyMs, () => client.send('x'.repeat(bytes)))
    }
    rig.until(() => client.receivedBytes > 0)
    assert.deepEqual(rig.outcomes, { complete: 1 })
    rig.conclude()
  }
})

test('while the backend is what is slow, with the body or with its answer, or there is no connection to it, no time counts', () => {
  const rig = rigWith({ profile: { ...CALM, bufferBytes: [KERNEL, KERNEL] } })
  const first = rig.backend((peer) => {
    peer.stopReading()
  })
  const client = rig.client(post(1_000_000))
  client.send('x'.repeat(1_000_000))
  rig.until(() => first.length === 1)
  const [backend] = first
  for (let round = 0; round < 10; round++) {
    rig.pass(20_000)
    backend!.startReading()
    rig.pass(2)
    backend!.stopReading()
  }
  backend!.startReading()
  rig.pass(60_000) // the whole body is there, and no answer
  backend!.send(respond('late'))
  rig.until(() => client.text.endsWith('late'))
  assert.deepEqual(rig.outcomes, { complete: 1 })
  rig.conclude()
})

test('nor while the backend sends its response by the byte', () => {
  const rig = rigWith()
  const backends = rig.backend('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nx')
  const client = rig.client(get())
  rig.until(() => client.receivedBytes > 0)
  for (let sent = 1; sent < 100; sent++) {
    backends[0]!.send('x')
    rig.pass(1000)
  }
  backends[0]!.send('x'.repeat(99_900))
  rig.until(() => 'complete' in rig.outcomes)
  rig.conclude()
})

test('a body that may not come yet, for its request waits in a queue, is not slow', () => {
  const rig = rigWith({
    cluster: {
      timeouts: { ...CLUSTER.timeouts, queueMs: 120_000, serverMs: 3_600_000 },
      pool: { ...CLUSTER.pool, maxPerHost: 1 },
    },
  })
  const backends = rig.backend((peer, request) => {
    if (request.startsWith('GET')) rig.world.after(60_000, () => peer.send(respond('x')))
    else peer.onData = () => peer.receivedBytes > 20_000 && peer.send(respond('y'))
  })
  rig.client(get())
  rig.pass(10)
  const client = rig.client(post(20_000))
  client.send('x'.repeat(100))
  rig.until(() => backends.length === 1 && client.receivedBytes === 0 && rig.nowMs > 60_100)
  client.send('x'.repeat(19_900))
  rig.until(() => client.receivedBytes > 0)
  assert.equal(client.text.slice(-1), 'y')
  assert.deepEqual(rig.outcomes, { complete: 2, 'pool-wait': 1 })
  rig.conclude()
})

const CHUNKED = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${(400_000).toString(16)}\r\n${'x'.repeat(400_000)}\r\n0\r\n\r\n`

/** A client that reads so many bytes of the response every second, out of a kernel that keeps little. */
const reading = (response: string, bytes: number): { rig: ProxyRig; client: SimPeer } => {
  const rig = rigWith({ profile: { ...CALM, bufferBytes: [2000, 2000] } })
  rig.backend(response)
  const client = rig.client()
  client.stopReading()
  client.send(get())
  const step = (): void => {
    rig.world.after(1000, () => {
      if (client.resetBy !== 0 || client.finReceived) return
      client.readSome(bytes)
      step()
    })
  }
  step()
  return { rig, client }
}

for (const [what, response] of [
  ['that passes through the shard', CHUNKED],
  ['that the engine moves', respond('x'.repeat(400_000))],
] as const) {
  test(`a reader of a response ${what}, a few bytes at a time, is reset`, () => {
    const { rig } = reading(response, 20)
    const took = rig.until(() => 'client-timeout' in rig.outcomes)
    assert.ok(took <= (GRACE_MS * RATE) / (RATE - 20) + 2 * LATE_MS, `${took} ms`)
    cutByRate(rig)
    rig.conclude()
  })

  test(`a reader of a response ${what} that is slow but faster than the rate reads all of it`, () => {
    const { rig, client } = reading(response, 4000)
    rig.until(() => 'complete' in rig.outcomes || client.resetBy !== 0)
    assert.deepEqual(rig.outcomes, { complete: 1 })
    client.startReading()
    rig.conclude()
  })
}

test('one that was answered and reads the rest of it a few bytes at a time is reset', () => {
  const { rig } = reading(respond('x'.repeat(1940)), 5)
  rig.until(() => 'complete' in rig.outcomes)
  const took = rig.until(() => rig.shards[0]!.shard.census().clients === 0)
  assert.ok(took <= LISTENER.timeouts.keepAliveMs + (GRACE_MS * RATE) / (RATE - 20) + LATE_MS, `${took}`)
  rig.conclude()
})

test('a WebSocket that says a byte now and then lives on', () => {
  const rig = rigWith()
  const backends = rig.backend(
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
  )
  const client = rig.client(get('/', 'Upgrade: websocket\r\nConnection: upgrade\r\n'))
  rig.until(() => client.receivedBytes > 0)
  for (let i = 0; i < 60; i++) {
    rig.pass(1000)
    client.send('x')
  }
  assert.equal(client.resetBy, 0)
  assert.equal(backends[0]!.resetBy, 0)
  rig.conclude()
})
