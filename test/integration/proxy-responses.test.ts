import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { residentBytes, scrape } from '../support/observe.ts'
import { dialWeir, exchange, GET, startProxy } from '../support/proxied.ts'
import { scriptedBackend, silence } from '../support/scripted.ts'
import { until } from '../support/weir.ts'
import type { Message } from '../support/wire-message.ts'

/** What backends answer, in all the ways they may, and what becomes of both connections. */
const scope = { after }
const backend = await scriptedBackend(scope)
const weir = await startProxy(scope, { endpoints: [backend.address], shards: 1 })

type Case = {
  /** As the backend sends it; `close`: it ends its connection behind it. */
  readonly bytes: string
  readonly close?: boolean
  readonly method?: string
  readonly expect: Partial<Pick<Message, 'status' | 'framing'>> & {
    readonly body?: string
    readonly fields?: Readonly<Record<string, string | undefined>>
  }
  /** May the backend's connection be used again? */
  readonly reusable: boolean
}

const CASES: Readonly<Record<string, Case>> = {
  'HTTP/1.0, until close': {
    bytes: 'HTTP/1.0 200 OK\r\n\r\nbody',
    close: true,
    reusable: false,
    expect: { framing: 'chunked', body: 'body' },
  },
  'HTTP/1.0 with a length, not kept': {
    bytes: 'HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nbody',
    reusable: false,
    expect: { framing: 'length', body: 'body' },
  },
  'HTTP/1.0 kept alive': {
    bytes: 'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 4\r\n\r\nbody',
    reusable: true,
    expect: { body: 'body', fields: { connection: undefined } },
  },
  'connection: close': {
    bytes: 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody',
    reusable: false,
    expect: { body: 'body', fields: { connection: undefined } },
  },
  'a 304 with the length it would have': {
    bytes: 'HTTP/1.1 304 Not Modified\r\ncontent-length: 1234\r\netag: "x"\r\n\r\n',
    reusable: true,
    expect: { status: 304, framing: 'none', fields: { 'content-length': '1234', etag: '"x"' } },
  },
  'a HEAD with a length': {
    method: 'HEAD',
    bytes: 'HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n',
    reusable: true,
    expect: { framing: 'none', fields: { 'content-length': '1234' } },
  },
  'a HEAD that says chunked': {
    method: 'HEAD',
    bytes: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
    reusable: true,
    expect: { framing: 'none' },
  },
  'a length of 0': {
    bytes: 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    reusable: true,
    expect: { framing: 'length', body: '' },
  },
  'no reason': {
    bytes: 'HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n',
    reusable: true,
    expect: { status: 200 },
  },
  'a status nobody knows': {
    bytes: 'HTTP/1.1 799 Odd\r\ncontent-length: 0\r\n\r\n',
    reusable: true,
    expect: { status: 799 },
  },
  'chunked with extensions and trailers': {
    bytes:
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n004;a=b\r\nbody\r\n0;last\r\nx-t: 1\r\ncontent-length: 3\r\n\r\n',
    reusable: true,
    expect: { framing: 'chunked', body: 'body' },
  },
  'an obs-text value and two cookies': {
    bytes: 'HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx: caf\xe9\r\ncontent-length: 0\r\n\r\n',
    reusable: true,
    expect: { fields: { 'set-cookie': 'a=1, b=2', x: 'caf\xe9' } },
  },
  'a Date of its own': {
    bytes: 'HTTP/1.1 200 OK\r\ndate: Tue, 15 Nov 1994 08:12:31 GMT\r\ncontent-length: 0\r\n\r\n',
    reusable: true,
    expect: { fields: { date: 'Tue, 15 Nov 1994 08:12:31 GMT' } },
  },
}

for (const [what, { bytes, close = false, method = 'GET', expect, reusable }] of Object.entries(CASES)) {
  for (const pace of ['at once', 'byte by byte'] as const) {
    test(`${what}, ${pace}`, async (t) => {
      backend.play(async (wire) => {
        await wire.request()
        for (const piece of pace === 'at once' ? [bytes] : bytes) {
          wire.send(piece)
          if (pace !== 'at once') await new Promise((resolve) => setImmediate(resolve))
        }
        if (close) wire.socket.end()
        if (!reusable) await silence(wire)
      })
      const before = backend.wires.length
      const wire = await dialWeir(t, weir)
      for (let i = 0; i < 2; i++) {
        wire.send(`${method} / HTTP/1.1\r\nhost: a.example\r\n\r\n`)
        const response = await wire.response(method)
        const { status = 200, framing, body, fields = {} } = expect
        assert.equal(response.status, status)
        if (framing !== undefined) assert.equal(response.framing, framing)
        if (body !== undefined) assert.equal(response.body.toString(), body)
        for (const [name, value] of Object.entries(fields)) assert.equal(response.headers[name], value, name)
        assert.equal(
          response.trailers.some((line) => line.startsWith('content-length')),
          false,
        )
      }
      // A reusable connection of the test before may be what is used, so at most one is new.
      if (reusable) assert.ok(backend.wires.length <= before + 1)
      else assert.ok(backend.wires.length >= before + 1)
    })
  }
}

test('a client that pipelines and does not read makes us hold no more than a few responses', async (t) => {
  const big = `HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`
  let answered = 0
  backend.play(async (wire) => {
    await wire.request()
    answered++
    wire.send(big)
  })
  const before = residentBytes(weir)
  const wires = await Promise.all(Array.from({ length: 4 }, () => dialWeir(t, weir)))
  for (const wire of wires) {
    wire.pause()
    for (let i = 0; i < 200; i++) wire.send(GET)
  }
  let last = -1
  await until(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100))
    const still = answered === last
    last = answered
    return still
  }, 'it stands still')
  assert.ok(answered < 4 * 16, `${answered} were answered into the void`)
  assert.ok((await scrape(weir)).value('weir_engine_queued_bytes') < 4 << 20)
  assert.ok(residentBytes(weir) - before < 32 << 20)
  for (const wire of wires) wire.reset()
  await until(async () => (await scrape(weir)).value('weir_engine_queued_bytes') === 0, 'it is given back')
})

test('responses of ours to requests in a row on one connection do not disturb its next', async (t) => {
  backend.play(async (wire) => {
    await wire.request()
    wire.reset()
    await silence(wire)
  })
  const { wire, response } = await exchange(t, weir, GET)
  assert.equal(response.status, 502)
  backend.play(async (accepted) => {
    await accepted.request()
    accepted.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  })
  wire.send(GET)
  assert.equal((await wire.response()).status, 200)
})
