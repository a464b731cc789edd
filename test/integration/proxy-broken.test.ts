import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { scrape } from '../support/observe.ts'
import { dialWeir, GET, startProxy } from '../support/proxied.ts'
import { until } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'
import type { Wire } from '../support/wire.ts'

/** What breaks in the middle, on either side, must be seen as broken on the other, and soon. */
let script: (wire: Wire) => unknown = () => {}
const scope = { after }
const backend = await rawBackend(scope, (wire) => script(wire))
const weir = await startProxy(scope, {
  endpoints: [backend.address],
  shards: 1,
  listener: 'timeouts: { clientFin: 200ms }',
})

const PARTS = {
  length: 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart',
  'length, relayed': `HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n${'x'.repeat(100_000)}`,
  chunked: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n',
  'chunked, inside a chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\npart',
  'chunked, in the trailers':
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n0\r\nx: 1\r\n',
} as const

for (const [framing, part] of Object.entries(PARTS)) {
  for (const how of ['FIN', 'RST'] as const) {
    test(`the backend ends mid-response with ${how} (${framing}): the client sees a reset, never a clean end`, async (t) => {
      const broken = Promise.withResolvers<void>()
      script = async (wire) => {
        await wire.request()
        wire.send(part)
        await broken.promise
        if (how === 'FIN') wire.socket.end()
        else wire.reset()
      }
      const wire = await dialWeir(t, weir)
      wire.send(GET)
      await wire.until(({ text }) => text.includes('part') || text.includes('xxx'), 'the part')
      broken.resolve()
      assert.equal(await wire.ending(), 'reset')
    })
  }
}

test('close-delimited: RST of the backend is a reset for the client, FIN is the end of the response', async (t) => {
  for (const how of ['RST', 'FIN'] as const) {
    const broken = Promise.withResolvers<void>()
    script = async (wire) => {
      await wire.request()
      wire.send('HTTP/1.1 200 OK\r\n\r\npart')
      await broken.promise
      if (how === 'FIN') wire.socket.end()
      else wire.reset()
    }
    const wire = await dialWeir(t, weir)
    wire.send(GET)
    await wire.until(({ text }) => text.includes('part'), 'the part')
    broken.resolve()
    if (how === 'RST') assert.equal(await wire.ending(), 'reset')
    else assert.equal((await wire.response()).body.toString(), 'part')
  }
})

test('the backend ends before its response: 502 with proxy-status and no address', async (t) => {
  for (const [how, error] of [
    ['FIN', 'http_response_incomplete'],
    ['RST', 'connection_terminated'],
    ['half a head', 'http_response_incomplete'],
  ] as const) {
    script = async (wire) => {
      await wire.request()
      if (how === 'RST') return wire.reset()
      if (how !== 'FIN') wire.send('HTTP/1.1 200 OK\r\nx: ')
      wire.socket.end()
    }
    const wire = await dialWeir(t, weir)
    wire.send(GET)
    const response = await wire.response()
    assert.equal(response.status, 502, how)
    assert.equal(response.headers['proxy-status'], `weir; error=${error}`)
    assert.doesNotMatch(response.body.toString(), /127\.0\.0\.1|\d{4,}/)
  }
})

const MALFORMED = [
  'HTTP/2 200 OK\r\n\r\n',
  'HTTP/1.1 20 OK\r\n\r\n',
  'HTTP/1.1 200 OK\ncontent-length: 0\n\n',
  'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n',
  'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nx : y\r\n\r\n',
  `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`,
  'SSH-2.0-OpenSSH\r\n',
]
test('what is no HTTP/1.1 response is a 502, and its connection is not used again', async (t) => {
  for (const bytes of MALFORMED) {
    let used: Wire | undefined
    script = async (wire) => {
      used = wire
      await wire.request()
      wire.send(bytes)
    }
    const wire = await dialWeir(t, weir)
    wire.send(GET)
    assert.equal((await wire.response()).status, 502, bytes.slice(0, 40))
    await until(() => used?.ended !== undefined, 'the backend lost its connection')
  }
})

test('bytes behind a response: it is delivered, they are not, and the connection is dropped', async (t) => {
  script = async (wire) => {
    await wire.request()
    wire.send(
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison',
    )
  }
  const wire = await dialWeir(t, weir)
  for (let i = 0; i < 3; i++) {
    wire.send(GET)
    assert.equal((await wire.response()).body.toString(), 'ok')
  }
  assert.equal(wire.bytes.length, 0)
})

/** Who leaves, and when: the backend must learn of it at once, not at a timeout. */
const LEAVING = {
  'before the response': { request: GET, answer: '' },
  'mid-download': { request: GET, answer: PARTS['length, relayed'] },
  'mid-download, chunked': { request: GET, answer: PARTS.chunked },
  'mid-upload': { request: 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\npart', answer: '' },
  'mid-upload, relayed': {
    request: `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000\r\n\r\n${'x'.repeat(200_000)}`,
    answer: '',
  },
  'mid-upload, chunked': {
    request: 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n',
    answer: '',
  },
}
for (const [when, { request, answer }] of Object.entries(LEAVING)) {
  for (const how of ['FIN', 'RST'] as const) {
    test(`the client leaves ${when} with ${how}: the backend loses its connection promptly`, async (t) => {
      const serving = Promise.withResolvers<Wire>()
      script = async (wire) => {
        await wire.until(({ bytes }) => bytes.length > 0, 'the request')
        wire.send(answer)
        serving.resolve(wire)
      }
      const wire = await dialWeir(t, weir)
      wire.send(request)
      const upstream = await serving.promise
      if (answer !== '') await wire.until(({ bytes }) => bytes.length > 50, 'a part of the answer')
      else await upstream.until(({ bytes }) => bytes.length > 100, 'the request')
      const leftMs = performance.now()
      if (how === 'RST') wire.reset()
      else wire.socket.end()
      await upstream.ending()
      assert.ok(performance.now() - leftMs < 2000)
    })
  }
}

test('afterwards nothing is under way and nothing was contained', async () => {
  await until(
    async () => (await scrape(weir)).value('weir_listener_exchanges_in_flight') === 0,
    'all exchanges ended',
  )
  await until(
    async () => (await scrape(weir)).value('weir_listener_connections') === 0,
    'all clients are gone',
  )
  const metrics = await scrape(weir)
  assert.equal(metrics.value('weir_endpoint_connections'), metrics.value('weir_endpoint_connections_idle'))
  assert.equal(metrics.value('weir_shard_errors_total'), 0)
  assert.equal(metrics.value('weir_engine_bad_ops_total'), 0)
  assert.equal(metrics.value('weir_engine_queued_bytes'), 0)
})
