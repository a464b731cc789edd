import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { openDoor } from '../../../src/io/http-door.ts'
import type { DoorHandler, DoorRequest } from '../../../src/io/http-door.ts'
import type { DoorReply } from '../../../src/io/problem.ts'
import { ask } from '../../support/backend.ts'
import { until } from '../../support/weir.ts'

const OK: DoorReply = { status: 200, type: 'text/plain', body: 'ok\n' }

async function door(t: TestContext, handler: DoorHandler = () => Promise.resolve(OK)): Promise<string> {
  const { address, close } = await openDoor('127.0.0.1:0', handler)
  t.after(() => close(0))
  return address
}

async function dial(t: TestContext, address: string): Promise<Socket> {
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** All that comes on a connection until it ends. */
async function received(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8').on('data', (more: string) => (text += more))
  await once(socket, 'close')
  return text
}

function assertProblem(answer: string, status: number): void {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `))
  assert.match(head, /\r\ncontent-type: application\/problem\+json/i)
  assert.equal((JSON.parse(body) as { status: number }).status, status)
}

test('however many connections are held idle, a newcomer is answered at once', async (t) => {
  const address = await door(t)
  const idle: Socket[] = []
  for (let n = 0; n < 150; n++) idle.push(await dial(t, address))
  const before = performance.now()
  assert.equal((await ask(`http://${address}/`)).body, OK.body)
  assert.ok(performance.now() - before < 1500, 'before any of them is too late')
})

test('at the limit the oldest idle connection goes, never one that is being answered', async (t) => {
  const release = Promise.withResolvers<DoorReply>()
  let asked = 0
  const address = await door(t, ({ target }) => {
    asked++
    return target === '/slow' ? release.promise : Promise.resolve(OK)
  })
  const slow = ask(`http://${address}/slow`)
  await until(() => asked === 1, 'the slow request is under way')
  const idle: Socket[] = []
  for (let n = 0; n < 127; n++) idle.push(await dial(t, address))
  const gone: number[] = []
  idle.forEach((socket, n) => socket.once('close', () => gone.push(n)).resume())
  assert.equal((await ask(`http://${address}/`)).status, 200)
  await until(() => gone.length > 0, 'one has gone')
  assert.equal(gone[0], 0)
  release.resolve(OK)
  assert.equal((await slow).status, 200)
})

test('a head that does not come is answered 408 in 2 s, half a second more at most', async (t) => {
  const address = await door(t)
  const socket = await dial(t, address)
  const before = performance.now()
  socket.write('GET / HTTP/1.1\r\nho')
  assertProblem(await received(socket), 408)
  const tookMs = performance.now() - before
  assert.ok(tookMs > 1900 && tookMs < 6000, `${tookMs} ms`)
})

test('what is refused before anybody is asked is a problem, too', async (t) => {
  const address = await door(t, () => Promise.reject(new Error('a bug')))
  const fields = 'host: x\r\nconnection: close\r\n'
  const cases: readonly (readonly [status: number, request: string])[] = [
    [400, 'not http at all\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n'],
    [400, `POST / HTTP/1.1\r\n${fields}transfer-encoding: chunked\r\n\r\nzz\r\n`],
    [413, `POST / HTTP/1.1\r\n${fields}content-length: 65537\r\n\r\n`],
    [417, `GET / HTTP/1.1\r\n${fields}expect: miracles\r\n\r\n`],
    [431, `GET / HTTP/1.1\r\n${fields}x: ${'y'.repeat(16_384)}`],
    [500, `GET / HTTP/1.1\r\n${fields}\r\n`],
  ]
  for (const [status, request] of cases) {
    const socket = await dial(t, address)
    socket.write(request)
    assertProblem(await received(socket), status)
  }
})

test('a web page may read and change nothing', async (t) => {
  let deeds = 0
  const address = await door(t, () => (deeds++, Promise.resolve(OK)))
  const statusOf = async (method: string, headers: Record<string, string>): Promise<number> => {
    const answer = await ask(`http://${address}/`, { method, headers })
    if (answer.status === 403) assert.equal(answer.headers['content-type'], 'application/problem+json')
    return answer.status
  }
  const foreign = [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]
  for (const headers of foreign)
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      assert.equal(await statusOf(method, headers), 403)
  assert.equal(deeds, 0)
  for (const headers of foreign) assert.equal(await statusOf('GET', headers), 200)
  const own = [{}, { 'sec-fetch-site': 'none' }, { 'sec-fetch-site': 'same-origin' }]
  for (const headers of own) assert.equal(await statusOf('POST', headers), 200)
})

test('the handler gets the body whole, its media type and who asks; a body over the limit reaches nobody', async (t) => {
  const seen: DoorRequest[] = []
  const address = await door(t, (request) => (seen.push(request), Promise.resolve(OK)))
  const body = 'é'.repeat(32_000)
  const patched = await ask(`http://${address}/x?y=1`, {
    method: 'PATCH',
    headers: { 'content-type': 'Application/JSON; charset=utf-8' },
    body,
  })
  assert.equal(patched.status, 200)
  await ask(`http://${address}/`)
  assert.deepEqual(
    seen.map(({ method, target, type }) => [method, target, type]),
    [
      ['PATCH', '/x?y=1', 'application/json'],
      ['GET', '/', ''],
    ],
  )
  assert.equal(Buffer.from(seen[0]!.body).toString(), body)
  assert.equal(seen[1]!.body.length, 0)
  for (const { peer } of seen) assert.match(peer, /^127\.0\.0\.1:\d+$/)
  const headers = { 'transfer-encoding': 'chunked' }
  assert.equal(
    (await ask(`http://${address}/`, { method: 'PATCH', headers, body: `${body}${body}` })).status,
    413,
  )
  assert.equal(seen.length, 2)
})

test('on a unix socket the peer is the socket', async (t) => {
  const path = join(tmpdir(), `weir-door-${process.pid}.sock`)
  const peers: string[] = []
  const { close } = await openDoor(`unix:${path}`, ({ peer }) => (peers.push(peer), Promise.resolve(OK)))
  t.after(() => close(0))
  await ask('http://door/', { socketPath: path })
  assert.deepEqual(peers, [`unix:${path}`])
})
