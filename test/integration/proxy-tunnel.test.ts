import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { after, test } from 'node:test'
import { scrape } from '../support/observe.ts'
import { dialWeir, exchange, startProxy } from '../support/proxied.ts'
import { until } from '../support/weir.ts'
import { rawBackend, Wire } from '../support/wire.ts'

const scope = { after }
const accept = (key = ''): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')

/** Switches to an echo; says goodbye when the client has. */
const server = createServer((incoming, response) => {
  response.end(JSON.stringify(incoming.headers))
}).listen(0, '127.0.0.1')
const sockets = new Set<Socket>()
server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket)).on('error', () => {})
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      `Sec-WebSocket-Accept: ${accept(incoming.headers['sec-websocket-key'])}\r\n\r\nwelcome`,
  )
  socket.write(head)
  socket.pipe(socket)
})
await once(server, 'listening')
after(() => {
  for (const socket of sockets) socket.destroy()
  server.closeAllConnections()
  server.close()
})
const weir = await startProxy(scope, {
  endpoints: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
  shards: 1,
  listener: 'timeouts: { tunnel: 1s, clientFin: 300ms }',
  more: '',
})

const HANDSHAKE =
  'GET /ws HTTP/1.1\r\nhost: a.example\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n' +
  'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

async function upgraded(): Promise<Wire> {
  const outgoing = request(`${weir.url('web')}/ws`, {
    agent: false,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    },
  })
  outgoing.end()
  const [incoming, socket, head] = (await once(outgoing, 'upgrade')) as [IncomingMessage, Socket, Buffer]
  assert.equal(incoming.statusCode, 101)
  assert.equal(incoming.headers.upgrade, 'websocket')
  assert.equal(incoming.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  socket.unshift(head)
  return new Wire(socket)
}

const welcome = (wire: Wire): Promise<unknown> =>
  wire.until(({ text }) => text === 'welcome', 'the first words')

test('WebSocket: handshake through node:http, echo both ways', async (t) => {
  const wire = await upgraded()
  t.after(() => wire.socket.destroy())
  await welcome(wire)
  for (let i = 1; i <= 5; i++) {
    wire.send(`ping ${i};`)
    await wire.until(({ text }) => text.endsWith(`ping ${i};`), 'the echo')
  }
})

test('what the client says behind its handshake, without waiting for the 101, is not lost', async (t) => {
  const wire = await dialWeir(t, weir)
  wire.send(`${HANDSHAKE}too early`)
  await wire.until(({ text }) => text.endsWith('\r\n\r\nwelcometoo early'), 'the echo')
})

test('16 MiB through a tunnel and back are intact', async (t) => {
  const wire = await upgraded()
  t.after(() => wire.socket.destroy())
  await welcome(wire)
  const frame = randomBytes(1 << 20)
  const expected = createHash('sha256').update('welcome')
  const got = createHash('sha256')
  let bytes = 0
  const all = Promise.withResolvers<void>()
  wire.socket.removeAllListeners('data')
  wire.socket.on('data', (chunk: Buffer) => {
    got.update(chunk)
    bytes += chunk.length
    if (bytes === 16 * frame.length) all.resolve()
  })
  got.update('welcome')
  for (let i = 0; i < 16; i++) {
    expected.update(frame)
    wire.send(frame)
  }
  await all.promise
  assert.equal(got.digest('hex'), expected.digest('hex'))
})

test('half-close: the FIN of one side is passed on, the other may go on talking', async (t) => {
  const wire = await dialWeir(t, weir)
  wire.send(HANDSHAKE)
  await wire.until(({ text }) => text.endsWith('welcome'), 'the first words')
  wire.send('last words')
  wire.socket.end()
  await wire.until(({ text }) => text.endsWith('last words'), 'the echo after our FIN')
  assert.equal(await wire.ending(), 'end')
  await until(() => sockets.size === 0, 'the backend saw the end')
})

test('the backend closes: the client sees FIN; the backend breaks: the client sees a reset', async (t) => {
  for (const [how, ending] of [
    ['destroySoon', 'end'],
    ['resetAndDestroy', 'reset'],
  ] as const) {
    const wire = await dialWeir(t, weir)
    wire.send(HANDSHAKE)
    await wire.until(({ text }) => text.endsWith('welcome'), 'the first words')
    for (const socket of sockets) socket[how]()
    assert.equal(await wire.ending(), ending)
    wire.socket.destroy()
    await until(() => sockets.size === 0, 'the backend is rid of it')
  }
})

test('the client breaks: the backend loses its connection', async (t) => {
  const wire = await dialWeir(t, weir)
  wire.send(HANDSHAKE)
  await wire.until(({ text }) => text.endsWith('welcome'), 'the first words')
  wire.reset()
  await until(() => sockets.size === 0, 'the backend lost its connection')
})

test('a tunnel in which nothing moves is ended after timeouts.tunnel, one that talks is not', async (t) => {
  const wire = await dialWeir(t, weir)
  wire.send(HANDSHAKE)
  const talking = await dialWeir(t, weir)
  talking.send(HANDSHAKE)
  const talk = setInterval(() => talking.send('.'), 200)
  t.after(() => clearInterval(talk))
  const before = performance.now()
  await wire.ending()
  assert.ok(performance.now() - before >= 900)
  assert.equal(talking.ended, undefined)
  assert.equal((await scrape(weir)).value('weir_listener_timeouts_total', { timeout: 'tunnel' }), 1)
})

test('h2c and other protocols are not passed on: the request goes through as a plain one', async (t) => {
  for (const protocol of ['h2c', 'TLS/1.0', 'websocket, h2c']) {
    const { response } = await exchange(
      t,
      weir,
      `GET / HTTP/1.1\r\nhost: a.example\r\nconnection: upgrade, http2-settings\r\nupgrade: ${protocol}\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n`,
    )
    assert.equal(response.status, 200, protocol)
    const seen = JSON.parse(response.body.toString()) as Record<string, string>
    assert.equal(seen['upgrade'], undefined)
    assert.equal(seen['http2-settings'], undefined)
  }
})

test('a handshake that is refused is a plain response, and the connection goes on', async (t) => {
  const refusing = await rawBackend(t, async (wire) => {
    for (;;) {
      await wire.request()
      wire.send('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno')
    }
  })
  const own = await startProxy(t, { endpoints: [refusing.address], shards: 1 })
  const wire = await dialWeir(t, own)
  for (let i = 0; i < 2; i++) {
    wire.send(HANDSHAKE)
    assert.equal((await wire.response()).status, 403)
  }
  assert.equal(refusing.wires.length, 1)
})
