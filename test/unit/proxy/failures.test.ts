/** What goes wrong with an exchange: the status, the error type and the outcome of each, and what becomes of the connections. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKEND, get, parse, ProxyRig, respond, verdict } from '../../support/proxy-rig.ts'
import type { Answer } from '../../support/proxy-rig.ts'
import { LISTENER } from '../../support/sim-shard.ts'
import { ERRNO } from '../../support/sim/socket.ts'

type Case = {
  readonly name: string
  readonly answer: Answer
  readonly verdict: string
  readonly outcome: string
}

const closing =
  (text: string, how: 'close' | 'rst'): Answer =>
  (peer) => {
    peer.send(text)
    peer[how]()
  }

const CASES: readonly Case[] = [
  {
    name: 'closed before a byte',
    answer: closing('', 'close'),
    verdict: '502 http_response_incomplete',
    outcome: 'upstream-closed',
  },
  {
    name: 'closed inside the head',
    answer: closing('HTTP/1.1 200 OK\r\nx-a', 'close'),
    verdict: '502 http_response_incomplete',
    outcome: 'upstream-closed',
  },
  {
    name: 'reset before a byte',
    answer: closing('', 'rst'),
    verdict: '502 connection_terminated',
    outcome: 'upstream-reset',
  },
  {
    name: 'closed behind an interim response',
    answer: closing('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', 'close'),
    verdict: '502 http_response_incomplete',
    outcome: 'upstream-closed',
  },
  {
    name: 'no HTTP',
    answer: 'SSH-2.0-OpenSSH\r\n',
    verdict: '502 http_protocol_error',
    outcome: 'upstream-malformed',
  },
  {
    name: 'interim responses for ever',
    answer: 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100),
    verdict: '502 http_protocol_error',
    outcome: 'upstream-malformed',
  },
  {
    name: 'a head without end',
    answer: `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`,
    verdict: '502 http_protocol_error',
    outcome: 'upstream-malformed',
  },
]

/** The first response that is not an interim one. */
const final = (text: string): string =>
  text.replaceAll(/HTTP\/1\.1 103 [^\r]*\r\n(link: [^\r]*\r\n)?\r\n/g, '')

for (const { name, answer, verdict: expected, outcome } of CASES) {
  test(`${name}: ${expected}`, () => {
    const rig = new ProxyRig()
    const connections = rig.backend(answer)
    const client = rig.client(get())
    rig.until(() => final(client.text).endsWith('\n') && final(client.text).includes('proxy-status'))
    const { status, fields, body } = parse(final(client.text))
    assert.equal(`${status} ${fields['proxy-status']}`, expected.replace(' ', ' weir; error='))
    assert.match(fields['x-request-id'] ?? '', /^[0-9a-f]{32}$/)
    assert.equal(fields['content-length'], String(body.length))
    assert.doesNotMatch(client.text, /10\.0\.0\./)
    assert.deepEqual(rig.outcomes, { [outcome]: 1 })
    assert.equal(rig.upstreams, 0)
    // The client did nothing wrong: its connection goes on.
    rig.backend(respond('well'))
    client.send(get())
    rig.until(() => client.text.endsWith('well'))
    assert.equal(connections.length, 1)
    rig.conclude()
  })
}

const ERRNOS = [
  [ERRNO.ECONNREFUSED, '502 connection_refused', 'connect-refused'],
  [ERRNO.EHOSTUNREACH, '502 destination_ip_unroutable', 'connect-unreachable'],
  [ERRNO.ETIMEDOUT, '504 connection_timeout', 'connect-timeout'],
  [ERRNO.ENOBUFS, '503 proxy_internal_response', 'overloaded'],
] as const

for (const [errno, expected, outcome] of ERRNOS) {
  test(`a connect that fails with ${errno}: ${expected}`, () => {
    const rig = new ProxyRig()
    rig.world.backend(BACKEND, { refuse: errno })
    const client = rig.client(get())
    rig.until(() => client.receivedBytes > 0)
    assert.equal(verdict(client), expected)
    assert.deepEqual(rig.outcomes, { [outcome]: 1 })
    rig.conclude()
  })
}

test('no endpoint: 503, and the connection goes on', () => {
  const rig = new ProxyRig({ endpoints: [] })
  const client = rig.client(get())
  rig.until(() => client.receivedBytes > 0)
  assert.equal(verdict(client), '503 destination_unavailable')
  client.send(get())
  rig.until(() => rig.outcomes['no-endpoint'] === 2)
  rig.conclude()
})

