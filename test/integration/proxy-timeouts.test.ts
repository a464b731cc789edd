import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { fullListener } from '../support/full-listener.ts'
import { scrape } from '../support/observe.ts'
import { dialWeir, GET, ok } from '../support/proxied.ts'
import { answering, scriptedBackend, silence } from '../support/scripted.ts'
import { startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import type { Scope } from '../support/wire.ts'

/** Short enough to wait for, long enough that a busy machine does not run into them by itself. */
const TIMEOUT_MS = 400
/** How far a client may fall behind the least rate. */
const GRACE_MS = 1200
/** The wheel's granularity, and the batch that follows. */
const EARLY_MS = 60
const LATE_MS = 3000

const scope: Scope = { after }
const backend = await scriptedBackend(scope)
const full = await fullListener(scope, '127.0.0.1')
const weir = await startWeir(scope, configText())

function configText(): string {
  return `
shards: 1
admin: { bind: 127.0.0.1:0 }
listeners:
  web:
    bind: 127.0.0.1:0
    timeouts: { requestHead: ${TIMEOUT_MS}ms, keepAlive: ${TIMEOUT_MS}ms, client: ${TIMEOUT_MS}ms, minRateGrace: ${GRACE_MS}ms, clientFin: 200ms }
routes: [{ path: /full, cluster: full }, { cluster: web }]
clusters:
  web: { endpoints: [${backend.address}], timeouts: { server: ${TIMEOUT_MS}ms } }
  full: { endpoints: ["${full}"], timeouts: { connect: ${TIMEOUT_MS}ms } }
drain: { window: 50ms, hard: 3s }
`
}

/** Resolves with what it took; the time is asserted to be that of the timeout. */
async function timed<T>(what: () => Promise<T>, expectedMs = TIMEOUT_MS): Promise<T> {
  const startedMs = performance.now()
  const result = await what()
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs >= expectedMs - EARLY_MS && tookMs < expectedMs + LATE_MS, `took ${tookMs} ms`)
  return result
}

const timeouts = async (of: Weir, kind: string): Promise<number> => {
  const metrics = await scrape(of)
  const client = metrics.value('weir_listener_timeouts_total', { timeout: kind })
  return Number.isNaN(client) ? metrics.value('weir_cluster_timeouts_total', { timeout: kind }) : client
}

test('a slow head ends with 408, however many bytes dribble in', async (t) => {
  const wire = await dialWeir(t, weir)
  const response = await timed(async () => {
    const dribble = setInterval(() => wire.send('x'), 50)
    wire.send('GET / HTTP/1.1\r\nhost: a.example\r\nx: ')
    const answer = await wire.response()
    clearInterval(dribble)
    return answer
  })
  assert.equal(response.status, 408)
  assert.equal(response.headers['connection'], 'close')
  assert.equal(await wire.ending(), 'end')
  assert.equal(await timeouts(weir, 'request-head'), 1)
})

for (const length of [10_000, 10_000_000]) {
  test(`a body of ${length} bytes that dribbles in ends with 408, though no pause is too long`, async (t) => {
    backend.play(silence)
    const wire = await dialWeir(t, weir)
    const before = await timeouts(weir, 'min-rate')
    wire.send(`POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: ${length}\r\n\r\n`)
    const response = await timed(async () => {
      const dribble = setInterval(() => wire.send('x'), TIMEOUT_MS / 8)
      t.after(() => clearInterval(dribble))
      return wire.response()
    }, GRACE_MS)
    assert.equal(response.status, 408)
    assert.equal(await timeouts(weir, 'min-rate'), before + 1)
  })
}

test('a connection that never says anything is closed after requestHead, without a word', async (t) => {
  const wire = await dialWeir(t, weir)
  assert.equal(await timed(() => wire.ending()), 'end')
  assert.equal(wire.bytes.length, 0)
})

test('an idle connection is closed after keepAlive, a later head has requestHead of its own', async (t) => {
  backend.play(answering('ok'))
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  await wire.response()
  assert.equal(await timed(() => wire.ending()), 'end')
  assert.equal(wire.bytes.length, 0)
  assert.equal(await timeouts(weir, 'keep-alive'), 1)
  const other = await dialWeir(t, weir)
  other.send(GET)
  await other.response()
  other.send('GET / HT')
  assert.equal((await timed(() => other.response())).status, 408)
})

