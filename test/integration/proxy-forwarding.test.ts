import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { exchange } from '../support/proxied.ts'
import { startWeir } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'
import type { Scope } from '../support/wire.ts'

/** Answers with the lines of the head it got. */
const scope: Scope = { after }
const backend = await rawBackend(scope, async (wire) => {
  for (;;) {
    const { line, lines } = await wire.request()
    const body = [line, ...lines].join('\n')
    wire.send(
      `HTTP/1.1 200 OK\r\nconnection: x-hop\r\nx-hop: 1\r\nx-end: 2\r\nx-request-id: theirs\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
  }
})
const text = (trusted: string): string => `
shards: 1
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0, trustedProxies: [${trusted}] } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: [${backend.address}] } }
`
const edge = await startWeir(scope, text(''))
const inner = await startWeir(scope, text('127.0.0.0/8'))

const FORGED =
  'GET /x HTTP/1.1\r\nHost: a.example:81\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n' +
  'X-Forwarded-Host: evil.example\r\nX-Forwarded-Port: 443\r\nX_Forwarded_For: 192.0.2.9\r\nX-Real-Ip: 192.0.2.2\r\n' +
  'Forwarded: for=192.0.2.3\r\nVia: 1.1 other\r\nX-Request-Id: forged\r\nCookie: a=b\r\nX-Forwarded-For: 192.0.2.4\r\n' +
  'Connection: keep-alive, x-one\r\nX-One: 1\r\nKeep-Alive: 5\r\nProxy-Authorization: x\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n\r\n'

async function seenBehind(
  t: Scope,
  weir: Weir,
  request: string,
): Promise<{ lines: string[]; all: (name: string) => string[]; headers: Readonly<Record<string, string>> }> {
  const { response } = await exchange(t, weir, request)
  assert.equal(response.status, 200)
  const lines = response.body.toString('latin1').split('\n')
  const all = (name: string): string[] =>
    lines.flatMap((line) => (line.toLowerCase().startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []))
  return { lines, all, headers: response.headers }
}

test('at the edge all that poses as forwarding is dropped and said anew', async (t) => {
  const { all, headers } = await seenBehind(t, edge, FORGED)
  assert.deepEqual(all('x-forwarded-for'), ['127.0.0.1'])
  assert.deepEqual(all('x-forwarded-proto'), ['http'])
  assert.deepEqual(all('x-forwarded-host'), ['a.example:81'])
  for (const name of ['x-forwarded-port', 'x_forwarded_for', 'x-real-ip', 'forwarded'])
    assert.deepEqual(all(name), [], name)
  assert.deepEqual(all('via'), ['1.1 weir'])
  assert.deepEqual(all('host'), ['a.example:81'])
  assert.deepEqual(all('cookie'), ['a=b'])
  const [id = '', ...others] = all('x-request-id')
  assert.match(id, /^[0-9a-f]{32}$/)
  assert.deepEqual(others, [])
  assert.equal(headers['x-request-id'], id, 'the client gets the same, and not the backend’s')
})

test('of a trusted proxy it is kept and extended; the request id is ours all the same', async (t) => {
  const { all } = await seenBehind(t, inner, FORGED)
  assert.deepEqual(all('x-forwarded-for'), ['192.0.2.1, 10.0.0.1, 192.0.2.4, 127.0.0.1'])
  assert.deepEqual(all('x-forwarded-proto'), ['https'])
  assert.deepEqual(all('x-forwarded-host'), ['evil.example'])
  assert.deepEqual(all('x-forwarded-port'), ['443'])
  assert.deepEqual(all('forwarded'), ['for=192.0.2.3', 'for=127.0.0.1'])
  assert.equal(all('via').join(', '), '1.1 other, 1.1 weir')
  assert.doesNotMatch(all('x-request-id').join(), /forged/)
  const bare = await seenBehind(t, inner, 'GET / HTTP/1.1\r\nhost: b.example\r\n\r\n')
  assert.deepEqual(bare.all('x-forwarded-for'), ['127.0.0.1'])
  assert.deepEqual(bare.all('x-forwarded-proto'), ['http'])
  assert.deepEqual(bare.all('x-forwarded-host'), ['b.example'])
})

test('hop-by-hop fields, and those that Connection names, pass in neither direction', async (t) => {
  const { all, headers } = await seenBehind(t, edge, FORGED)
  for (const name of [
    'connection',
    'x-one',
    'keep-alive',
    'proxy-connection',
    'te',
    'proxy-authorization',
    'upgrade',
  ]) {
    assert.deepEqual(all(name), [], name)
  }
  assert.equal(headers['x-hop'], undefined)
  assert.equal(headers['x-end'], '2')
})

test('names and values pass as they were written, in their order, obs-text and empty values too', async (t) => {
  const { lines } = await seenBehind(
    t,
    edge,
    'GET /x HTTP/1.1\r\nHOST: A.example\r\nx-A:  two  words \r\nX-empty:\r\nx-latin: caf\xe9\r\nX-a: again\r\n\r\n',
  )
  const own = lines.filter((line) => /^x-(a|empty|latin):/i.test(line)).map((line) => line.trimEnd())
  assert.deepEqual(own, ['x-A:  two  words', 'X-empty:', 'x-latin: caf\xe9', 'X-a: again'])
})

test('ids of requests are unique', async (t) => {
  const ids = new Set<string>()
  for (let i = 0; i < 50; i++) ids.add((await seenBehind(t, edge, FORGED)).headers['x-request-id'] ?? '')
  assert.equal(ids.size, 50)
})
