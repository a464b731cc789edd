import assert from 'node:assert/strict'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { after, test } from 'node:test'
import { until } from '../support/weir.ts'
import { dialWeir, GET, ok, startProxy } from '../support/proxied.ts'
import { scriptedBackend, silence } from '../support/scripted.ts'
import type { Scope, Wire } from '../support/wire.ts'
import type { Weir } from '../support/weir.ts'

const scope: Scope = { after }
const backend = await scriptedBackend(scope)
const weir: Weir = await startProxy(scope, { endpoints: [backend.address], shards: 1 })

const headOf = (wire: Wire): Promise<string> =>
  wire.until(({ text }) => {
    const end = text.indexOf('\r\n\r\n')
    return end < 0 ? undefined : text.slice(0, end + 4)
  }, 'a head')

test('expect: 100-continue passes end to end: the body is sent after the backend asked for it', async (t) => {
  const asked = Promise.withResolvers<string>()
  backend.play(async (wire) => {
    asked.resolve(await headOf(wire))
    wire.send('HTTP/1.1 100 Continue\r\n\r\n')
    const { body } = await wire.request()
    wire.send(ok(`got ${body.toString()}`))
  })
  const client = await dialWeir(t, weir)
  client.send('PUT /x HTTP/1.1\r\nhost: a.example\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n')
  const interim = await client.response()
  assert.equal(interim.line, 'HTTP/1.1 100 Continue')
  assert.match(await asked.promise, /^expect: 100-continue\r$/m)
  client.send('hello')
  const response = await client.response()
  assert.equal(response.body.toString(), 'got hello')
  assert.equal(response.headers['connection'], undefined)
})

test('expect: 100-continue refused by the backend: the client gets the final status and the connection is closed', async (t) => {
  backend.play(async (wire) => {
    await headOf(wire)
    wire.send('HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n')
    await silence(wire)
  })
  const client = await dialWeir(t, weir)
  client.send('PUT /x HTTP/1.1\r\nhost: a.example\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n')
  const response = await client.response()
  assert.equal(response.status, 417)
  assert.equal(response.headers['connection'], 'close')
  assert.equal(await client.ending(), 'end')
})

test('103 Early Hints reach the client before the response is there', async (t) => {
  const seen = Promise.withResolvers<void>()
  backend.play(async (wire) => {
    await wire.request()
    wire.send('HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nconnection: x\r\nx: 1\r\n\r\n')
    await seen.promise
    wire.send(ok('page'))
  })
  const outgoing = request(weir.url('web'), { agent: false })
  outgoing.on('information', (info) => {
    assert.equal(info.statusCode, 103)
    assert.deepEqual(info.rawHeaders, ['link', '</a.css>; rel=preload'])
    seen.resolve()
  })
  outgoing.end()
  const incoming = await new Promise<IncomingMessage>((resolve) => outgoing.once('response', resolve))
  assert.equal(incoming.statusCode, 200)
  incoming.resume()
  t.after(() => outgoing.destroy())
})

test('an HTTP/1.0 client gets no interim response', async (t) => {
  backend.play(async (wire) => {
    await wire.request()
    wire.send(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${ok('page')}`)
  })
  const client = await dialWeir(t, weir)
  client.send('GET / HTTP/1.0\r\n\r\n')
  assert.equal((await client.response()).body.toString(), 'page')
})

test('interim responses in pieces, and one together with the final one', async (t) => {
  backend.play(async (wire) => {
    await wire.request()
    for (const byte of 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 10') {
      wire.send(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    wire.send(`3 Again\r\n\r\n${ok('page')}`)
  })
  const client = await dialWeir(t, weir)
  client.send(GET)
  assert.equal((await client.response()).headers['link'], '</a>')
  assert.equal((await client.response()).line, 'HTTP/1.1 103 Again')
  assert.equal((await client.response()).body.toString(), 'page')
})

test('a 101 that nobody asked for is a broken backend: 502', async (t) => {
  backend.play(async (wire) => {
    await wire.request()
    wire.send('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello')
    await silence(wire)
  })
  const client = await dialWeir(t, weir)
  client.send(GET)
  assert.equal((await client.response()).status, 502)
})

test('interim responses without end are a broken backend: 502, and its connection is dropped', async (t) => {
  let wire: Wire | undefined
  backend.play(async (accepted) => {
    wire = accepted
    await accepted.request()
    accepted.send('HTTP/1.1 102 Processing\r\n\r\n'.repeat(100))
    await silence(accepted)
  })
  const client = await dialWeir(t, weir)
  client.send(GET)
  await client.until(({ text }) => text.includes('HTTP/1.1 502 '), 'a 502')
  await until(() => wire?.ended !== undefined, 'the backend lost its connection')
})