test('a backend that does not answer: 504 without its address', async (t) => {
  backend.play(silence)
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  const response = await timed(() => wire.response())
  assert.equal(response.status, 504)
  assert.equal(response.headers['proxy-status'], 'weir; error=http_response_timeout')
  assert.equal(await timeouts(weir, 'server'), 1)
  backend.play(answering('ok'))
  wire.send(GET)
  assert.equal((await wire.response()).body.toString(), 'ok', 'the client goes on')
})

test('a backend that stalls in the middle of its response: reset', async (t) => {
  backend.play(async (wire) => {
    await wire.request()
    wire.send('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart')
  })
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  assert.equal(await timed(() => wire.ending()), 'reset')
})

test('a backend that stalls in the middle of a relayed response: reset', async (t) => {
  backend.play(async (wire) => {
    await wire.request()
    wire.send(`HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n${'x'.repeat(300_000)}`)
  })
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  assert.equal(await timed(() => wire.ending()), 'reset')
})

test('a backend that is slow but steady is not cut off', async (t) => {
  backend.play(async (wire) => {
    await wire.request()
    wire.send('HTTP/1.1 200 OK\r\ncontent-length: 40000\r\n\r\n')
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS / 4))
      wire.send('x'.repeat(4000))
    }
  })
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  assert.equal((await wire.response()).body.length, 40_000)
})

test('a client that stalls in its upload: 408', async (t) => {
  backend.play(silence)
  for (const length of [100, 1_000_000]) {
    const wire = await dialWeir(t, weir)
    wire.send(`POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: ${length}\r\n\r\npart`)
    const response = await timed(() => wire.response())
    assert.equal(response.status, 408)
    assert.equal(await wire.ending(), 'end')
  }
  assert.equal(await timeouts(weir, 'client'), 2)
})

test('a client that is slow but steady in its upload is not cut off, the wait for it is not held against the backend', async (t) => {
  backend.play(async (wire) => {
    const { body } = await wire.request()
    wire.send(ok(String(body.length)))
  })
  for (const length of [2000, 200_000]) {
    const wire = await dialWeir(t, weir)
    wire.send(`POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: ${length}\r\n\r\n`)
    for (let i = 0; i < 8; i++) {
      await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS / 4))
      wire.send('x'.repeat(length / 8))
    }
    assert.equal((await wire.response()).body.toString(), String(length))
  }
})

test('a backend that stops reading an upload: 504, and the client is not blamed', async (t) => {
  backend.play(async (wire) => {
    wire.pause()
    await silence(wire)
  })
  const wire = await dialWeir(t, weir)
  const before = { client: await timeouts(weir, 'client'), server: await timeouts(weir, 'server') }
  wire.send('POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 100000000\r\n\r\n')
  const piece = Buffer.alloc(1 << 20)
  for (let i = 0; i < 95; i++) wire.send(piece)
  assert.equal((await wire.response('POST')).status, 504)
  assert.equal(await timeouts(weir, 'server'), before.server + 1)
  assert.equal(await timeouts(weir, 'client'), before.client)
})

test('a client that stops reading a download is reset after its timeout', async (t) => {
  backend.play(async (wire) => {
    await wire.request()
    wire.send('HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n')
    const piece = Buffer.alloc(1 << 20)
    for (let i = 0; i < 95; i++) wire.send(piece)
  })
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  await wire.until(({ bytes }) => bytes.length > 1000, 'a part')
  wire.pause()
  const before = await timeouts(weir, 'client')
  await until(async () => (await timeouts(weir, 'client')) > before, 'it was given up on')
  wire.resume()
  assert.equal(await wire.ending(), 'reset')
})

test('a connect that hangs: 504 after connect, and nothing of it stays', async (t) => {
  const wire = await dialWeir(t, weir)
  wire.send('GET /full HTTP/1.1\r\nhost: a.example\r\n\r\n')
  const response = await timed(() => wire.response())
  assert.equal(response.status, 504)
  assert.equal(response.headers['proxy-status'], 'weir; error=connection_timeout')
  assert.equal(await timeouts(weir, 'connect'), 1)
  assert.equal((await scrape(weir)).value('weir_cluster_connections', { cluster: 'full' }), 0)
})
