/** What a message becomes on its way: framing, interim responses, versions, and answers that come early. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, parse, ProxyRig, respond } from '../../support/proxy-rig.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const POST = 'POST / HTTP/1.1\r\nHost: a\r\n'

/** Run a request against a backend's answer until the client has all of it (`end`, or the connection's end). */
const exchange = (request: string, answer: string, end?: string): { rig: ProxyRig; client: SimPeer } => {
  const rig = new ProxyRig()
  rig.backend((peer) => {
    peer.send(answer)
    if (!/content-length|transfer-encoding|HTTP\/1.1 (204|304)/i.test(answer)) peer.close()
  })
  const client = rig.client(request)
  rig.until(() => (end === undefined ? client.finReceived : client.text.endsWith(end)))
  return { rig, client }
}

const CHUNKED =
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;ext="a"\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n'

test('a chunked response stays chunked toward 1.1, less its extensions', () => {
  const { rig, client } = exchange(get(), CHUNKED, 'x-sum: 1\r\n\r\n')
  const { fields, body } = parse(client.text)
  assert.equal(fields['transfer-encoding'], 'chunked')
  assert.equal(body, '5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n')
  rig.conclude()
})

test('a chunked response is unwrapped toward 1.0 and ends with the connection', () => {
  const { rig, client } = exchange('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', CHUNKED)
  const { fields, body } = parse(client.text)
  assert.equal(fields['transfer-encoding'], undefined)
  assert.equal(fields['connection'], 'close')
  assert.equal(body, 'hello')
  rig.conclude()
})

test('a response that ends with the connection is chunked toward 1.1, whose connection goes on', () => {
  const { rig, client } = exchange(get(), 'HTTP/1.1 200 OK\r\n\r\nhello', '0\r\n\r\n')
  const { fields, body } = parse(client.text)
  assert.equal(fields['transfer-encoding'], 'chunked')
  assert.equal(fields['connection'], undefined)
  assert.equal(body, '5\r\nhello\r\n0\r\n\r\n')
  client.send(get())
  rig.until(() => rig.outcomes['complete'] === 2)
  rig.conclude()
})

test('a response that ends with the connection ends so toward 1.0', () => {
  const { rig, client } = exchange('GET / HTTP/1.0\r\n\r\n', 'HTTP/1.0 200 OK\r\n\r\nhello')
  const { fields, body } = parse(client.text)
  assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/)
  assert.equal(fields['transfer-encoding'], undefined)
  assert.equal(body, 'hello')
  rig.conclude()
})

