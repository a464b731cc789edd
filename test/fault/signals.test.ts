import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { namedBackend, startBackend } from '../support/backend.ts'
import { startLoad } from '../support/load.ts'
import { settingText, startProxy } from '../support/proxied.ts'
import { dataPlanePid, startWeir, until } from '../support/weir.ts'
import { dial, rawBackend } from '../support/wire.ts'

test('SIGHUP under load: listeners and clusters come and go, not one request fails', async (t) => {
  const backends = await Promise.all(['ok a', 'ok b', 'ok c'].map((name) => namedBackend(t, name)))
  const addresses = backends.map(({ address }) => address)
  const weir = await startProxy(t, { endpoints: addresses.slice(0, 1), shards: 2 })
  const url = weir.url('web')
  const running = startLoad(t, () => url, 12)
  for (let round = 0; round < 8; round++) {
    const endpoints = [addresses[round % 3] ?? '', addresses[(round + 1) % 3] ?? '']
    const base = settingText({ endpoints, shards: 2, cluster: `pool: { maxPerHost: ${4 + round} }` })
    const extra = round % 2 === 0 ? 'extra: { bind: 127.0.0.1:0 }, ' : ''
    const before = running.done()
    assert.match(await weir.reload(base.replace('listeners: { ', `listeners: { ${extra}`)), /^weir: reloaded/)
    await until(() => running.done() > before + 50, 'load goes on')
  }
  assert.match(await weir.reload('listeners: {}\n'), /refused/)
  await until(() => running.done() > 500, 'load goes on')
  await running.stop()
  assert.deepEqual(running.failures, [])
})

test('SIGTERM under load: what was begun is finished, nothing fails but connects, exit 0', async (t) => {
  const backend = await startBackend(t, (_incoming, response) => void setTimeout(() => response.end('ok'), 5))
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 2 })
  const url = weir.url('web')
  let stopping = false
  let refused = 0
  const running = startLoad(
    t,
    () => url,
    16,
    () => (refused++, stopping),
  )
  await until(() => running.done() > 200, 'load')
  stopping = true
  const exit = once(weir.process, 'exit')
  weir.process.kill('SIGTERM')
  assert.deepEqual(await exit, [0, null])
  await running.stop()
  assert.deepEqual(running.failures, [])
  assert.ok(refused > 0, 'the load met the closed door')
})

test('a request that is being answered when SIGTERM comes is answered whole, and told that the connection ends', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const backend = await rawBackend(t, async (wire) => {
    await wire.request()
    await goOn.promise
    wire.send('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate')
  })
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 1 })
  const wire = await dial(t, weir.addresses().get('web') ?? '')
  const idle = await dial(t, weir.addresses().get('web') ?? '')
  wire.send('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n')
  await until(() => backend.wires.length === 1, 'it is under way')
  const exit = once(weir.process, 'exit')
  weir.process.kill('SIGTERM')
  assert.equal(await idle.ending(), 'end') // from here on the shard is known to drain
  goOn.resolve()
  const response = await wire.response()
  assert.equal(response.body.toString(), 'late')
  assert.equal(response.headers['connection'], 'close')
  assert.equal(await wire.ending(), 'end')
  assert.deepEqual(await exit, [0, null])
})

test('a second SIGTERM stops at once, whatever is under way', async (t) => {
  const backend = await rawBackend(t, () => {})
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 2, more: '' })
  const wire = await dial(t, weir.addresses().get('web') ?? '')
  wire.send('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n')
  await until(() => backend.wires.length === 1, 'it is under way')
  const exit = once(weir.process, 'exit')
  weir.process.kill('SIGTERM')
  await weir.line(/SIGTERM: draining/)
  const sinceMs = performance.now()
  weir.process.kill('SIGTERM')
  assert.deepEqual(await exit, [143, null])
  assert.ok(performance.now() - sinceMs < 1000)
})

test('drain.hard resets what does not end by itself, exit 0', async (t) => {
  const backend = await rawBackend(t, () => {})
  const text = settingText({ endpoints: [backend.address], shards: 2 }).replace('hard: 5s', 'hard: 300ms')
  const weir = await startWeir(t, text)
  const wire = await dial(t, weir.addresses().get('web') ?? '')
  wire.send('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n')
  await until(() => backend.wires.length === 1, 'it is under way')
  const exit = once(weir.process, 'exit')
  weir.process.kill('SIGTERM')
  assert.equal(await wire.ending(), 'reset')
  assert.deepEqual(await exit, [0, null])
})

test('SIGKILL leaves nothing behind that keeps its successor from starting: ports and socket files', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const folder = await mkdtemp(join(tmpdir(), 'weir-kill-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const probe = await startProxy(t, { endpoints: [backend.address] })
  const port = probe.addresses().get('web')?.split(':')[1] ?? ''
  await probe.stop()
  const text = `
shards: 2
listeners: { web: { bind: ["127.0.0.1:${port}", "unix:${folder}/weir"] } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: [${backend.address}] } }
`
  for (let life = 0; life < 2; life++) {
    const weir = await startWeir(t, text)
    for (const address of [`127.0.0.1:${port}`, `unix:${folder}/weir`]) {
      const wire = await dial(t, address)
      wire.send('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n')
      assert.equal((await wire.response()).body.toString(), 'ok')
    }
    const exit = once(weir.process, 'exit')
    const dataPlane = dataPlanePid(weir)
    weir.process.kill('SIGKILL')
    process.kill(dataPlane, 'SIGKILL')
    await exit
    await until(() => !existsSync(`/proc/${dataPlane}/fd/0`), 'the data plane is gone')
  }
})
