import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBackend } from '../support/backend.ts'
import { scrape } from '../support/observe.ts'
import { startTraffic } from '../support/traffic.ts'
import { startWeir, until } from '../support/weir.ts'

const configText = (cluster: readonly string[]): string => `
shards: 2
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
drain: { window: 1ms, hard: 1s }
clusters:
  web:
${cluster.map((line) => `    ${line}\n`).join('')}`

test('Prequal’s probes: made while there is traffic, on kept connections, at most as many as allowed; what servers report decides', async (t) => {
  const probed = [0, 0]
  let connections = 0
  const [busy, idle] = await Promise.all(
    [40, 0].map((rif, index) =>
      startBackend(t, ({ url }, response) => {
        if (url === '/probe') {
          probed[index]!++
          response.setHeader('endpoint-load-metrics', `TEXT named_metrics.rif=${rif},named_metrics.latency=5`)
        }
        response.end(rif === 0 ? 'idle' : 'busy')
      }),
    ),
  )
  assert.ok(busy !== undefined && idle !== undefined)
  idle.server.on('connection', () => connections++)
  const weir = await startWeir(
    t,
    configText([
      `endpoints: [${busy.address}, ${idle.address}]`,
      'policy: { name: prequal, path: /probe, maxProbesPerSecond: 50 }',
    ]),
  )
  assert.deepEqual(probed, [0, 0], 'no traffic, no probes')
  const fromMs = performance.now()
  const traffic = startTraffic(t, weir.url('web'), 4)
  const total = (): number => probed[0]! + probed[1]!
  const answered = async (): Promise<number> =>
    (await scrape(weir)).value('weir_health_prequal_probes_total', { result: 'answered' })
  await until(async () => traffic.bodies.length > 200 && (await answered()) >= 40, 'there were probes')
  const seconds = (performance.now() - fromMs) / 1000
  assert.ok(total() <= seconds * 50 + 5, `${total()} in ${seconds} s`)
  await traffic.stop()
  const late = traffic.bodies.slice(100)
  assert.ok(late.filter((body) => body === 'idle').length > late.length * 0.8)
  assert.ok(probed[1]! > 3 * 2, 'more probes than two connections')
  assert.ok(connections < 20 + traffic.bodies.length / 10, `${connections} connections`)
})

test('the adaptive limit moves by what all shards see, and none is left when it is configured away', async (t) => {
  const { address } = await startBackend(t, (_incoming, response) => {
    setTimeout(() => response.end(), 5)
  })
  const adaptive = 'limits: { adaptive: { minLimit: 4, maxLimit: 50, window: 100ms } }'
  const weir = await startWeir(t, configText([`endpoints: [${address}]`, adaptive]))
  const limit = async (): Promise<number> => (await scrape(weir)).value('weir_cluster_adaptive_limit')
  assert.equal(await limit(), 4)
  const traffic = startTraffic(t, weir.url('web'), 6)
  await until(async () => (await limit()) > 10, 'it has grown')
  await traffic.stop()
  assert.ok((await limit()) <= 50)
  assert.deepEqual(
    traffic.statuses.filter((status) => status !== 200),
    [],
  )
  assert.match(await weir.reload(configText([`endpoints: [${address}]`])), /reloaded/)
  assert.ok(Number.isNaN(await limit()))
})

test('checks over all clusters keep to the cap: probes.maxPerSecond', async (t) => {
  const { address } = await startBackend(t, (_incoming, response) => void response.end(), '0.0.0.0')
  const port = Number(address.split(':')[1])
  const endpoints = Array.from({ length: 40 }, (_, i) => `127.0.0.${i + 1}:${port}`).join(', ')
  const cluster = [`endpoints: [${endpoints}]`, 'health: { tcp: on, interval: 500ms, timeout: 400ms }']
  const weir = await startWeir(t, `probes: { maxPerSecond: 20 }${configText(cluster)}`)
  const fromMs = performance.now()
  const passed = async (): Promise<number> =>
    (await scrape(weir)).value('weir_health_probes_total', { result: 'passed' })
  const before = await passed()
  await until(async () => (await passed()) >= before + 40, 'forty checks were made')
  const seconds = (performance.now() - fromMs) / 1000
  assert.ok(
    seconds > 1,
    `${seconds} s: forty are three seconds' worth at most, of eighty that were due in one`,
  )
  assert.ok((await scrape(weir)).value('weir_health_probes_capped_total') > 0)
})
