import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, test } from 'node:test'
import { startBackend } from '../support/backend.ts'
import { scrape } from '../support/observe.ts'
import { dialWeir, startProxy } from '../support/proxied.ts'
import { until } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'

const MIB = 1 << 20
/** What a body is made of: no power of two long, so that a shifted or repeated piece changes the sum. */
const PATTERN = Buffer.from(Array.from({ length: 65_521 }, (_, i) => (i * 31 + (i >> 8)) & 255))

/** A body of `bytes`, in pieces. */
function* bodyOf(bytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes; at += PATTERN.length)
    yield PATTERN.subarray(0, Math.min(PATTERN.length, bytes - at))
}

const sums = new Map<number, string>()
function sumOf(bytes: number): string {
  const known = sums.get(bytes)
  if (known !== undefined) return known
  const hash = createHash('sha1')
  for (const piece of bodyOf(bytes)) hash.update(piece)
  const sum = hash.digest('hex')
  sums.set(bytes, sum)
  return sum
}

async function hashed(
  stream: AsyncIterable<Buffer>,
  hash: Hash = createHash('sha1'),
): Promise<{ sum: string; bytes: number }> {
  let bytes = 0
  for await (const chunk of stream) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { sum: hash.digest('hex'), bytes }
}

/** GET /framing/bytes sends a body so framed; POST answers the sum of what came. */
async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, framing = '', count = ''] = (incoming.url ?? '').split('/')
  if (incoming.method === 'POST') {
    response.end(JSON.stringify(await hashed(incoming)))
    return
  }
  const bytes = Number(count)
  if (framing === 'length') response.setHeader('content-length', bytes)
  if (framing === 'close') {
    response.removeHeader('transfer-encoding')
    response.useChunkedEncodingByDefault = false
    response.shouldKeepAlive = false
  }
  response.flushHeaders() // or node finds out the length of an empty body
  await pipeline(Readable.from(bodyOf(bytes)), response).catch(() => {})
}

const backend = await startBackend({ after }, (incoming, response) => void serve(incoming, response))
const weir = await startProxy({ after }, { endpoints: [backend.address] })

/** Answers before it has read the upload, and reads no more. */
const refusing = await rawBackend({ after }, async (wire) => {
  await wire.until(({ bytes }) => bytes.length > 100_000, 'a part of the body')
  wire.pause()
  wire.send(`HTTP/1.1 413 Content Too Large\r\ncontent-length: ${MIB}\r\n\r\n${'x'.repeat(MIB)}`)
})
const early = await startProxy({ after }, { endpoints: [refusing.address], shards: 1 })

function open(
  method: string,
  path: string,
  headers: Record<string, string | number> = {},
): ReturnType<typeof request> {
  return request(`${weir.url('web')}${path}`, { agent: false, method, headers })
}

async function responseTo(outgoing: ReturnType<typeof request>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => outgoing.once('response', resolve).once('error', reject))
}

/** Around every border there is: a read (16 KiB), the relay's beginning (32 KiB), its buffer (128 KiB), the queue's cap (1 MiB). */
const SIZES = [0, 1, 16_383, 16_385, 32_767, 32_768, 50_000, 131_073, MIB + 1]

for (const framing of ['length', 'chunked', 'close']) {
  test(`download, ${framing}: byte-exact around every border`, async () => {
    for (const bytes of SIZES) {
      const outgoing = open('GET', `/${framing}/${bytes}`)
      outgoing.end()
      const incoming = await responseTo(outgoing)
      if (framing === 'length') assert.equal(incoming.headers['content-length'], String(bytes))
      else assert.equal(incoming.headers['transfer-encoding'], 'chunked', 'an end that cannot be mistaken')
      assert.deepEqual(await hashed(incoming), { sum: sumOf(bytes), bytes })
      assert.ok(incoming.complete)
    }
  })
}

for (const framing of ['length', 'chunked']) {
  test(`upload, ${framing}: byte-exact around every border`, async () => {
    for (const bytes of SIZES) {
      const outgoing = open(
        'POST',
        '/',
        framing === 'length' ? { 'content-length': bytes } : { 'transfer-encoding': 'chunked' },
      )
      const [incoming] = await Promise.all([
        responseTo(outgoing),
        pipeline(Readable.from(bodyOf(bytes)), outgoing),
      ])
      const seen: unknown = JSON.parse(Buffer.concat(await incoming.toArray()).toString())
      assert.deepEqual(seen, { sum: sumOf(bytes), bytes })
    }
  })
}

test('64 MiB down and 64 MiB up at the same time, moved by the engine alone', async () => {
  const bytes = 64 * MIB
  const before = (await scrape(weir)).value('weir_engine_relayed_bytes_total')
  const down = open('GET', `/length/${bytes}`)
  down.end()
  const up = open('POST', '/', { 'content-length': bytes })
  const [download, upload] = await Promise.all([
    responseTo(down).then(hashed),
    responseTo(up).then(async (incoming) => Buffer.concat(await incoming.toArray()).toString()),
    pipeline(Readable.from(bodyOf(bytes)), up),
  ])
  assert.deepEqual(download, { sum: sumOf(bytes), bytes })
  assert.deepEqual(JSON.parse(upload), { sum: sumOf(bytes), bytes })
  const relayed = (await scrape(weir)).value('weir_engine_relayed_bytes_total') - before
  assert.ok(relayed > 1.9 * bytes, `${relayed} bytes were relayed`)
})

test('an HTTP/1.0 client gets a close-delimited response with FIN behind its last byte', async (t) => {
  const wire = await dialWeir(t, weir)
  wire.send('GET /close/200000 HTTP/1.0\r\n\r\n')
  const { body, framing } = await wire.response()
  assert.equal(framing, 'close')
  assert.equal(createHash('sha1').update(body).digest('hex'), sumOf(200_000))
})

test('many bodies at once do not mix', async () => {
  const jobs = Array.from({ length: 40 }, async (_, i) => {
    const bytes = 100_000 + i * 7919
    const outgoing = open('GET', `/${['length', 'chunked', 'close'][i % 3]}/${bytes}`)
    outgoing.end()
    assert.deepEqual(await hashed(await responseTo(outgoing)), { sum: sumOf(bytes), bytes })
  })
  await Promise.all(jobs)
})

for (const lazy of [false, true]) {
  const who = lazy ? 'that reads when it has sent what it could' : 'that reads all along'
  test(`an early final response to a big upload is delivered whole to a client ${who}`, async (t) => {
    const wire = await dialWeir(t, early)
    wire.socket.on('error', () => {}) // the rest of the upload has nowhere to go
    if (lazy) wire.pause()
    wire.send(`POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: ${32 * MIB}\r\n\r\n`)
    for (const piece of bodyOf(32 * MIB)) wire.send(piece)
    if (lazy)
      await until(
        async () => (await scrape(early)).value('weir_listener_exchanges_in_flight') === 0,
        'it was answered',
      )
    wire.resume()
    const response = await wire.response('POST')
    assert.equal(response.status, 413)
    assert.equal(response.headers['connection'], 'close')
    assert.equal(response.body.length, MIB)
  })
}
