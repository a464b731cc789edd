import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namedBackend } from '../support/backend.ts'
import { scrape } from '../support/observe.ts'
import { FAULTS, fault, faulty, isBack } from '../support/fault.ts'
import { dialWeir, GET, settingText, startProxy } from '../support/proxied.ts'
import { scriptedBackend } from '../support/scripted.ts'
import { startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'

test('a reload that takes away the endpoint of a request under way: it is finished there, the next goes elsewhere', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const old = await rawBackend(t, async (wire) => {
    await wire.request()
    wire.send('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nold')
    await goOn.promise
    wire.send('est')
  })
  const next = await namedBackend(t, 'next')
  const weir = await startProxy(t, { endpoints: [old.address], shards: 1 })
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  await wire.until(({ text }) => text.endsWith('old'), 'the first half')
  assert.match(await weir.reload(settingText({ endpoints: [next.address], shards: 1 })), /^weir: reloaded/)
  goOn.resolve()
  assert.equal((await wire.response()).body.toString(), 'oldest')
  wire.send(GET)
  assert.equal((await wire.response()).body.toString(), 'next')
  await until(() => old.wires[0]?.ended !== undefined, 'the old connection is closed, not kept')
})

test('a request that waits for a connection to an endpoint that a reload takes away is still answered by it', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const old = await scriptedBackend(t, async (wire) => {
    await wire.request()
    await goOn.promise
    wire.send('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold')
  })
  const cluster = 'pool: { maxPerHost: 1 }'
  const weir = await startProxy(t, { endpoints: [old.address], shards: 1, cluster })
  const wires = [await dialWeir(t, weir), await dialWeir(t, weir)]
  for (const wire of wires) wire.send(GET)
  await until(async () => (await scrape(weir)).value('weir_cluster_exchanges_waiting') === 1, 'one waits')
  const next = await namedBackend(t, 'next')
  await weir.reload(settingText({ endpoints: [next.address], shards: 1, cluster }))
  goOn.resolve()
  for (const wire of wires) assert.equal((await wire.response()).body.toString(), 'old')
})

test('a listener that a reload takes away: its socket is closed, connections made before are served until its drain closes them', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const text = settingText({ endpoints: [backend.address], shards: 2 })
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 2 })
  const drains = [
    'patient: { bind: 127.0.0.1:0, drain: { window: 24h, hard: 25h } }',
    'extra: { bind: 127.0.0.1:0, drain: { window: 1s } }',
  ]
  await weir.reload(text.replace('listeners: { ', `listeners: { ${drains.join(', ')}, `))
  const wires = await Promise.all(Array.from({ length: 30 }, () => dialWeir(t, weir, 'extra')))
  for (const one of wires) {
    one.send(GET)
    assert.equal((await one.response()).status, 200)
  }
  const wire = await dialWeir(t, weir, 'patient')
  const address = weir.addresses().get('extra') ?? ''
  wire.send(GET)
  assert.equal((await wire.response()).status, 200)
  await weir.reload(text)
  const endings = Promise.all(
    wires.map((one) => one.ending().then((ending) => ({ ending, atMs: performance.now() }))),
  )
  wire.send(GET)
  assert.equal((await wire.response()).status, 200)
  await assert.rejects(fetch(`http://${address}/`))
  const ended = await endings
  assert.ok(ended.every(({ ending }) => ending === 'end'))
  const times = ended.map(({ atMs }) => atMs).toSorted((a, b) => a - b)
  assert.ok(times.at(-1)! - times[0]! > 300, 'not all at once')
  wire.send(GET)
  assert.equal((await wire.response()).status, 200)
  wire.socket.destroy() // its drain is its listener's own: stopping would wait for it
})

test('tunnels outlive reloads that take away what they go through, and the deaths of their shards behind those (WebSockets dropped: caddy #5471, #7222; pingora #690)', async (t) => {
  const backend = await rawBackend(t, async (wire) => {
    await wire.request()
    wire.send('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    wire.socket.pipe(wire.socket)
  })
  const text = faulty(settingText({ endpoints: [backend.address], shards: 1, more: FAULTS }))
  const weir = await startWeir(t, text)
  const wire = await dialWeir(t, weir)
  wire.send('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
  assert.equal((await wire.response()).status, 101)
  const echo = async (word: string): Promise<void> => {
    wire.send(word)
    await wire.until((got) => got.text.endsWith(word), `the echo of ${word}`)
  }
  const later = [
    text.replace(backend.address, '127.0.0.1:1'),
    text.replaceAll('web: {', 'other: {').replace('cluster: web', 'cluster: other'),
    text
      .replaceAll('web: {', 'other: {')
      .replace('cluster: web', 'cluster: other')
      .replace(backend.address, '127.0.0.1:1'),
  ]
  const alone = weir.line(/^ {2}shard 0: nobody else serves now: new connections wait for its successor/)
  for (const [i, changed] of later.entries()) {
    assert.match(await weir.reload(changed), /^weir: reloaded/)
    await echo(`reloaded ${i};`)
    await fault(weir, 0, 'exit')
    await isBack(weir, 0, i + 1)
    await echo(`succeeded ${i};`)
  }
  await alone
  wire.socket.end()
  await wire.ending()
})

test('a port that is taken on reload: refused with its name, nothing changes, and the next reload works', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 2 })
  const port = backend.address.split(':')[1] ?? ''
  const text = settingText({ endpoints: [backend.address], shards: 2 })
  const from = weir.lines.length
  const verdict = await weir.reload(
    text.replace('listeners: { ', `listeners: { taken: { bind: 127.0.0.1:${port} }, `),
  )
  assert.match(verdict, /refused/)
  assert.ok(weir.lines.slice(from).some((line) => line.includes(`taken: 127.0.0.1:${port} is taken by`)))
  await served(t, weir)
  assert.match(await weir.reload(text), /^weir: reloaded/)
  await served(t, weir)
})

test('thirty reloads at once end in the last configuration', async (t) => {
  const backends = await Promise.all(['a', 'b'].map((name) => namedBackend(t, name)))
  const text = (index: number): string =>
    settingText({ endpoints: [backends[index % 2]?.address ?? ''], shards: 2 })
  const weir = await startProxy(t, { endpoints: [backends[0]?.address ?? ''], shards: 2 })
  for (let i = 0; i < 30; i++) {
    await weir.write(text(i))
    weir.process.kill('SIGHUP')
  }
  await until(async () => (await served(t, weir)) === 'b', 'the last one is in force')
  await weir.reload(text(1))
  assert.equal(await served(t, weir), 'b')
})

async function served(t: Parameters<typeof dialWeir>[0], weir: Weir): Promise<string> {
  const wire = await dialWeir(t, weir)
  wire.send(GET)
  const { status, body } = await wire.response()
  assert.equal(status, 200)
  return body.toString()
}
