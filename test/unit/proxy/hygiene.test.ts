/** What is said toward the backend and toward the client besides what they say to each other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, parse, ProxyRig, respond } from '../../support/proxy-rig.ts'
import type { RigParts } from '../../support/proxy-rig.ts'

type Seen = {
  readonly line: string
  readonly fields: Record<string, string>
  readonly response: Record<string, string>
}

/** The request a backend sees and the response fields its client gets. */
const pass = (
  request: string,
  parts: RigParts = {},
  { ip = '192.0.2.1', answer = respond('x') } = {},
): Seen => {
  const rig = new ProxyRig(parts)
  const connections = rig.backend(answer)
  const client = rig.client(request, { ip })
  rig.until(() => client.text.endsWith('x'))
  const text = connections[0]?.text ?? ''
  rig.conclude()
  const { fields } = parse(text)
  return { line: text.slice(0, text.indexOf('\r\n')), fields, response: parse(client.text).fields }
}

const SAID = [
  'X-Request-Id: theirs',
  'X-Forwarded-For: 198.51.100.7',
  'X-Forwarded-For: 198.51.100.8',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: public.test',
  'X-Forwarded-Port: 443',
  'X-Real-Ip: 198.51.100.7',
  'Forwarded: for=198.51.100.7',
  'Via: 1.0 cache',
  'X_Forwarded_For: 198.51.100.9',
  'X-Forwarded-Prefix: /evil',
].join('\r\n')

test('from anyone, forwarding fields are reset at the edge', () => {
  const { fields } = pass(get('/', `${SAID}\r\n`))
  assert.match(fields['x-request-id'] ?? '', /^[0-9a-f]{32}$/)
  assert.equal(fields['x-forwarded-for'], '192.0.2.1')
  assert.equal(fields['x-forwarded-proto'], 'http')
  assert.equal(fields['x-forwarded-host'], 'a.test')
  assert.equal(fields['via'], '1.1 weir')
  for (const name of [
    'x-forwarded-port',
    'x-real-ip',
    'forwarded',
    'x_forwarded_for',
    'x-forwarded-prefix',
  ]) {
    assert.equal(fields[name], undefined, name)
  }
})

test('from a trusted proxy they are believed and continued; the request id is ours even so', () => {
  const { fields } = pass(get('/', `${SAID}\r\n`), {
    listener: { trustedProxies: ['192.0.2.0/24', '2001:db8::/32'] },
  })
  assert.match(fields['x-request-id'] ?? '', /^[0-9a-f]{32}$/)
  assert.equal(fields['x-forwarded-for'], '198.51.100.7, 198.51.100.8, 192.0.2.1')
  assert.equal(fields['x-forwarded-proto'], 'https')
  assert.equal(fields['x-forwarded-host'], 'public.test')
  assert.equal(fields['x-forwarded-port'], '443')
  assert.equal(fields['x-real-ip'], '198.51.100.7')
  assert.equal(fields['forwarded'], 'for=198.51.100.7, for=192.0.2.1')
  assert.equal(fields['via'], '1.0 cache, 1.1 weir')
})

test('names that backends take for others never pass, whoever sends them', () => {
  const poses =
    'Transfer_Encoding: chunked\r\nContent_Length: 7\r\nProxy: evil.test:8080\r\nUser_Agent: x\r\nMy_Own: 1\r\n'
  for (const trustedProxies of [[], ['192.0.2.0/24']]) {
    const { fields } = pass(get('/', poses), { listener: { trustedProxies } })
    for (const name of ['transfer_encoding', 'content_length', 'proxy', 'user_agent']) {
      assert.equal(fields[name], undefined, name)
    }
    assert.equal(fields['my_own'], '1')
  }
})

test('our element of Forwarded names an IPv6 peer in brackets and quotes (RFC 7239 §6)', () => {
  const listener = { trustedProxies: ['2001:db8::/32'] }
  const { fields } = pass(get('/', 'Forwarded: for=a\r\n'), { listener }, { ip: '2001:db8::9' })
  assert.equal(fields['forwarded'], 'for=a, for="[2001:db8::9]"')
})

