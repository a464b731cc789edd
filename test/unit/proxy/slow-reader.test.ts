/** A client that reads slowly and has sent its next request ahead. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import { LISTENER } from '../../support/sim-shard.ts'
import { CALM } from '../../support/sim/profile.ts'

const KERNEL = 60_000
const CLIENT_MS = 8000
const PROFILE = { ...CALM, bufferBytes: [KERNEL, KERNEL] as const }

/** Chunked, so that every byte passes through the shard and it is told of a full client. */
const stream = (bytes: number): string =>
  `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`

const rig = (bytes: number): ProxyRig => {
  const made = new ProxyRig({
    profile: PROFILE,
    listener: {
      timeouts: { ...LISTENER.timeouts, clientMs: CLIENT_MS, requestHeadMs: 1000, keepAliveMs: 1000 },
    },
  })
  made.backend((_peer, request) => {
    if (request.startsWith('GET /second')) return respond('second')
    return stream(bytes)
  })
  return made
}

test('while it reads, its next request waits; it is not told that its head took too long', () => {
  for (let extra = -400; extra < 100; extra += 20) {
    const world = rig(KERNEL + extra)
    const client = world.client()
    client.stopReading()
    client.send(get())
    world.pass(500)
    client.send(get('/second'))
    for (let look = 0; look < 4; look++) {
      world.pass(CLIENT_MS * 0.7)
      client.startReading()
      world.pass(5)
      client.stopReading()
    }
    client.startReading()
    world.pass(3000)
    assert.ok(client.text.endsWith('second'), `${extra}: ${client.text.slice(-300)}`)
    world.conclude()
  }
})

test('one that does not read any more is reset', () => {
  for (let extra = -400; extra < 100; extra += 20) {
    const world = rig(KERNEL + extra)
    const client = world.client()
    client.stopReading()
    client.send(get())
    world.pass(500)
    client.send(get('/second'))
    world.pass(CLIENT_MS * 3)
    assert.deepEqual(world.shards[0]!.shard.census().clients, 0, `${extra}`)
    world.conclude()
  }
})
