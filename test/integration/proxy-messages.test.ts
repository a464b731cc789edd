import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Agent, request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, test } from 'node:test'
import { Client } from 'undici'
import { ask, startBackend } from '../support/backend.ts'
import { dialWeir, exchange, startProxy } from '../support/proxied.ts'

/** Answers what was asked: the path says how. */
async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const path = incoming.url ?? ''
  if (path === '/echo') {
    response.setHeader('x-trailers', JSON.stringify(incoming.trailers))
    response.setHeader('content-length', body.length)
    response.end(incoming.method === 'HEAD' ? '' : body)
  } else if (path === '/chunks') {
    if (incoming.method === 'HEAD') return void response.end()
    response.writeHead(200, { trailer: 'x-sum' })
    for (let i = 0; i < 20; i++) response.write(`part ${i};`)
    response.addTrailers({ 'x-sum': 'twenty' })
    response.end()
  } else if (/^\/status\/\d+$/.test(path)) {
    response.writeHead(Number(path.slice(8)), { etag: '"x"' }).end()
  } else {
    response.setHeader('x-seen', `${incoming.method} ${path} ${incoming.headers.host}`)
    response.end(`${incoming.method} ${path}\n`)
  }
}

const scope = { after }
const backend = await startBackend(scope, (incoming, response) => void serve(incoming, response))
const weir = await startProxy(scope, { endpoints: [backend.address] })

test('node:http: GET, HEAD and POST on one connection that is kept alive', async (t) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const ports = new Set<number | undefined>()
  const send = (method: string, path: string, body = ''): ReturnType<typeof ask> => {
    const outgoing = ask(`${weir.url('web')}${path}`, {
      agent,
      method,
      body,
      headers: { 'content-length': body.length },
    })
    return outgoing
  }
  agent.on('free', (socket: { localPort?: number }) => ports.add(socket.localPort))
  for (let i = 0; i < 3; i++) {
    assert.equal((await send('GET', `/a/${i}?q=${i}`)).body, `GET /a/${i}?q=${i}\n`)
    const head = await send('HEAD', '/echo')
    assert.equal(head.status, 200)
    assert.equal(head.body, '')
    assert.equal((await send('POST', '/echo', `body ${i}`)).body, `body ${i}`)
  }
  assert.equal(ports.size, 1)
})

test('undici: pipelined requests and a large body each way', async (t) => {
  const client = new Client(weir.url('web'), { pipelining: 4 })
  t.after(() => client.destroy())
  const answers = await Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const { body } = await client.request({ method: 'GET', path: `/n/${i}` })
      return body.text()
    }),
  )
  assert.deepEqual(
    answers,
    Array.from({ length: 12 }, (_, i) => `GET /n/${i}\n`),
  )
  const payload = Buffer.alloc(3_000_000, 'undici ')
  const { body, headers } = await client.request({ method: 'POST', path: '/echo', body: payload })
  assert.equal(headers['content-length'], String(payload.length))
  assert.equal(sha(Buffer.from(await body.arrayBuffer())), sha(payload))
})

test('HTTP/1.1 keeps the connection, `connection: close` closes it with FIN', async (t) => {
  const wire = await dialWeir(t, weir)
  for (let i = 0; i < 3; i++) {
    wire.send(`GET /k/${i} HTTP/1.1\r\nhost: a.example\r\n\r\n`)
    assert.equal((await wire.response()).body.toString(), `GET /k/${i}\n`)
  }
  wire.send('GET /last HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n')
  const last = await wire.response()
  assert.equal(last.headers['connection'], 'close')
  assert.equal(await wire.ending(), 'end')
})

test('HTTP/1.0 closes unless it asks for keep-alive, and is answered as HTTP/1.1 with a length', async (t) => {
  const { wire, response } = await exchange(t, weir, 'GET /old HTTP/1.0\r\n\r\n')
  assert.match(response.line, /^HTTP\/1\.1 200 /)
  assert.equal(response.headers['x-seen'], 'GET /old web')
  assert.equal(response.headers['connection'], 'close')
  assert.equal(await wire.ending(), 'end')
  const kept = await dialWeir(t, weir)
  for (let i = 0; i < 2; i++) {
    kept.send('GET /old HTTP/1.0\r\nhost: a.example\r\nconnection: keep-alive\r\n\r\n')
    assert.equal((await kept.response()).headers['connection'], 'keep-alive')
  }
})

test('chunked both ways, trailers too', async (t) => {
  const { response } = await exchange(
    t,
    weir,
    'POST /echo HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\ntrailer: x-check\r\n\r\n' +
      '5;ext="a;b"\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nx-check: 42\r\n\r\n',
  )
  assert.equal(response.body.toString(), 'hello world')
  assert.deepEqual(JSON.parse(response.headers['x-trailers'] ?? ''), { 'x-check': '42' })
  const chunked = await exchange(t, weir, 'GET /chunks HTTP/1.1\r\nhost: a.example\r\n\r\n')
  assert.equal(chunked.response.framing, 'chunked')
  assert.equal(chunked.response.body.toString(), Array.from({ length: 20 }, (_, i) => `part ${i};`).join(''))
  assert.deepEqual(chunked.response.trailers, ['x-sum: twenty'])
})

