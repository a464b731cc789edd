/**
 * Backpressure, end to end: whoever does not read holds up who sends, and what we keep meanwhile is bounded by a stated number,
 * however large the body.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKEND, get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import { CLUSTER, LISTENER } from '../../support/sim-shard.ts'
import { requestKey, responseKey, streamBytes } from '../../support/http-model/stream.ts'
import { CALM } from '../../support/sim/profile.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const BODY_BYTES = 8 * 1024 * 1024
/**
 * Bytes an engine may have queued for one connection that does not read: what was on its way when it was found blocked (a read of
 * 16 KiB and its frame), and one read more of a relay.
 */
const QUEUE_BYTES = 2 * 16_384 + 1024
/** Slabs an exchange holds: its request's head, and what of its body was read before it could go on. The first is the shard's own. */
const SLABS = 1 + 2

const PATIENT = {
  listener: { timeouts: { ...LISTENER.timeouts, clientMs: 3_600_000 } },
  cluster: { timeouts: { ...CLUSTER.timeouts, serverMs: 3_600_000 } },
} as const

type Peak = { queued: number; slabs: number }

/** Run until it holds, noting what is held at most. */
const watch = (rig: ProxyRig, holds: () => boolean, withinMs: number): Peak => {
  const peak = { queued: 0, slabs: 0 }
  const [sim] = rig.shards
  assert.ok(sim !== undefined)
  const look = (): boolean => {
    peak.queued = Math.max(peak.queued, sim.engine.stat('queuedBytes'))
    peak.slabs = Math.max(peak.slabs, sim.shard.reactor.slabs.taken)
    return holds()
  }
  rig.world.run({ until: look, untilMs: rig.nowMs + withinMs, maxSteps: 3_000_000 })
  return peak
}

const bounded = (peak: Peak): void => {
  assert.ok(peak.queued <= QUEUE_BYTES, `${peak.queued} bytes queued`)
  assert.ok(peak.slabs <= SLABS, `${peak.slabs} slabs`)
}

/** The sender's script keeps all it is to send, so bodies are sent in pieces as the socket takes them. */
const pour = (peer: SimPeer, key: number, rig: ProxyRig): void => {
  let at = 0
  const more = (): void => {
    while (at < BODY_BYTES && peer.unsentBytes === 0 && !peer.over) {
      peer.send(streamBytes(key, at, 65_536), { splits: [65_536] })
      at += 65_536
    }
    if (at < BODY_BYTES && !peer.over) rig.world.after(1, more)
  }
  more()
}