test('a failure keeps to what the client said of its connection', () => {
  for (const request of [
    get('/', 'Connection: close\r\n'),
    'GET / HTTP/1.0\r\n\r\n',
    'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  ]) {
    const rig = new ProxyRig()
    rig.world.backend(BACKEND, { refuse: ERRNO.ECONNREFUSED })
    const client = rig.client(request)
    rig.until(() => client.finReceived)
    assert.equal(parse(client.text).fields['connection'], 'close')
    rig.conclude()
  }
})

test('a failure to a HEAD has no body', () => {
  const rig = new ProxyRig()
  rig.world.backend(BACKEND, { refuse: ERRNO.ECONNREFUSED })
  const client = rig.client('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
  rig.until(() => client.receivedBytes > 0)
  assert.equal(parse(client.text).body, '')
  assert.equal(verdict(client), '502 connection_refused')
  rig.conclude()
})

const BROKEN = [
  ['a length', `HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf`],
  ['chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ['a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhalf'],
  ['a large body', `HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\n${'x'.repeat(400_000)}`],
] as const

for (const minor of [0, 1]) {
  for (const how of ['close', 'rst'] as const) {
    for (const [what, text] of BROKEN) {
      test(`${what} cut by ${how} resets a client of HTTP/1.${minor}`, () => {
        const rig = new ProxyRig()
        rig.backend(closing(text, how))
        const client = rig.client(`GET / HTTP/1.${minor}\r\nHost: a\r\n\r\n`)
        rig.until(() => client.finReceived || client.resetBy !== 0)
        assert.equal(client.finReceived, false)
        assert.deepEqual(rig.outcomes, { [how === 'rst' ? 'upstream-reset' : 'upstream-closed']: 1 })
        rig.conclude()
      })
    }
  }
}

test('a close-delimited response cut by a reset resets the client', () => {
  const rig = new ProxyRig()
  rig.backend(closing('HTTP/1.1 200 OK\r\n\r\nhalf', 'rst'))
  const client = rig.client('GET / HTTP/1.0\r\n\r\n')
  rig.until(() => client.finReceived || client.resetBy !== 0)
  assert.equal(client.finReceived, false)
  rig.conclude()
})

test('a malformed chunk behind a good head resets the client', () => {
  const rig = new ProxyRig()
  rig.backend('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\nzz\r\n')
  const client = rig.client(get())
  rig.until(() => client.resetBy !== 0)
  assert.deepEqual(rig.outcomes, { 'upstream-malformed': 1 })
  rig.conclude()
})

test('a client that goes away cancels what it asked for, whichever way it goes', () => {
  for (const [how, outcome] of [
    ['fin', 'client-abort'],
    ['close', 'client-abort'],
    ['rst', 'client-reset'],
  ] as const) {
    const rig = new ProxyRig()
    const connections = rig.backend(() => {})
    const client = rig.client(get())
    rig.until(() => (connections[0]?.receivedBytes ?? 0) > 0)
    client[how]()
    rig.until(() => connections[0]?.resetBy !== 0)
    assert.deepEqual(rig.outcomes, { [outcome]: 1 })
    assert.equal(rig.upstreams, 0)
    rig.conclude()
  }
})

test('a client that half-closes in the middle of a response is reset, not ended', () => {
  const rig = new ProxyRig()
  rig.backend('HTTP/1.1 200 OK\r\n\r\nhalf')
  const client = rig.client('GET / HTTP/1.0\r\n\r\n')
  rig.until(() => client.text.endsWith('half'))
  client.fin()
  rig.until(() => client.resetBy !== 0 || client.finReceived)
  assert.equal(client.finReceived, false)
  rig.conclude()
})

test('a body over the limit: 413 at once by its length, in its middle by its chunks', () => {
  const limits = { ...LISTENER.limits, body: 1000 }
  for (const body of [
    'Content-Length: 1001\r\n\r\n',
    `Transfer-Encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1001)}\r\n`,
  ]) {
    const rig = new ProxyRig({ listener: { limits } })
    rig.backend(() => {})
    const client = rig.client(`POST / HTTP/1.1\r\nHost: a\r\n${body}`)
    rig.until(() => client.finReceived)
    assert.equal(verdict(client), '413 http_request_error')
    assert.equal(parse(client.text).fields['connection'], 'close')
    assert.deepEqual(rig.outcomes, { 'request-rejected': 1 })
    rig.conclude()
  }
})

test('a malformed chunk in a request: 400, and the backend gets no end', () => {
  const rig = new ProxyRig()
  const connections = rig.backend(() => {})
  const client = rig.client(
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n',
  )
  rig.until(() => client.finReceived)
  assert.equal(verdict(client), '400 http_request_error')
  rig.until(() => connections.every(({ resetBy }) => resetBy !== 0))
  rig.conclude()
})