test('an HTTP/1.0 client gets a chunked response as bytes until the close', async (t) => {
  const { response } = await exchange(t, weir, 'GET /chunks HTTP/1.0\r\nconnection: keep-alive\r\n\r\n')
  assert.equal(response.framing, 'close')
  assert.equal(response.headers['transfer-encoding'], undefined)
  assert.ok(response.body.toString().endsWith('part 19;'))
})

test('204, 304 and HEAD have no body and the connection goes on behind them', async (t) => {
  const wire = await dialWeir(t, weir)
  for (const status of [204, 304]) {
    wire.send(`GET /status/${status} HTTP/1.1\r\nhost: a.example\r\n\r\n`)
    const response = await wire.response()
    assert.equal(response.status, status)
    assert.equal(response.headers['etag'], '"x"')
    assert.equal(response.headers['transfer-encoding'], undefined)
  }
  wire.send('HEAD /chunks HTTP/1.1\r\nhost: a.example\r\n\r\n')
  assert.equal((await wire.response('HEAD')).status, 200)
  wire.send('GET /on HTTP/1.1\r\nhost: a.example\r\n\r\n')
  assert.equal((await wire.response()).body.toString(), 'GET /on\n')
})

test('absolute form: its authority is the host, whatever Host says; OPTIONS * passes as it is', async (t) => {
  const absolute = await exchange(t, weir, 'GET http://b.example:81/p?q HTTP/1.1\r\nhost: c.example\r\n\r\n')
  assert.equal(absolute.response.headers['x-seen'], 'GET /p?q b.example:81')
  const star = await exchange(t, weir, 'OPTIONS * HTTP/1.1\r\nhost: a.example\r\n\r\n')
  assert.equal(star.response.headers['x-seen'], 'OPTIONS * a.example')
})

test('a path is forwarded as it was routed: normalised', async (t) => {
  const { response } = await exchange(
    t,
    weir,
    'GET /a/./b/../c//d%2e%2E/%7euser?x=../y HTTP/1.1\r\nhost: a.example\r\n\r\n',
  )
  assert.equal(response.headers['x-seen'], 'GET /a/c/d../~user?x=../y a.example')
})

test('50 requests in one write are answered in order', async (t) => {
  const wire = await dialWeir(t, weir)
  const count = 50
  wire.send(
    Array.from({ length: count }, (_, i) => `GET /p/${i} HTTP/1.1\r\nhost: a.example\r\n\r\n`).join(''),
  )
  let answered = 0
  for (; answered < count; answered++) {
    const response = await wire.response()
    assert.equal(response.body.toString(), `GET /p/${answered}\n`)
    if (response.headers['connection'] === 'close') break
  }
  // limits.pipeline is 16: the one in progress, 16 behind it, and a close that says so instead of silence.
  assert.ok(answered >= 16, `${answered} answered`)
  assert.equal(await wire.ending(), 'end')
})

test('50 requests in one write, bodies between them, within a limit that allows it', async (t) => {
  const roomy = await startProxy(t, { endpoints: [backend.address], listener: 'limits: { pipeline: 100 }' })
  const wire = await dialWeir(t, roomy)
  const one = (i: number): string =>
    i % 3 === 0
      ? `POST /echo HTTP/1.1\r\nhost: a.example\r\ncontent-length: 9\r\n\r\n0123456${10 + (i % 90)}`
      : `GET /p/${i} HTTP/1.1\r\nhost: a.example\r\n\r\n`
  wire.send(Array.from({ length: 50 }, (_, i) => one(i)).join(''))
  for (let i = 0; i < 50; i++) {
    const { body } = await wire.response()
    assert.equal(body.toString(), i % 3 === 0 ? `0123456${10 + (i % 90)}` : `GET /p/${i}\n`)
  }
})

test('every response has Date, one id (the one the backend saw) and no hop-by-hop field', async (t) => {
  const { response } = await exchange(
    t,
    weir,
    'GET / HTTP/1.1\r\nhost: a.example\r\nx-request-id: mine\r\nconnection: x-secret\r\nx-secret: 1\r\n\r\n',
  )
  assert.match(response.headers['x-request-id'] ?? '', /^[0-9a-f]{32}$/)
  assert.match(response.headers['date'] ?? '', /GMT$/)
  assert.equal(response.headers['keep-alive'], undefined)
})

test('a head that comes byte by byte, and one split at every place, is one request', async (t) => {
  const text = 'POST /echo HTTP/1.1\r\nhost: a.example\r\ncontent-length: 4\r\n\r\nbody'
  const slow = await dialWeir(t, weir)
  for (const byte of text) {
    slow.send(byte)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal((await slow.response()).body.toString(), 'body')
  const wires = await Promise.all(Array.from({ length: text.length - 1 }, () => dialWeir(t, weir)))
  await Promise.all(
    wires.map(async (wire, i) => {
      wire.send(text.slice(0, i + 1))
      await new Promise((resolve) => setTimeout(resolve, 5))
      wire.send(text.slice(i + 1))
      assert.equal((await wire.response()).body.toString(), 'body')
    }),
  )
})

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

test('node:http sees the trailers of a response', async () => {
  const outgoing = request(`${weir.url('web')}/chunks`, { agent: false })
  outgoing.end()
  const incoming = await new Promise<IncomingMessage>((resolve) => outgoing.once('response', resolve))
  incoming.resume()
  await new Promise((resolve) => incoming.once('end', resolve))
  assert.deepEqual(incoming.trailers, { 'x-sum': 'twenty' })
})
