import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ask, namedBackend, startBackend } from '../support/backend.ts'
import { startMortal } from '../support/mortal.ts'
import { scrape } from '../support/observe.ts'
import { startTraffic } from '../support/traffic.ts'
import { startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import type { Scope } from '../support/wire.ts'

const configText = (cluster: readonly string[]): string => `
shards: 2
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
drain: { window: 1ms, hard: 1s }
clusters:
  web:
    policy: round-robin
${cluster.map((line) => `    ${line}\n`).join('')}`

const addresses = (...backends: readonly { readonly address: string }[]): string =>
  `endpoints: [${backends.map(({ address }) => address).join(', ')}]`

/** A backend whose door can be closed and opened again, at the same address. */
async function doorBackend(
  t: Scope,
): Promise<{ address: string; close: () => Promise<void>; open: () => Promise<void> }> {
  const server = createServer((_incoming, response) => void response.end('door'))
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  t.after(close)
  return { address: `127.0.0.1:${port}`, close, open: () => listen(port) }
}

type Endpoint = { readonly address: string; readonly state: string; readonly why: string }

async function stateOf(weir: Weir, address: string): Promise<string> {
  const { body } = await ask(`${weir.adminUrl()}/api/v1/clusters`)
  const { clusters } = JSON.parse(body) as { clusters: { endpoints: Endpoint[] }[] }
  return clusters[0]?.endpoints.find((each) => each.address === address)?.state ?? 'unknown'
}

test('a backend that refuses is quarantined after three failures in a row, no client notices; when it is there again it comes back through slow start', async (t) => {
  const door = await doorBackend(t)
  const others = [await namedBackend(t, 'a'), await namedBackend(t, 'b')]
  const weir = await startWeir(
    t,
    configText([
      addresses(door, ...others),
      'outliers: { connect: { consecutive: 3 }, ejection: 1s, jitter: 0%, recoverAfter: 2, recoverInterval: 100ms }',
      'slowStart: { window: 300ms }',
      'retry: { attempts: 2 }',
    ]),
  )
  const traffic = startTraffic(t, weir.url('web'), 4)
  await until(() => traffic.bodies.includes('door'), 'it is asked')
  await door.close()
  const line = await weir.line(/web .* quarantined/)
  assert.match(
    line,
    /^weir: web 127\.0\.0\.1:\d+ quarantined: consecutive connection failures \(3\); back in 1 s at the earliest$/,
  )
  assert.ok(line.includes(door.address))
  assert.equal(await stateOf(weir, door.address), 'quarantined')
  const from = traffic.bodies.length
  await door.open()
  await weir.line(new RegExp(`${door.address} warming: recovered`))
  await weir.line(new RegExp(`${door.address} ready: recovered \\(warmed up\\)`))
  await until(() => traffic.bodies.slice(from).includes('door'), 'it is asked again')
  await traffic.stop()
  assert.deepEqual(
    traffic.statuses.filter((status) => status !== 200),
    [],
  )
  const metrics = await scrape(weir)
  assert.equal(metrics.value('weir_health_ejections_total', { rule: 'consecutive connection failures' }), 1)
  assert.ok(metrics.value('weir_health_probes_total', { result: 'passed' }) >= 2)
  assert.equal(metrics.value('weir_health_endpoints', { state: 'ready' }), 3)
})

test('HTTP checks take an endpoint down and bring it back; no request goes there meanwhile; a reload forgets nothing (haproxy #918, #2085; caddy #6410)', async (t) => {
  let sick = false
  const patient = await startBackend(t, ({ url }, response) => {
    if (url === '/healthz') response.statusCode = sick ? 503 : 200
    response.end('patient')
  })
  const other = await namedBackend(t, 'other')
  const health =
    'health: { http: /healthz, interval: 200ms, downInterval: 100ms, timeout: 2s, rise: 2, fall: 2 }'
  const text = configText([addresses(patient, other), health])
  const weir = await startWeir(t, text)
  await until(
    async () => (await scrape(weir)).value('weir_health_probes_total', { result: 'passed' }) >= 2,
    'checks pass',
  )
  sick = true
  assert.match(await weir.line(/ down: /), /down: checks fail \(status 503\)$/)
  await until(async () => (await stateOf(weir, patient.address)) === 'down', 'it is shown')
  assert.match(await weir.reload(text.replace('fall: 2', 'fall: 3')), /reloaded/)
  assert.equal(await stateOf(weir, patient.address), 'down')
  const traffic = startTraffic(t, weir.url('web'), 2)
  await until(() => traffic.statuses.length > 40, 'there was traffic')
  assert.ok(!traffic.bodies.includes('patient'))
  sick = false
  await weir.line(new RegExp(`${patient.address} (warming|ready): checks pass`))
  await until(() => traffic.bodies.includes('patient'), 'it is asked again')
  await traffic.stop()
  assert.deepEqual(
    traffic.statuses.filter((status) => status !== 200),
    [],
  )
})

test('after a reload that drops the checks nothing is checked any more (haproxy #3330), and who was down by them is back', async (t) => {
  let checks = 0
  const backend = await startBackend(t, ({ url }, response) => {
    if (url === '/healthz') checks++
    response.statusCode = url === '/healthz' ? 503 : 200
    response.end()
  })
  const other = await startBackend(t, (_incoming, response) => void response.end())
  const health = 'health: { http: /healthz, interval: 100ms, fall: 1, precheck: off }'
  const weir = await startWeir(t, configText([addresses(backend, other), health]))
  await weir.line(/ down: checks fail/)
  assert.match(await weir.reload(configText([addresses(backend, other)])), /reloaded/)
  assert.equal(await stateOf(weir, backend.address), 'ready')
  const before = checks
  await new Promise((resolve) => setTimeout(resolve, 400)) // four intervals: what was checked would show
  assert.equal(checks, before)
})

test('an agent drains its server and sets it to work again', async (t) => {
  const server = await namedBackend(t, 'a')
  const other = await namedBackend(t, 'b')
  let word = 'ready'
  const { createServer: createTcp } = await import('node:net')
  const agent = createTcp((socket) => {
    socket.on('error', () => {})
    socket.end(`${word}\n`)
  })
  agent.listen(0, '127.0.0.1')
  await once(agent, 'listening')
  t.after(() => void agent.close())
  const { port } = agent.address() as AddressInfo
  const weir = await startWeir(
    t,
    configText([addresses(server, other), `health: { agent: { port: ${port} }, interval: 100ms }`]),
  )
  word = 'drain up#backup runs'
  assert.match(
    await weir.line(new RegExp(`${server.address} draining`)),
    /its agent drains it \(backup runs\)$/,
  )
  word = 'ready up'
  await weir.line(new RegExp(`${server.address} ready: `))
})

test('a backend that turned slow is ejected by its latency, and by nothing else', async (t) => {
  let slow = false
  const lazy = await startBackend(t, (_incoming, response) => {
    setTimeout(() => response.end('lazy'), slow ? 400 : 1)
  })
  const others = [await namedBackend(t, 'a'), await namedBackend(t, 'b')]
  const weir = await startWeir(
    t,
    configText([
      addresses(lazy, ...others),
      'outliers: { latency: { window: 10s, factor: 3, floor: 50ms, minRequests: 5 }, ejection: 60s }',
    ]),
  )
  const traffic = startTraffic(t, weir.url('web'), 6)
  await until(() => traffic.bodies.filter((body) => body === 'lazy').length > 5, 'it is asked')
  slow = true
  const line = await weir.line(/ quarantined/)
  assert.ok(line.includes(`${lazy.address} quarantined: latency above the cluster (`), line)
  await traffic.stop()
  assert.deepEqual(
    traffic.statuses.filter((status) => status !== 200),
    [],
  )
})

for (const kind of ['throw', 'exit']) {
  test(`the health actor dies under load (${kind}): no request fails, what it decided stands, and its successor goes on`, async (t) => {
    const door = await doorBackend(t)
    const others = [await namedBackend(t, 'a'), await namedBackend(t, 'b')]
    const text = configText([
      addresses(door, ...others),
      'outliers: { connect: { consecutive: 3 }, ejection: 2s, jitter: 0%, recoverAfter: 1, recoverInterval: 100ms }',
      'retry: { attempts: 2 }',
    ])
    const weir = await startMortal(t, text, 'health', kind)
    const traffic = startTraffic(t, weir.url('web'), 4)
    await until(() => traffic.bodies.includes('door'), 'it is asked')
    await door.close()
    await weir.line(/ quarantined: consecutive connection failures/)
    await until(async () => (await stateOf(weir, door.address)) === 'quarantined', 'it is shown')
    weir.kill()
    await weir.line(/^weir: health ended unexpectedly/)
    assert.equal(await stateOf(weir, door.address), 'quarantined')
    await until(
      async () => (await scrape(weir)).value('weir_actor_restarts_total', { actor: 'health' }) === 1,
      'it is restarted',
    )
    assert.equal(await stateOf(weir, door.address), 'quarantined')
    await door.open()
    await weir.line(new RegExp(`${door.address} ready: recovered`))
    await until(() => traffic.bodies.slice(-100).includes('door'), 'it is asked again')
    await traffic.stop()
    assert.deepEqual(
      traffic.statuses.filter((status) => status !== 200),
      [],
    )
  })
}
