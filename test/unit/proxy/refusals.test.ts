/** Requests that never get as far as an endpoint: the answer, whether the connection goes on, and that nothing passed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, parse, ProxyRig, respond } from '../../support/proxy-rig.ts'
import { LISTENER, snapshotOf } from '../../support/sim-shard.ts'

const line = (text: string): string => `${text}\r\nHost: a.test\r\n\r\n`

/** Request, status, and whether the connection closes. */
const CASES: readonly (readonly [name: string, request: string, status: number, closes: boolean])[] = [
  ['no such host', get('/').replace('a.test', 'other.test'), 421, false],
  ['no such path', get('/elsewhere'), 404, false],
  ['CONNECT', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n', 405, true],
  [
    'no such path, with a body to come',
    `POST /elsewhere HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n`,
    404,
    true,
  ],
  ['no such path, closing', get('/elsewhere', 'Connection: close\r\n'), 404, true],
  ['a body too large', `POST /here HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5000\r\n\r\n`, 413, true],
  ['a target too long', line(`GET /${'x'.repeat(2000)} HTTP/1.1`), 414, true],
  ['a field too large', get('/', `X: ${'x'.repeat(5000)}\r\n`), 431, true],
  ['too many fields', get('/', 'X: y\r\n'.repeat(50)), 431, true],
  ['another version', line('GET / HTTP/2.0'), 505, true],
  ['an unknown coding', `POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip\r\n\r\n`, 501, true],
  [
    'two lengths',
    `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    400,
    true,
  ],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 400, true],
  ['two hosts', get('/', 'Host: b.test\r\n'), 400, true],
  // We write it twice more: unbounded, a head within its limit could outgrow our largest buffer.
  ['a host of 256 bytes', `GET / HTTP/1.1\r\nHost: ${'h'.repeat(256)}\r\n\r\n`, 400, true],
  ['a path above its root', line('GET /../x HTTP/1.1'), 400, true],
  ['an encoded slash', line('GET /a%2fb HTTP/1.1'), 400, true],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, true],
  ['no HTTP at all', 'EHLO a.test\r\n', 400, true],
]

const rigWith = (): ProxyRig => {
  const limits = { ...LISTENER.limits, body: 1000, target: 1000, head: 4000, fields: 40 }
  const rig = new ProxyRig({ listener: { limits } })
  const snapshot = snapshotOf({ version: 2, listener: { limits }, endpoints: ['10.0.0.1:80'] })
  rig.apply({ ...snapshot, routes: [{ host: 'a.test', path: '/here', cluster: 0 }] })
  return rig
}

for (const [name, request, status, closes] of CASES) {
  test(`${name}: ${status}, and the connection ${closes ? 'closes' : 'goes on'}`, () => {
    const rig = rigWith()
    const connections = rig.backend(respond('well'))
    const client = rig.client(request)
    rig.until(() => client.text.includes('\r\n\r\n'))
    const answer = parse(client.text)
    assert.equal(answer.status, status)
    assert.match(answer.fields['proxy-status'] ?? '', /^weir; error=http_request_(error|denied)$/)
    assert.match(answer.fields['x-request-id'] ?? '', /^[0-9a-f]{32}$/)
    assert.equal(answer.fields['content-length'], String(answer.body.length))
    assert.equal(answer.fields['connection'], closes ? 'close' : undefined)
    if (status === 405) assert.match(answer.fields['allow'] ?? '', /\bGET\b/)
    if (closes) rig.until(() => client.finReceived)
    else {
      client.send(get('/here'))
      rig.until(() => client.text.endsWith('well'))
    }
    assert.equal(connections.length, closes ? 0 : 1)
    rig.conclude()
  })
}

test('what follows a refused request that closes is not read', () => {
  const rig = rigWith()
  const connections = rig.backend(respond('well'))
  const client = rig.client(`${line('GET /../x HTTP/1.1')}${get('/here')}`)
  rig.until(() => client.finReceived)
  rig.pass(100)
  assert.equal(client.text.split('HTTP/1.1 ').length, 2)
  assert.equal(connections.length, 0)
  rig.conclude()
})

test('a client reads our last words although it still sends', () => {
  const rig = rigWith()
  const client = rig.client('POST /here HTTP/1.1\r\nHost: a.test\r\nContent-Length: 500000\r\n\r\n')
  for (let ms = 0; ms < 300; ms += 10) rig.world.after(ms, () => client.send('x'.repeat(10_000)))
  rig.until(() => client.finReceived)
  rig.pass(300)
  assert.equal(parse(client.text).status, 413)
  assert.equal(client.resetBy, 0)
  client.close()
  rig.conclude()
})

test('connections over the limits of a listener are closed and counted', () => {
  for (const [limits, clients] of [
    [{ connections: 2 }, ['192.0.2.1', '192.0.2.2', '192.0.2.3']],
    [{ connectionsPerClient: 2 }, ['192.0.2.1', '192.0.2.1', '192.0.2.1']],
  ] as const) {
    const rig = new ProxyRig({ listener: { limits: { ...LISTENER.limits, ...limits } } })
    rig.backend(respond('x'))
    const [first, , third] = clients.map((ip) => rig.client('', { ip }))
    assert.ok(first !== undefined && third !== undefined)
    rig.until(() => third.finReceived)
    first.close()
    rig.pass(100)
    const fourth = rig.client(get(), { ip: clients[2] })
    rig.until(() => fourth.text.endsWith('x'))
    rig.conclude()
  }
})
