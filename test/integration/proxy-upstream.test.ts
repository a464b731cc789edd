import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { ask, namedBackend } from '../support/backend.ts'
import { fullListener } from '../support/full-listener.ts'
import { scrape } from '../support/observe.ts'
import { dialWeir, exchange, GET, ok, startProxy } from '../support/proxied.ts'
import { answering, scriptedBackend } from '../support/scripted.ts'
import { startWeir, until } from '../support/weir.ts'
import { dial, rawBackend } from '../support/wire.ts'

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-socket-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A port nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('an endpoint that refuses: 502 with proxy-status, and no address in it', async (t) => {
  const port = await closedPort()
  const folder = await folderOf(t)
  const full = await fullListener(t, join(folder, 'full'))
  const weir = await startWeir(
    t,
    `
shards: 1
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: tcp }, { path: /unix, cluster: unix }, { path: /full, cluster: full }]
clusters:
  tcp: { endpoints: ["127.0.0.1:${port}"] }
  unix: { endpoints: ["unix:${folder}/nobody"] }
  full: { endpoints: ["${full}"] }
`,
  )
  const wire = await dialWeir(t, weir)
  for (const path of ['/', '/unix', '/full']) {
    wire.send(`GET ${path} HTTP/1.1\r\nhost: a.example\r\n\r\n`)
    const response = await wire.response()
    assert.equal(response.status, 502, path)
    assert.equal(response.headers['proxy-status'], 'weir; error=connection_refused')
    assert.doesNotMatch(response.body.toString(), new RegExp(`127\\.0\\.0\\.1|${port}|${folder}`))
  }
})

test('unix sockets and IPv6, as listeners and as endpoints', async (t) => {
  const folder = await folderOf(t)
  const unix = await rawBackend(t, answerForEver('unix'), join(folder, 'backend'))
  const six = await rawBackend(t, answerForEver('six'), '::1')
  const weir = await startWeir(
    t,
    `
shards: 2
listeners:
  web: { bind: ["127.0.0.1:0", "unix:${folder}/weir"] }
  six: { bind: "[::1]:0" }
routes: [{ path: /unix, cluster: unix }, { path: /six, cluster: six }]
clusters: { unix: { endpoints: ["${unix.address}"] }, six: { endpoints: ["${six.address}"] } }
`,
  )
  const sixAddress = weir.addresses().get('six') ?? ''
  assert.match(sixAddress, /^\[::1\]:\d+$/)
  for (const address of [`unix:${folder}/weir`, sixAddress]) {
    const wire = await dial(t, address)
    for (const name of ['unix', 'six']) {
      wire.send(`GET /${name} HTTP/1.1\r\nhost: a.example\r\n\r\n`)
      assert.equal((await wire.response()).body.toString(), name)
    }
  }
  const seen = await unix.wires[0]?.until(({ ended }) => ended === undefined, 'it is kept')
  assert.equal(seen, true)
})

test('host:port endpoints are resolved; a name that does not resolve is a warning and a 503', async (t) => {
  const backend = await namedBackend(t, 'by name')
  const port = backend.address.split(':')[1]
  const weir = await startWeir(
    t,
    `
shards: 1
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: named }, { path: /lost, cluster: lost }]
clusters: { named: { endpoints: ["localhost:${port}"] }, lost: { endpoints: ["does-not-exist.invalid:80"] } }
`,
  )
  assert.ok(
    weir.lines.some((line) => /warning: .*does-not-exist\.invalid/.test(line)),
    weir.lines.join('\n'),
  )
  const lost = await ask(`${weir.url('web')}/lost`)
  assert.equal(lost.status, 503)
  assert.equal(lost.headers['proxy-status'], 'weir; error=destination_unavailable')
  // localhost may be two addresses, of which the backend listens on one.
  const statuses = await Promise.all(
    Array.from({ length: 8 }, async () => (await ask(weir.url('web'))).status),
  )
  assert.ok(statuses.includes(200), statuses.join())
})

test('weighted round robin: shares are exact', async (t) => {
  const backends = await Promise.all(['a', 'b', 'c'].map((name) => namedBackend(t, name)))
  const endpoints = backends.map(({ address }, i) => `{ address: "${address}", weight: ${[1, 2, 5][i]} }`)
  const weir = await startWeir(
    t,
    `
shards: 1
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters: { web: { policy: round-robin, endpoints: [${endpoints.join(', ')}] } }
`,
  )
  const wire = await dialWeir(t, weir)
  const picks = new Map<string, number>()
  for (let i = 0; i < 80; i++) {
    wire.send(GET)
    const name = (await wire.response()).body.toString()
    picks.set(name, (picks.get(name) ?? 0) + 1)
  }
  const shares = new Map([
    ['a', 10],
    ['b', 20],
    ['c', 50],
  ])
  assert.deepEqual(picks, shares)
})

