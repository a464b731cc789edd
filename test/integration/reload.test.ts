import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ask, namedBackend, startBackend } from '../support/backend.ts'
import { dialWeir } from '../support/proxied.ts'
import { startWeir, until } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'

type Listeners = Readonly<Record<string, string>>

const config = (listeners: Listeners, endpoint: string, more = ''): string => {
  const lines = Object.entries(listeners).map(([name, bind]) => `  ${name}: { bind: ${bind} }`)
  return `admin: { bind: 127.0.0.1:0 }
listeners:
${lines.join('\n')}
routes: [{ cluster: web }]
clusters: { web: { endpoints: [${endpoint}] } }
drain: { window: 50ms, hard: 2s }
${more}`
}

const anyPort = '127.0.0.1:0'

test('SIGHUP publishes the new configuration; requests under way finish on the old one', async (t) => {
  const release = Promise.withResolvers<void>()
  const slow = await startBackend(
    t,
    (_incoming, response) => void release.promise.then(() => response.end('old')),
  )
  const fresh = await namedBackend(t, 'new')
  const weir = await startWeir(t, config({ web: anyPort }, slow.address))
  const underWay = ask(weir.url('web'))
  await until(() => slow.requests() === 1, 'the old backend has the request')
  assert.match(await weir.reload(config({ web: anyPort }, fresh.address)), /^weir: reloaded, version 2 /)
  assert.equal((await ask(weir.url('web'))).body, 'new')
  release.resolve()
  assert.equal((await underWay).body, 'old')
})

test('listeners are added and removed; one that is renamed keeps its socket and the connections on it', async (t) => {
  const backend = await namedBackend(t, 'here')
  const weir = await startWeir(t, config({ web: anyPort }, backend.address))
  const first = weir.addresses().get('web') ?? ''
  await weir.reload(config({ web: first, more: anyPort }, backend.address))
  assert.equal(weir.addresses().get('web'), first)
  assert.equal((await ask(weir.url('more'))).body, 'here')
  const second = weir.addresses().get('more') ?? ''
  await weir.reload(config({ renamed: first }, backend.address))
  assert.deepEqual([...weir.addresses().keys()], ['renamed', 'admin'])
  assert.equal((await ask(weir.url('renamed'))).body, 'here')
  await assert.rejects(ask(`http://${second}`), { code: 'ECONNREFUSED' })
  const metrics = (await ask(`${weir.adminUrl()}/metrics`)).body
  assert.match(metrics, /weir_listener_connections_accepted_total\{listener="renamed"\} 1\b/)
})

