import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { dialWeir, exchange } from '../support/proxied.ts'
import { startWeir } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'

/** Echoes whom it was asked for; what it never saw can do no harm. */
let seen = 0
const scope = { after }
const backend = await rawBackend(scope, async (wire) => {
  for (;;) {
    const { line, headers } = await wire.request()
    seen++
    const body = `${line} ${headers['host']}`
    wire.send(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  }
})
const named = await rawBackend(scope, async (wire) => {
  for (;;) {
    await wire.request()
    wire.send('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother')
  }
})
const weir = await startWeir(
  scope,
  `
shards: 2
admin: { bind: 127.0.0.1:0 }
listeners:
  web: { bind: 127.0.0.1:0, limits: { target: 200B, head: 4KiB, fields: 20, body: 100B, chunkExtensions: 64B, trailers: 64B } }
routes:
  - { host: a.example, cluster: web }
  - { host: a.example, path: /other/, cluster: other }
  - { host: a.example, path: =/exact, cluster: other }
  - { host: '*.wild.example', path: /only, cluster: other }
  - { host: empty.example, cluster: empty }
clusters:
  web: { endpoints: [${backend.address}] }
  other: { endpoints: [${named.address}] }
  empty: { endpoints: [] }
drain: { window: 50ms, hard: 3s }
`,
)

const ROUTES: readonly (readonly [path: string, host: string, status: number, body: RegExp])[] = [
  ['/', 'a.example', 200, /^GET \/ /],
  ['/', 'A.EXAMPLE:8080', 200, /^GET \/ /],
  ['/other', 'a.example', 200, /^other$/],
  ['/other/x', 'a.example', 200, /^other$/],
  ['/otherwise', 'a.example', 200, /^GET \/otherwise /],
  ['/exact', 'a.example', 200, /^other$/],
  ['/exact/x', 'a.example', 200, /^GET \/exact\/x /],
  ['/x/../exact', 'a.example', 200, /^other$/],
  ['/only/x', 'x.wild.example', 200, /^other$/],
  ['/only', 'x.y.wild.example', 200, /^other$/],
  ['/only', 'wild.example', 421, /no such host/],
  ['/else', 'x.wild.example', 404, /no route/],
  ['/', 'b.example', 421, /no such host/],
  ['/', 'empty.example', 503, /no endpoint/],
]

test('routing by host and path, most specific first; 421 and 404 where there is none; the connection goes on', async (t) => {
  const wire = await dialWeir(t, weir)
  for (const [path, host, status, body] of ROUTES) {
    wire.send(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    const response = await wire.response()
    assert.equal(response.status, status, `${host}${path}`)
    assert.match(response.body.toString(), body)
    if (status >= 400) assert.match(response.headers['proxy-status'] ?? '', /^weir; error=/)
  }
})

const HOST = 'host: a.example\r\n'
const post = (fields: string, body = ''): string => `POST / HTTP/1.1\r\n${HOST}${fields}\r\n${body}`
/** What is refused, and with which status. Nothing of any of it may reach the backend. */
const REFUSED: Readonly<Record<string, readonly [status: number, request: string]>> = {
  CONNECT: [405, 'CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n\r\n'],
  'a body over the limit': [413, post('content-length: 101\r\n', 'x'.repeat(101))],
  'a target over the limit': [414, `GET /${'x'.repeat(200)} HTTP/1.1\r\n${HOST}\r\n`],
  'a head over the limit': [431, `GET / HTTP/1.1\r\n${HOST}x: ${'y'.repeat(4096)}\r\n\r\n`],
  'too many fields': [431, `GET / HTTP/1.1\r\n${HOST}${'x: y\r\n'.repeat(20)}\r\n`],
  'HTTP/2.0': [505, `GET / HTTP/2.0\r\n${HOST}\r\n`],
  'HTTP/1.2': [505, `GET / HTTP/1.2\r\n${HOST}\r\n`],
  'the HTTP/2 preface': [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'no version (HTTP/0.9)': [400, `GET /\r\n\r\n`],
  'no Host': [400, 'GET / HTTP/1.1\r\n\r\n'],
  'two Hosts': [400, `GET / HTTP/1.1\r\n${HOST}host: b.example\r\n\r\n`],
  'CL and TE': [400, post('content-length: 4\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\nGET /evil')],
  'TE and CL': [400, post('transfer-encoding: chunked\r\ncontent-length: 4\r\n', '0\r\n\r\nGET /evil')],
  'two lengths': [400, post('content-length: 4\r\ncontent-length: 5\r\n', 'body!')],
  'the same length twice': [400, post('content-length: 4\r\ncontent-length: 4\r\n', 'body')],
  'a list of lengths': [400, post('content-length: 4, 4\r\n', 'body')],
  'a signed length': [400, post('content-length: +4\r\n', 'body')],
  'a hexadecimal length': [400, post('content-length: 0x4\r\n', 'body')],
  'a length with a space before the colon': [400, post('content-length : 4\r\n', 'body')],
  'a folded length': [400, post('content-length:\r\n 4\r\n', 'body')],
  xchunked: [501, post('transfer-encoding: xchunked\r\n', '0\r\n\r\n')],
  'gzip, chunked': [501, post('transfer-encoding: gzip, chunked\r\n', '0\r\n\r\n')],
  'chunked, identity': [400, post('transfer-encoding: chunked, identity\r\n', '0\r\n\r\n')],
  'chunked twice': [400, post('transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n')],
  'a vertical tab before chunked': [400, post('transfer-encoding: \x0bchunked\r\n', '0\r\n\r\n')],
  'chunked in HTTP/1.0': [400, `POST / HTTP/1.0\r\n${HOST}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
  'bare LF': [400, `GET / HTTP/1.1\n${HOST}\r\n`],
  'bare LF in a field': [400, `GET / HTTP/1.1\r\nhost: a.example\nx: y\r\n\r\n`],
  'bare CR in a field': [400, `GET / HTTP/1.1\r\n${HOST}x: a\rb\r\n\r\n`],
  'NUL in a field': [400, `GET / HTTP/1.1\r\n${HOST}x: a\0b\r\n\r\n`],
  'obs-text in a name': [400, `GET / HTTP/1.1\r\n${HOST}x\xff: y\r\n\r\n`],
  'obs-fold': [400, `GET / HTTP/1.1\r\n${HOST}x: y\r\n z\r\n\r\n`],
  'a space before the first field': [400, `GET / HTTP/1.1\r\n ${HOST}\r\n`],
  'connection: content-length': [400, post('connection: content-length\r\ncontent-length: 4\r\n', 'body')],
  'connection: host': [400, `GET / HTTP/1.1\r\n${HOST}connection: host\r\n\r\n`],
  'a path above the root': [400, `GET /../etc HTTP/1.1\r\n${HOST}\r\n`],
  'an encoded slash': [400, `GET /a%2fb HTTP/1.1\r\n${HOST}\r\n`],
  'an encoded NUL': [400, `GET /a%00b HTTP/1.1\r\n${HOST}\r\n`],
  'a fragment': [400, `GET /a#b HTTP/1.1\r\n${HOST}\r\n`],
  'a scheme that is not ours': [400, `GET ftp://a.example/ HTTP/1.1\r\n${HOST}\r\n`],
  'TLS where HTTP is spoken': [400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
}

for (const [what, [status, request]] of Object.entries(REFUSED)) {
  test(`refused with ${status} and a close: ${what}`, async (t) => {
    const before = seen
    // Behind it a second request, which must not be answered, whatever the first one was.
    const { wire, response } = await exchange(t, weir, `${request}GET /second HTTP/1.1\r\n${HOST}\r\n`)
    assert.equal(response.status, status)
    assert.equal(response.headers['connection'], 'close')
    assert.equal(await wire.ending(), 'end')
    assert.equal(wire.bytes.length, 0)
    assert.equal(seen, before)
  })
}

/** A body can turn out malformed when its head has long been sent on: then the backend must not take it for whole. */
const CHUNKED = post('transfer-encoding: chunked\r\n')
const BROKEN_BODIES: Readonly<Record<string, readonly [status: number, body: string]>> = {
  'a size that is no number': [400, 'x\r\n'],
  'a size with 0x': [400, '0x4\r\nbody\r\n0\r\n\r\n'],
  'a size that overflows': [400, 'fffffffffffffffff\r\n'],
  'a chunk longer than it says': [400, '4\r\nbodyx\r\n0\r\n\r\n'],
  'a bare LF behind a size': [400, '4\nbody\r\n0\r\n\r\n'],
  'extensions without end': [400, `4;${'x'.repeat(100)}\r\nbody\r\n0\r\n\r\n`],
  'trailers over the limit': [431, `4\r\nbody\r\n0\r\nx: ${'y'.repeat(100)}\r\n\r\n`],
  'more than the limit': [413, `65\r\n${'x'.repeat(101)}\r\n0\r\n\r\n`],
}
for (const [what, [status, body]] of Object.entries(BROKEN_BODIES)) {
  test(`a chunked body with ${what}: an error, a close, and no whole request at the backend`, async (t) => {
    const before = seen
    const wire = await dialWeir(t, weir)
    wire.send(CHUNKED)
    wire.send(`2\r\nok\r\n${body}GET /second HTTP/1.1\r\n${HOST}\r\n`)
    const response = await wire.response()
    assert.equal(response.status, status)
    assert.equal(await wire.ending(), 'end')
    assert.equal(seen, before)
  })
}