for (const framing of ['length', 'chunked', 'close'] as const) {
  test(`a client that stops reading a huge download (${framing})`, () => {
    const rig = new ProxyRig(PATIENT)
    rig.backend((peer) => {
      if (framing === 'chunked') {
        const size = BODY_BYTES.toString(16)
        peer.send(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${size}\r\n`)
      } else if (framing === 'close') peer.send('HTTP/1.1 200 OK\r\n\r\n')
      else peer.send(`HTTP/1.1 200 OK\r\ncontent-length: ${BODY_BYTES}\r\n\r\n`)
      pour(peer, responseKey(1), rig)
    })
    const client = rig.client()
    client.keepReceived = false
    client.send(get())
    bounded(watch(rig, () => client.receivedBytes > BODY_BYTES / 4, 100_000))
    client.stopReading()
    const before = rig.nowMs
    bounded(watch(rig, () => false, 60_000))
    assert.ok(rig.nowMs >= before + 60_000 && client.receivedBytes < BODY_BYTES / 2)
    client.startReading()
    bounded(watch(rig, () => client.receivedBytes > BODY_BYTES, 100_000))
    client.rst(-1)
    rig.conclude()
  })
}

for (const framing of ['length', 'chunked'] as const) {
  test(`a backend that stops reading a huge upload (${framing})`, () => {
    const rig = new ProxyRig(PATIENT)
    const connections = rig.backend((peer) => {
      peer.onData = null
      peer.keepReceived = false
    })
    const client = rig.client()
    const length = framing === 'length' ? `Content-Length: ${BODY_BYTES}` : 'Transfer-Encoding: chunked'
    client.send(`POST / HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n`)
    if (framing === 'chunked') client.send(`${BODY_BYTES.toString(16)}\r\n`)
    pour(client, requestKey(1), rig)
    bounded(watch(rig, () => (connections[0]?.receivedBytes ?? 0) > BODY_BYTES / 4, 100_000))
    connections[0]?.stopReading()
    bounded(watch(rig, () => false, 60_000))
    assert.ok((connections[0]?.receivedBytes ?? Infinity) < BODY_BYTES / 2)
    connections[0]?.startReading()
    bounded(watch(rig, () => (connections[0]?.receivedBytes ?? 0) > BODY_BYTES, 100_000))
    client.rst(-1)
    rig.conclude()
  })
}

test('an upload to a backend that does not even accept', () => {
  const rig = new ProxyRig({
    ...PATIENT,
    cluster: { timeouts: { ...CLUSTER.timeouts, connectMs: 30_000 } },
  })
  rig.world.backend('10.0.0.1:80', { silent: true })
  const client = rig.client()
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`)
  pour(client, requestKey(1), rig)
  const peak = watch(rig, () => client.receivedBytes > 0, 20_000)
  assert.ok(peak.queued <= QUEUE_BYTES && peak.slabs <= SLABS, JSON.stringify(peak))
  client.rst(-1)
  rig.conclude()
})

test('a client that does not read, and whose next request waits for a connection meanwhile', () => {
  const rig = new ProxyRig({
    ...PATIENT,
    profile: { ...CALM, bufferBytes: [2000, 2000] },
    cluster: { ...PATIENT.cluster, pool: { ...CLUSTER.pool, maxPerHost: 1 } },
  })
  rig.backend((peer, request) => {
    const later = (text: string): void => rig.world.after(100, () => peer.send(text))
    if (request.startsWith('GET /small')) return later(respond('x'.repeat(10_000)))
    if (request.startsWith('GET /long')) return later(respond('x'))
    peer.send('HTTP/1.1 200 OK\r\n\r\n') // chunked by us, span by span
    pour(peer, responseKey(1), rig)
  })
  const backend = rig.world.backends.get(BACKEND)
  assert.ok(backend !== undefined)
  backend.behaviour = { ...backend.behaviour, bufferBytes: 65_536 } // its first response comes in one piece
  const other = rig.client()
  const client = rig.client()
  client.stopReading()
  client.send(get('/small') + get('/huge'))
  rig.world.after(50, () => other.send(get('/long')))
  const peak = watch(rig, () => false, 20_000)
  assert.equal(rig.outcomes['pool-wait'], 2)
  assert.ok(peak.queued <= QUEUE_BYTES, `${peak.queued} bytes queued`)
  client.startReading()
  watch(rig, () => client.receivedBytes > BODY_BYTES, 100_000)
  assert.ok(client.receivedBytes > BODY_BYTES)
  client.rst(-1)
  rig.conclude()
})

test('a backend that answers without having read the whole request: the client goes on, on another connection', () => {
  const rig = new ProxyRig(PATIENT)
  const accept = (peer: SimPeer): void => {
    peer.onData = () => {
      peer.onData = null
      const isGet = peer.text.startsWith('GET')
      if (!isGet) peer.stopReading()
      rig.world.after(50, () => peer.send(respond(isGet ? 'got' : 'posted')))
    }
  }
  const { peers } = rig.world.backend(BACKEND, { bufferBytes: 4000, accept })
  const client = rig.client(
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12000\r\n\r\n${'x'.repeat(12_000)}`,
  )
  rig.until(() => client.text.endsWith('posted'))
  client.send(get())
  rig.until(() => client.text.endsWith('got'), 1000)
  assert.equal(peers.length, 2)
  rig.conclude()
})

test('an idle client connection holds no slab', () => {
  const rig = new ProxyRig()
  const clients = Array.from({ length: 50 }, () => rig.client())
  assert.equal(rig.shards[0]?.shard.reactor.slabs.taken, 1)
  for (const client of clients) client.close()
  rig.conclude()
})

test('when all slabs are taken, requests are refused and connections go on', () => {
  const rig = new ProxyRig(PATIENT)
  rig.backend(() => {})
  const clients = Array.from({ length: 120 }, () => rig.client(get()))
  rig.until(() => (rig.outcomes['overloaded'] ?? 0) > 0, 1000)
  rig.pass(100)
  const refused = clients.filter(({ text }) => text.includes('503'))
  assert.equal(refused.length, rig.outcomes['overloaded'])
  assert.equal(refused.length, 120 - (64 + 16 + 8 - 1))
  for (const client of clients) client.rst(-1)
  rig.conclude()
})