test('trust is by address: IPv6 too, and one beside the range has none', () => {
  const listener = { trustedProxies: ['2001:db8::/32'] }
  const trusted = pass(get('/', 'X-Forwarded-Proto: https\r\n'), { listener }, { ip: '2001:db8::9' })
  assert.equal(trusted.fields['x-forwarded-proto'], 'https')
  assert.equal(trusted.fields['x-forwarded-for'], '2001:db8::9')
  const other = pass(get('/', 'X-Forwarded-Proto: https\r\n'), { listener }, { ip: '2001:db9::9' })
  assert.equal(other.fields['x-forwarded-proto'], 'http')
})

test('what is for one hop does not pass, in either direction', () => {
  const { fields, response } = pass(
    get(
      '/',
      'Connection: x-mine, keep-alive\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\nX-Kept: 1\r\n',
    ),
    {},
    {
      answer: respond(
        'x',
        'Connection: x-theirs\r\nX-Theirs: 1\r\nKeep-Alive: 5\r\nx-kept: 2\r\nx-request-id: forged\r\n',
      ),
    },
  )
  for (const name of ['connection', 'x-mine', 'keep-alive', 'te', 'proxy-connection'])
    assert.equal(fields[name], undefined, name)
  assert.equal(fields['x-kept'], '1')
  for (const name of ['connection', 'x-theirs', 'keep-alive']) assert.equal(response[name], undefined, name)
  assert.equal(response['x-kept'], '2')
  assert.equal(response['x-request-id'], fields['x-request-id'])
})

test('a request id is made for every request, and given to its client', () => {
  const rig = new ProxyRig()
  const connections = rig.backend(respond('x'))
  const client = rig.client(get() + get() + get())
  rig.until(() => rig.outcomes['complete'] === 3)
  rig.pass(1)
  const ids = (text: string): string[] => [...text.matchAll(/x-request-id: (\w+)/g)].map(([, id]) => id ?? '')
  assert.equal(new Set(ids(client.text)).size, 3)
  assert.deepEqual(ids(client.text), ids(connections.map(({ text }) => text).join('')))
  rig.conclude()
})

test('Date is added where there is none, and kept where there is one', () => {
  assert.match(pass(get()).response['date'] ?? '', /^\w{3}, \d\d \w{3} 2026 \d\d:\d\d:\d\d GMT$/)
  const old = 'Sun, 06 Nov 1994 08:49:37 GMT'
  assert.equal(pass(get(), {}, { answer: respond('x', `Date: ${old}\r\n`) }).response['date'], old)
})

test('an absolute-form target: its authority is the host, and goes on in origin-form', () => {
  const { line, fields } = pass('GET http://b.test:81/p?q HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.equal(line, 'GET /p?q HTTP/1.1')
  assert.equal(fields['host'], 'b.test:81')
  assert.equal(fields['x-forwarded-host'], 'b.test:81')
})

test('OPTIONS * goes on as it is, in absolute-form too', () => {
  assert.equal(pass('OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n').line, 'OPTIONS * HTTP/1.1')
  assert.equal(pass('OPTIONS http://b.test HTTP/1.1\r\nHost: a\r\n\r\n').line, 'OPTIONS * HTTP/1.1')
})

test('what is routed is what is forwarded: the path in normal form', () => {
  assert.equal(pass(get('/a/./b/../c/%7Eme?x=/../')).line, 'GET /a/c/~me?x=/../ HTTP/1.1')
})

test('what poses as a forwarding field does not pass in a trailer section either', () => {
  const rig = new ProxyRig()
  const connections = rig.backend((peer, request) => {
    if (request.startsWith('POST')) peer.send(respond('x'))
  })
  const trailers = `X-Kept: 1\r\n${SAID}\r\nx-real_ip: 198.51.100.7\r\n`
  const client = rig.client(
    `POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n${trailers}\r\n`,
  )
  rig.until(() => client.text.endsWith('x'))
  assert.match(connections[0]?.text ?? '', /\r\n\r\n2\r\nab\r\n0\r\nX-Kept: 1\r\n\r\n$/)
  rig.conclude()
})