test('an HTTP/1.0 client that asks for it keeps its connection, and is told', () => {
  const rig = new ProxyRig()
  rig.backend(respond('hello'))
  const client = rig.client('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  rig.until(() => client.text.endsWith('hello'))
  assert.equal(parse(client.text).fields['connection'], 'keep-alive')
  client.send('GET / HTTP/1.0\r\n\r\n')
  rig.until(() => client.finReceived)
  assert.deepEqual(rig.outcomes, { complete: 2 })
  rig.conclude()
})

test('an HTTP/1.0 request goes on as 1.1, with a Host of ours if it has none', () => {
  const rig = new ProxyRig()
  const connections = rig.backend(respond('x'))
  rig.client('GET /p HTTP/1.0\r\n\r\n')
  rig.until(() => rig.outcomes['complete'] === 1)
  assert.match(connections[0]?.text ?? '', /^GET \/p HTTP\/1\.1\r\nhost: web\r\n/)
  rig.conclude()
})

test('HEAD, 204 and 304 have no body, whatever they announce', () => {
  for (const [request, answer] of [
    ['HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n'],
    ['HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
    [get(), 'HTTP/1.1 204 No Content\r\n\r\n'],
    [get(), 'HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n'],
  ] as const) {
    const rig = new ProxyRig()
    const connections = rig.backend(answer)
    const client = rig.client(request)
    rig.until(() => rig.outcomes['complete'] === 1)
    rig.pass(1)
    assert.equal(parse(client.text).body, '')
    const announced = /content-length: 500/.test(answer) ? '500' : undefined
    assert.equal(parse(client.text).fields['content-length'], announced)
    client.send(request)
    rig.until(() => rig.outcomes['complete'] === 2)
    assert.equal(connections.length, 1, 'both connections went on')
    rig.conclude()
  }
})

test('interim responses go to 1.1 as they come, in order, and not to 1.0', () => {
  const interim =
    'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nconnection: x\r\nx: y\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n'
  for (const minor of [1, 0]) {
    const rig = new ProxyRig()
    rig.backend(interim + respond('done'))
    const client = rig.client(`GET / HTTP/1.${minor}\r\nHost: a\r\n\r\n`)
    rig.until(() => client.text.endsWith('done'))
    const expected =
      minor === 1 ? 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n' : ''
    assert.ok(client.text.startsWith(`${expected}HTTP/1.1 200 OK\r\n`), client.text)
    rig.conclude()
  }
})

test('Expect passes, the body waits for the 100 of the backend', () => {
  const rig = new ProxyRig()
  const connections = rig.backend((peer) => {
    rig.world.after(500, () => peer.send('HTTP/1.1 100 Continue\r\n\r\n'))
  })
  const client = rig.client(`${POST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`)
  const took = rig.until(() => client.text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
  assert.ok(took >= 500)
  assert.match(connections[0]?.text ?? '', /\r\nExpect: 100-continue\r\n/)
  client.send('hello')
  rig.until(() => connections[0]?.text.endsWith('hello') === true)
  connections[0]?.send(respond('thanks'))
  rig.until(() => client.text.endsWith('thanks'))
  rig.conclude()
})

test('Expect refused: the final response is delivered, and the connection closes with the body unread', () => {
  const rig = new ProxyRig()
  const connections = rig.backend('HTTP/1.1 417 Expectation Failed\r\ncontent-length: 2\r\n\r\nno')
  const client = rig.client(`${POST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`)
  rig.until(() => client.finReceived)
  const { status, fields, body } = parse(client.text)
  assert.deepEqual([status, fields['connection'], body], [417, 'close', 'no'])
  assert.equal(rig.upstreams, 0)
  assert.equal(connections.length, 1)
  rig.conclude()
})

test('an early final response is delivered while the upload is under way, and ends it', () => {
  const rig = new ProxyRig()
  rig.backend('HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig')
  const client = rig.client(`${POST}Content-Length: 1000000\r\n\r\n`)
  for (let ms = 0; ms < 100; ms += 10) rig.world.after(ms, () => client.send('x'.repeat(10_000)))
  rig.until(() => client.finReceived)
  const { status, fields, body } = parse(client.text)
  assert.deepEqual([status, fields['connection'], body], [413, 'close', 'big'])
  assert.deepEqual(rig.outcomes, { complete: 1 })
  rig.pass(200)
  client.close()
  rig.conclude()
})

test('a response that begins before the request is complete, and ends after it, is complete', () => {
  const rig = new ProxyRig()
  const connections = rig.backend((peer) => peer.send('HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf'))
  const client = rig.client(`${POST}Content-Length: 8\r\n\r\nhalf`)
  rig.until(() => client.text.endsWith('half'))
  client.send('rest')
  rig.until(() => connections[0]?.text.endsWith('halfrest') === true)
  connections[0]?.send('rest')
  rig.until(() => client.text.endsWith('halfrest'))
  assert.deepEqual(rig.outcomes, { complete: 1 })
  rig.conclude()
})

test('bodies arrive as they were, whatever their framing and however they are cut', () => {
  const chunks = '5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nx-t: 1\r\nhost: evil\r\n\r\n'
  const cases = [
    [`Content-Length: 11\r\n\r\nhello world`, 'hello world'],
    [`Transfer-Encoding: chunked\r\n\r\n${chunks}`, '5\r\nhello\r\n6\r\n world\r\n0\r\nx-t: 1\r\n\r\n'],
  ] as const
  for (const [body, expected] of cases) {
    for (const size of [1, 7, 1000]) {
      const rig = new ProxyRig()
      const connections = rig.backend(() => {})
      const client = rig.client()
      client.send(`${POST}${body}`, { splits: Array.from({ length: 300 }, () => size) })
      rig.until(() => connections[0]?.text.endsWith(`\r\n\r\n${expected}`) === true)
      connections[0]?.send(respond('x'))
      rig.until(() => rig.outcomes['complete'] === 1)
      rig.conclude()
    }
  }
})

test('a body of length 0 is a body of length 0', () => {
  const rig = new ProxyRig()
  const connections = rig.backend(respond('x'))
  rig.client(`${POST}Content-Length: 0\r\n\r\n`)
  rig.until(() => rig.outcomes['complete'] === 1)
  assert.match(connections[0]?.text ?? '', /\r\nContent-Length: 0\r\n/)
  rig.conclude()
})