test('maxPerHost holds over two shards: who waits on one gets the place that the other frees, in time or 503', async (t) => {
  let busy = 0
  let most = 0
  const release = Promise.withResolvers<void>()
  const backend = await rawBackend(t, async (wire) => {
    for (;;) {
      const { line } = await wire.request()
      most = Math.max(most, ++busy)
      if (line.includes('/hold')) await release.promise
      await new Promise((resolve) => setTimeout(resolve, 5)) // long enough to be met by another one
      busy--
      wire.send(ok('ok'))
    }
  })
  const weir = await startProxy(t, {
    endpoints: [backend.address],
    shards: 2,
    cluster: 'pool: { maxPerHost: 1 }, timeouts: { queue: 500ms }',
  })
  const holder = await dialWeir(t, weir)
  holder.send('GET /hold HTTP/1.1\r\nhost: a.example\r\n\r\n')
  await until(() => backend.wires.length === 1, 'it has the only connection')
  // The kernel deals connections to shards by hash: of sixteen some are with the other one.
  const waiting = await Promise.all(Array.from({ length: 16 }, () => dialWeir(t, weir)))
  for (const wire of waiting) wire.send(GET)
  const late = await Promise.all(waiting.map((wire) => wire.response()))
  for (const response of late) {
    assert.equal(response.status, 503)
    assert.equal(response.headers['proxy-status'], 'weir; error=connection_limit_reached')
  }
  for (const wire of waiting) wire.send(GET)
  await until(async () => (await scrape(weir)).value('weir_cluster_exchanges_waiting') === 16, 'all wait')
  release.resolve()
  assert.equal((await holder.response()).status, 200)
  for (const response of await Promise.all(waiting.map((wire) => wire.response())))
    assert.equal(response.status, 200)
  assert.equal(most, 1)
  assert.equal((await scrape(weir)).value('weir_cluster_exchanges_waiting'), 0)
})

test('a full queue: 503 at once', async (t) => {
  const backend = await scriptedBackend(t, async (wire) => wire.ending())
  const weir = await startProxy(t, {
    endpoints: [backend.address],
    shards: 1,
    cluster: 'pool: { maxPerHost: 1, queue: 2 }',
  })
  const wires = await Promise.all(Array.from({ length: 4 }, () => dialWeir(t, weir)))
  for (const wire of wires) wire.send(GET)
  const full = await Promise.race(wires.map((wire) => wire.response()))
  assert.equal(full.status, 503)
  assert.equal(full.headers['proxy-status'], 'weir; error=connection_limit_reached')
})

test('a backend that closes its idle connection just when it is used again: GETs all succeed, no POST is sent twice', async (t) => {
  const posts = new Map<string, number>()
  const backend = await rawBackend(t, async (wire) => {
    // Answers once; at the sight of a second request it is already closing.
    const first = await wire.request()
    note(first.line)
    wire.send(ok('ok'))
    const second = await wire.until(({ text }) => /^\w+ \S+/.exec(text)?.[0], 'a second request')
    if (second.startsWith('POST')) note(second)
    wire.reset()
  })
  const note = (line: string): void => {
    const path = /^POST (\S+)/.exec(line)?.[1]
    if (path !== undefined) posts.set(path, (posts.get(path) ?? 0) + 1)
  }
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 1 })
  const wire = await dialWeir(t, weir)
  for (let i = 0; i < 40; i++) {
    wire.send(GET)
    assert.equal((await wire.response()).status, 200, `GET ${i}`)
  }
  for (let i = 0; i < 20; i++) {
    const { response } = await exchange(
      t,
      weir,
      `POST /${i} HTTP/1.1\r\nhost: a.example\r\ncontent-length: 4\r\n\r\nbody`,
    )
    assert.ok([200, 502].includes(response.status), String(response.status))
  }
  for (const [path, count] of posts) assert.equal(count, 1, path)
  assert.equal(posts.size, 20)
  const metrics = await scrape(weir)
  assert.ok(metrics.value('weir_cluster_stale_reuses_total') >= 20)
  assert.ok(metrics.value('weir_cluster_retries_total') >= 20)
})

test('an idle connection is closed after idleTimeout, and one that its backend closed is not used', async (t) => {
  const backend = await scriptedBackend(t)
  const weir = await startProxy(t, {
    endpoints: [backend.address],
    shards: 1,
    cluster: 'pool: { idleTimeout: 300ms }',
  })
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  await wire.response()
  backend.wires[0]?.socket.end()
  await until(() => backend.wires[0]?.ended !== undefined, 'it is closed on our side as well')
  backend.play(answering('new'))
  wire.send(GET)
  assert.equal((await wire.response()).body.toString(), 'new')
  assert.equal(backend.wires.length, 2)
  await until(() => backend.wires[1]?.ended !== undefined, 'it was closed for idling')
  await until(async () => (await scrape(weir)).value('weir_endpoint_connections') === 0, 'it is not counted')
})

function answerForEver(body: string): Parameters<typeof rawBackend>[1] {
  return async (wire) => {
    for (;;) await answering(body)(wire)
  }
}
