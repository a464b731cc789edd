/** Requests sent ahead: answered in order, one at a time, and so many only. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKEND, get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import { LISTENER } from '../../support/sim-shard.ts'

const paths = (text: string): string[] => [...text.matchAll(/GET (\/\w*) /g)].map(([, path]) => path ?? '')

/** Answers with the request's path, the first ones slowest. */
const rigWith = (pipeline = 16): ProxyRig => {
  const rig = new ProxyRig({ listener: { limits: { ...LISTENER.limits, pipeline } } })
  let delayMs = 100
  rig.backend((peer, request) => {
    delayMs /= 2
    rig.world.after(delayMs, () => peer.send(respond(`<${request.split(' ')[1] ?? ''}>`)))
  })
  return rig
}

test('responses come in the order of the requests', () => {
  const rig = rigWith()
  const client = rig.client(['/a', '/b', '/c', '/d'].map((path) => get(path)).join(''))
  rig.until(() => client.text.endsWith('</d>'))
  assert.match(client.text, /<\/a>[^]*<\/b>[^]*<\/c>[^]*<\/d>$/)
  assert.deepEqual(rig.outcomes, { complete: 4 })
  rig.conclude()
})

test('a request reaches a backend only when those before it are answered', () => {
  const rig = rigWith()
  const client = rig.client(['/a', '/b', '/c'].map((path) => get(path)).join(''))
  const seen = (): string[] =>
    paths(
      rig.world.backends
        .get(BACKEND)
        ?.peers.map(({ text }) => text)
        .join('') ?? '',
    )
  rig.until(() => seen().length === 2)
  assert.ok(client.text.includes('</a>') || client.receivedBytes > 0)
  rig.until(() => client.text.endsWith('</c>'))
  assert.deepEqual(seen(), ['/a', '/b', '/c'])
  rig.conclude()
})

test('heads cut anywhere between pipelined requests', () => {
  const text = get('/a') + 'POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz' + get('/c')
  for (let at = 1; at < text.length; at += 3) {
    const rig = rigWith()
    const client = rig.client()
    client.send(text, { splits: [at], delaysMs: [0, 20] })
    rig.until(() => client.text.endsWith('</c>'))
    assert.deepEqual(rig.outcomes, { complete: 3 })
    rig.conclude()
  }
})

test('so many may be sent ahead: the last that is answered says close', () => {
  const rig = rigWith(3)
  const client = rig.client(Array.from({ length: 10 }, (_, index) => get(`/${index}`)).join(''))
  rig.until(() => client.finReceived)
  const answered = client.text.split('HTTP/1.1 200').length - 1
  assert.ok(answered >= 4 && answered <= 5, `${answered} were answered`)
  assert.match(client.text.slice(client.text.lastIndexOf('HTTP/1.1')), /\r\nconnection: close\r\n/)
  assert.equal(client.text.split('connection: close').length, 2)
  rig.conclude()
})

test('behind a response that closes nothing is answered', () => {
  const rig = rigWith()
  const client = rig.client(get('/a', 'Connection: close\r\n') + get('/b'))
  rig.until(() => client.finReceived)
  assert.match(client.text, /<\/a>$/)
  rig.conclude()
})

test('what waits behind a request is one read, and reading stops', () => {
  const rig = new ProxyRig()
  const connections = rig.backend(() => {})
  const client = rig.client(get('/a'))
  rig.until(() => connections[0]?.receivedBytes !== undefined)
  client.send(get('/b').repeat(20_000))
  rig.pass(2000)
  const [sim] = rig.shards
  assert.ok((sim?.engine.stat('bytesIn') ?? Infinity) < 40_000, 'no more than two reads')
  assert.ok((sim?.shard.reactor.slabs.taken ?? Infinity) <= 4)
  client.rst(-1)
  rig.conclude()
})

test('refused requests count as sent ahead like others', () => {
  const rig = new ProxyRig({ endpoints: [] })
  const client = rig.client(get('/').repeat(1000))
  rig.until(() => client.finReceived)
  assert.equal(client.text.split('HTTP/1.1 503').length - 1, 18)
  rig.conclude()
})

test('a client that sends requests in small lots and reads no answer is not answered without end', () => {
  const rig = new ProxyRig({ endpoints: [] })
  const client = rig.client()
  client.stopReading()
  const [sim] = rig.shards
  for (let lot = 0; lot < 1000; lot++) rig.world.after(lot, () => client.send(get('/').repeat(10)))
  rig.pass(2000)
  assert.equal(sim?.engine.stat('overflows'), 0)
  assert.ok((sim?.engine.stat('queuedBytes') ?? Infinity) < 40_000)
  assert.ok((sim?.engine.stat('bytesIn') ?? Infinity) < 100_000)
  client.startReading()
  rig.pass(5000)
  assert.equal(rig.outcomes['no-endpoint'], client.text.split('HTTP/1.1 503').length - 1)
  client.rst(-1)
  rig.conclude()
})

test('empty lines between requests: one is skipped, two are refused', () => {
  const rig = rigWith()
  const client = rig.client(`${get('/a')}\r\n${get('/b')}`)
  rig.until(() => client.text.endsWith('</b>'))
  client.send(`\r\n\r\n${get('/c')}`)
  rig.until(() => client.finReceived)
  assert.match(client.text, /HTTP\/1\.1 400 Bad Request/)
  rig.conclude()
})
