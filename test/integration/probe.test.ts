import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { ProbeSpec } from '../../src/config/snapshot.ts'
import { probeOnce } from '../../src/io/probe.ts'
import { startBackend } from '../support/backend.ts'
import { until } from '../support/weir.ts'

const NEVER = new AbortController().signal

const http = (more: Partial<Extract<ProbeSpec, { kind: 'http' }>> = {}): ProbeSpec => ({
  kind: 'http',
  method: 'GET',
  path: '/healthz',
  host: '',
  expect: [[200, 399]],
  body: '',
  ...more,
})

const probe = (address: string, spec: ProbeSpec, timeoutMs = 5000): ReturnType<typeof probeOnce> =>
  probeOnce({ address, configured: address, probe: spec, timeoutMs }, NEVER)

/** A TCP server, and the sockets it holds. */
async function startTcp(
  t: TestContext,
  talk: (socket: Socket) => void,
  where: number | string = 0,
): Promise<{ address: string; open: Set<Socket> }> {
  const open = new Set<Socket>()
  const server: Server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    talk(socket)
    socket.resume()
  })
  if (typeof where === 'string') server.listen(where)
  else server.listen(where, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const address =
    typeof where === 'string' ? `unix:${where}` : `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { address, open }
}

test('HTTP: method, path and host are asked as configured; status and body decide', async (t) => {
  const asked: string[] = []
  const { address } = await startBackend(t, ({ method, url, headers }, response) => {
    asked.push(`${method} ${url} ${headers.host} ${headers.connection}`)
    response.statusCode = url === '/sick' ? 503 : 204
    if (url === '/text') response.statusCode = 200
    response.end(url === '/text' ? 'all is wéll' : undefined)
  })
  assert.deepEqual(await probe(address, http()), { passed: true, detail: '', agent: undefined })
  assert.equal((await probe(address, http({ path: '/sick' }))).detail, 'status 503')
  assert.equal((await probe(address, http({ path: '/sick', expect: [[503, 503]] }))).passed, true)
  assert.equal((await probe(address, http({ path: '/text', body: 'is wéll' }))).passed, true)
  const other = await probe(
    address,
    http({ path: '/text', body: 'is ill', method: 'POST', host: 'a.example' }),
  )
  assert.deepEqual([other.passed, other.detail], [false, 'the body is another'])
  assert.equal(asked[0], `GET /healthz ${address} close`)
  assert.equal(asked.at(-1), 'POST /text a.example close')
})

test('HTTP over IPv6 and over a Unix socket', async (t) => {
  const six = await startBackend(t, (_incoming, response) => void response.end(), '::1')
  assert.equal((await probe(six.address, http())).passed, true)
  const folder = await mkdtemp(join(tmpdir(), 'weir-probe-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const unix = await startTcp(
    t,
    (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')),
    join(folder, 's'),
  )
  assert.equal((await probe(unix.address, http())).passed, true)
  assert.equal((await probe(unix.address, { kind: 'tcp' })).passed, true)
  assert.equal((await probe(`unix:${folder}/none`, { kind: 'tcp' })).detail, 'no such socket')
})

test('whatever the server does, a probe settles in time and leaves no socket behind', async (t) => {
  const hostile: readonly (readonly [string, (socket: Socket) => void, RegExp])[] = [
    ['says nothing', () => {}, /timeout/],
    ['closes at once', (socket) => socket.end(), /closed|reset/],
    ['resets', (socket) => socket.resetAndDestroy(), /reset|closed/],
    ['talks nonsense', (socket) => socket.end('SSH-2.0-nonsense\r\n\r\n'), /malformed/],
    [
      'sends a head without end',
      (socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}`),
      /too large/,
    ],
    [
      'sends half a body',
      (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
      /timeout/,
    ],
  ]
  await Promise.all(
    hostile.map(async ([what, talk, why]) => {
      const { address, open } = await startTcp(t, talk)
      const result = await probe(address, http({ body: 'whole' }), 500)
      assert.equal(result.passed, false, what)
      assert.match(result.detail, why, what)
      await until(() => open.size === 0, `${what}: its socket is closed`)
    }),
  )
})

test('of a body without end 64 KiB are searched, no more', async (t) => {
  const { address, open } = await startTcp(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    const flood = (): void => {
      while (socket.writable && socket.write(Buffer.alloc(16_384, 'x')));
    }
    socket.on('drain', flood)
    flood()
  })
  assert.equal((await probe(address, http({ body: 'needle' }))).detail, 'the body is another')
  await until(() => open.size === 0, 'the flood is over')
})

test('a cancelled probe is over at once', async (t) => {
  const { address, open } = await startTcp(t, () => {})
  const control = new AbortController()
  const result = probeOnce({ address, configured: address, probe: http(), timeoutMs: 60_000 }, control.signal)
  await until(() => open.size === 1, 'it has connected')
  control.abort()
  assert.equal((await result).detail, 'cancelled')
  await until(() => open.size === 0, 'its socket is closed')
})

test('TCP: a server that accepts passes, one that is not there does not', async (t) => {
  const { address, open } = await startTcp(t, () => {})
  assert.equal((await probe(address, { kind: 'tcp' })).passed, true)
  await until(() => open.size === 0, 'its socket is closed')
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  gone.close()
  await once(gone, 'close')
  assert.equal((await probe(`127.0.0.1:${port}`, { kind: 'tcp' })).detail, 'connection refused')
})

test('agent: asked on its own port with the configured line, one line is read', async (t) => {
  let heard = ''
  const agent = await startTcp(t, (socket) => {
    socket.on('data', (chunk) => {
      heard += chunk.toString()
      socket.write('75% drain up\nmore')
    })
  })
  const port = Number(agent.address.split(':')[1])
  const result = await probe('127.0.0.1:1', { kind: 'agent', port, send: 'how are you\n' })
  assert.equal(heard, 'how are you\n')
  assert.deepEqual([result.passed, result.agent?.share, result.agent?.wish], [true, 0.75, 'drain'])
  const down = await startTcp(t, (socket) => socket.end('down#disk full'))
  const said = await probe(down.address, { kind: 'agent', port: 0, send: '' })
  assert.deepEqual([said.passed, said.detail], [false, 'disk full'])
  const mute = await startTcp(t, (socket) => socket.end('hello'))
  const other = await probe(mute.address, { kind: 'agent', port: 0, send: '' })
  assert.deepEqual([other.passed, other.detail], [false, 'not what an agent says'])
})