test('a listener is removed under its WebSockets: they go on, though a request is reset at the hard end of its drain', async (t) => {
  const backend = await rawBackend(t, async (wire) => {
    await wire.until(({ text }) => text.endsWith('\r\n\r\n'), 'a request')
    if (wire.text.startsWith('GET /slow')) return
    wire.send('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    await wire.until(({ text }) => text.endsWith('ping'), 'a message')
    wire.send('pong')
  })
  const soon = (text: string): string => text.replace('hard: 2s', 'hard: 500ms')
  const weir = await startWeir(t, soon(config({ web: anyPort, other: anyPort }, backend.address)))
  const socket = await dialWeir(t, weir, 'other')
  socket.send(
    'GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n',
  )
  await socket.until(({ text }) => text.startsWith('HTTP/1.1 101') && text.endsWith('\r\n\r\n'), 'the switch')
  const slow = await dialWeir(t, weir, 'other')
  slow.send('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n')
  await until(() => backend.wires.length === 2, 'it is under way')
  await weir.reload(soon(config({ web: anyPort }, backend.address)))
  assert.equal(await slow.ending(), 'reset')
  socket.send('ping')
  await socket.until(({ text }) => text.endsWith('pong'), 'an answer')
  assert.equal(socket.ended, undefined)
})

test('a refused reload changes nothing and says everything: on stderr and as problem+json', async (t) => {
  const backend = await namedBackend(t, 'still here')
  const weir = await startWeir(t, config({ web: anyPort }, backend.address))
  const before = weir.addresses().get('web')
  const bad = 'listeners: { web: { bnd: 127.0.0.1:0 } }\nclusterz: {}\n'
  assert.match(await weir.reload(bad), /^weir: reload refused/)
  assert.ok(
    weir.lines.some((line) => /weir\.yaml:1:\d+: .*bnd/.test(line)),
    weir.lines.join('\n'),
  )
  const answer = await ask(`${weir.adminUrl()}/api/v1/reload`, { method: 'POST' })
  assert.equal(answer.status, 422)
  assert.equal(answer.headers['content-type'], 'application/problem+json')
  const problem = JSON.parse(answer.body) as { status: number; problems: string[] }
  assert.equal(problem.status, 422)
  assert.ok(problem.problems.some((line) => /:1:\d+: .*bnd.*did you mean "bind"/.test(line)))
  assert.ok(problem.problems.some((line) => /:2:1: clusterz/.test(line)))
  assert.equal(weir.addresses().get('web'), before)
  assert.equal((await ask(weir.url('web'))).body, 'still here')
})

test('a port that cannot be had refuses the reload and leaves no other new listener open', async (t) => {
  const squatter = createServer().listen(0, '127.0.0.1')
  t.after(() => squatter.close())
  await once(squatter, 'listening')
  const taken = `127.0.0.1:${(squatter.address() as AddressInfo).port}`
  const free = await freeAddress()
  const backend = await namedBackend(t, 'here')
  const weir = await startWeir(t, config({ web: anyPort }, backend.address))
  const web = weir.addresses().get('web') ?? ''
  assert.match(await weir.reload(config({ web, free, taken }, backend.address)), /^weir: reload refused/)
  assert.ok(weir.lines.some((line) => line.includes(`weir: listener taken: ${taken} is taken by`)))
  await assert.rejects(ask(`http://${free}`), { code: 'ECONNREFUSED' })
  assert.equal((await ask(`http://${web}`)).body, 'here')
  const again = await weir.reload(config({ web, free }, backend.address))
  assert.match(again, /^weir: reloaded, version 2 /, 'what was refused is no version')
})

test('POST reload: the version goes up; the admin listener moves without a gap; more shards are there when it is answered', async (t) => {
  const backend = await namedBackend(t, 'here')
  const weir = await startWeir(t, config({ web: anyPort }, backend.address, 'shards: 1'))
  const before = weir.adminUrl()
  const moved = await freeAddress()
  await weir.write(
    config({ web: anyPort }, backend.address, 'shards: 2').replace(
      /admin: .*/,
      `admin: { bind: "${moved}" }`,
    ),
  )
  const answer = await ask(`${before}/api/v1/reload`, { method: 'POST' })
  assert.equal(answer.status, 200, answer.body)
  const { version, warnings } = JSON.parse(answer.body) as { version: number; warnings: string[] }
  assert.equal(version, 2)
  assert.deepEqual(warnings, [])
  await weir.line(/^weir: reloaded/)
  assert.equal(weir.addresses().get('admin'), moved)
  assert.equal((await ask(`http://${moved}/readyz`)).status, 200)
  await until(async () => !(await answers(before)), 'the old admin address is closed')
  const shards = JSON.parse((await ask(`http://${moved}/api/v1/shards`)).body) as {
    version: number
    shards: { state: string }[]
  }
  assert.deepEqual(
    shards.shards.map(({ state }) => state),
    ['running', 'running'],
  )
  assert.equal(shards.version, version)
})

test('a burst of SIGHUPs ends with the last configuration in force', async (t) => {
  const one = await namedBackend(t, 'one')
  const two = await namedBackend(t, 'two')
  const weir = await startWeir(t, config({ web: anyPort }, one.address))
  const web = weir.addresses().get('web') ?? ''
  for (let n = 0; n < 20; n++) {
    await weir.write(config({ web: anyPort }, n % 2 === 0 ? one.address : two.address))
    weir.process.kill('SIGHUP')
  }
  await until(async () => (await ask(`http://${web}`)).body === 'two', 'the last one is in force')
  assert.equal(weir.addresses().get('web'), web)
})

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

async function answers(url: string): Promise<boolean> {
  try {
    await ask(url)
    return true
  } catch {
    return false
  }
}
