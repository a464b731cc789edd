import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterFacts } from '../../src/control/facts-shape.ts'
import { ask, namedBackend, startBackend } from '../support/backend.ts'
import { startWeir, until, weir } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'

const config = (endpoints: readonly string[], cluster: string): string => `
shards: 2
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: [${endpoints.join(', ')}], ${cluster} } }
drain: { window: 50ms, hard: 2s }
`

async function factsOf(running: Weir): Promise<ClusterFacts> {
  return JSON.parse((await ask(`${running.adminUrl()}/api/v1/clusters/web`)).body) as ClusterFacts
}

test('what shards learn of the fleet is told: load as reported, cost, staleness, what the shadow would have done', async (t) => {
  const loaded = await startBackend(t, (_incoming, response) => {
    response.setHeader('endpoint-load-metrics', 'TEXT application_utilization=0.75,rps_fractional=40,eps=2')
    response.end('loaded')
  })
  const other = await namedBackend(t, 'other')
  const running = await startWeir(
    t,
    config([loaded.address, other.address], 'policy: p2c, shadow: random, feedback: { orca: on }'),
  )
  for (let n = 0; n < 30; n++)
    assert.equal((await ask(running.url('web'))).headers['endpoint-load-metrics'], undefined)
  await until(async () => {
    const { shadow } = await factsOf(running)
    return shadow?.picks === 30
  }, 'all picks are counted')
  const { endpoints, shadow, stalenessMs, sets } = await factsOf(running)
  const [first, second] = endpoints
  const { ageMs, ...load } = first?.load ?? { ageMs: -1 }
  assert.deepEqual(load, { utilisation: 0.75, requestsPerSecond: 40, errorsPerSecond: 2, source: 'header' })
  assert.ok(ageMs >= 0 && ageMs < 60_000, String(ageMs))
  assert.equal(second?.load, null)
  for (const { cost } of endpoints) assert.ok(cost !== null && cost.ms > 0 && cost.ms < 10_000)
  assert.ok((shadow?.agreed ?? 0) > 0 && (shadow?.agreed ?? 30) < 30)
  assert.equal(
    endpoints.reduce((sum, { shadowPicks }) => sum + shadowPicks, 0),
    30,
  )
  assert.ok((stalenessMs.p50 ?? -1) >= 0 && (stalenessMs.p99 ?? -1) >= (stalenessMs.p50 ?? 0))
  assert.deepEqual(sets, [{ name: 'priority 0', share: 1, panic: false, size: 2 }])
})

test('an endpoint whose checks fail is down, and why and since when is told, to people too', async (t) => {
  let healthy = true
  const sick = await startBackend(t, (_incoming, response) => {
    response.statusCode = healthy ? 200 : 503
    response.end('sick')
  })
  const well = await namedBackend(t, 'well')
  const health = 'health: { http: { path: / }, interval: 100ms, timeout: 1s, rise: 1, fall: 2 }'
  const running = await startWeir(t, config([sick.address, well.address], health))
  const before = Date.now()
  await until(
    async () =>
      (await factsOf(running)).endpoints.every(
        ({ why }) => why === 'checks pass' || why === 'nothing speaks against it',
      ),
    'checks pass',
  )
  healthy = false
  await until(async () => (await factsOf(running)).endpoints[0]?.state === 'down', 'it is down')
  const { endpoints, healthy: able } = await factsOf(running)
  assert.deepEqual([endpoints[0]?.why, endpoints[0]?.effectiveWeight, able], ['checks fail', 0, 1])
  const sinceMs = Date.parse(endpoints[0]?.since ?? '')
  assert.ok(sinceMs >= before - 50 && sinceMs <= Date.now() + 50, endpoints[0]?.since ?? 'never')
  for (let n = 0; n < 10; n++) assert.equal((await ask(running.url('web'))).body, 'well')
  const told = await weir('status', '--admin', running.addresses().get('admin') ?? '')
  assert.match(told.stdout, /^web .* 1 of 2 healthy/m)
  assert.match(
    told.stdout,
    new RegExp(`^  ${sick.address} +down +1 → 0 .*\\n    checks fail, for \\d+ s$`, 'm'),
  )
})
