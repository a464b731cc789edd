import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, namedBackend, startBackend } from '../support/backend.ts'
import { startWeir, until } from '../support/weir.ts'
import { parseExposition } from '../unit/telemetry/prometheus-parser.ts'
import type { ParsedFamily } from '../unit/telemetry/prometheus-parser.ts'

const config = (endpoints: readonly string[], admin = '127.0.0.1:0'): string => `
shards: 2
admin: { bind: "${admin}" }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters:
  web: { endpoints: [${endpoints.join(', ')}] }
  spare: { endpoints: [] }
drain: { window: 50ms, hard: 2s }
`

/** What tells how the balancer sees the fleet. */
const BALANCE_FAMILIES = [
  'weir_endpoint_state',
  'weir_endpoint_admin_state',
  'weir_endpoint_effective_weight',
  'weir_endpoint_cost_seconds',
  'weir_endpoint_ejections',
  'weir_endpoint_shadow_picks_total',
  'weir_cluster_panic',
  'weir_cluster_endpoints_healthy',
  'weir_cluster_retry_budget_used',
  'weir_cluster_shadow_picks_total',
  'weir_shard_fact_staleness_seconds',
  'weir_admin_patches_total',
  'weir_admin_overlays',
  'weir_explain_records_total',
  'weir_explain_dropped_total',
  'weir_explain_kept',
]

const ACTORS = ['shard 0', 'shard 1', 'main', 'acceptor', 'telemetry', 'health', 'discovery']

type Shards = {
  shards: {
    id: number
    state: string
    restarts: number
    connections: number
    requests: number
    utilisation: number
    heartbeatAgeMs: number | null
    heap: { usedBytes: number; limitBytes: number }
    cpuMs: number
    bytesIn: number
  }[]
  imbalance: Record<'busy' | 'connections' | 'requests' | 'bytes', { index: number }>
  bottleneck: unknown
}
type Endpoint = {
  address: string
  state: string
  weight: number
  inFlight: number
  picks: number
  successes: number
  failures: Record<string, number>
}
type Clusters = { clusters: { name: string; endpoints: Endpoint[] }[] }

test('shards, clusters and metrics tell what happened', async (t) => {
  const good = await namedBackend(t, 'good')
  const dead = await startBackend(t, () => {})
  dead.server.close()
  await once(dead.server, 'close')
  const weir = await startWeir(t, config([good.address, dead.address]))
  const statuses: number[] = []
  for (let n = 0; n < 8; n++) statuses.push((await ask(weir.url('web'))).status)
  const goods = statuses.filter((status) => status === 200).length
  assert.ok(goods >= 4)

  await until(async () => {
    const { shards } = await json<Shards>(`${weir.adminUrl()}/api/v1/shards`)
    return shards.reduce((sum, shard) => sum + shard.requests, 0) === 8
  }, 'all requests are counted')
  const { shards } = await json<Shards>(`${weir.adminUrl()}/api/v1/shards`)
  assert.deepEqual(
    shards.map(({ id, state, restarts }) => ({ id, state, restarts })),
    [0, 1].map((id) => ({ id, state: 'running', restarts: 0 })),
  )
  for (const { utilisation, heartbeatAgeMs, heap, cpuMs } of shards) {
    assert.ok(utilisation >= 0 && utilisation <= 1)
    assert.ok(heartbeatAgeMs !== null && heartbeatAgeMs >= 0 && heartbeatAgeMs < 20_000)
    assert.ok(heap.usedBytes > 1e6 && heap.usedBytes < heap.limitBytes && cpuMs > 0)
  }
  const { imbalance } = await json<Shards>(`${weir.adminUrl()}/api/v1/shards`)
  for (const { index } of Object.values(imbalance)) assert.ok(index >= 1 && index <= 2)

  const { clusters } = await json<Clusters>(`${weir.adminUrl()}/api/v1/clusters`)
  assert.deepEqual(
    clusters.map(({ name }) => name),
    ['web', 'spare'],
  )
  const [first, second] = clusters[0]?.endpoints ?? []
  assert.equal(first?.address, good.address)
  assert.equal(first.successes, goods)
  assert.equal(first.inFlight, 0)
  assert.equal(second?.address, dead.address)
  assert.ok((second.failures['connect-refused'] ?? 0) >= 1)

  const metrics = await ask(`${weir.adminUrl()}/metrics`)
  assert.match(metrics.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
  assert.ok(
    metrics.body.includes(
      `weir_endpoint_successes_total{cluster="web",endpoint="${good.address}"} ${goods}\n`,
    ),
  )
  const families = parseExposition(metrics.body)
  assertConventions(families)
  for (const name of BALANCE_FAMILIES) assert.ok(families.has(name), name)
  for (const actor of ACTORS)
    for (const name of ['cpu_seconds_total', 'heap_used_bytes', 'heartbeat_age_seconds', 'gc_pauses_total'])
      assert.ok(metrics.body.includes(`\nweir_thread_${name}{actor="${actor}"} `), `${name} ${actor}`)
  for (const what of ['busy', 'connections', 'requests', 'bytes'])
    assert.match(metrics.body, new RegExp(`^weir_shard_imbalance\\{of="${what}"\\} [12]`, 'm'))
})

test('healthz, readyz, HEAD, 404 and 405 with problem+json', async (t) => {
  const weir = await startWeir(t, config([]))
  const admin = weir.adminUrl()
  for (const path of ['/healthz', '/readyz', '/']) assert.equal((await ask(admin + path)).status, 200)
  const head = await ask(`${admin}/metrics`, { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.equal(head.body, '')
  assert.ok(Number(head.headers['content-length']) > 1000)
  for (const path of ['/nope', '/metrics/', '/__proto__', '/constructor']) {
    const missing = await ask(admin + path)
    assert.equal(missing.status, 404)
    assert.equal(missing.headers['content-type'], 'application/problem+json')
    assert.equal((JSON.parse(missing.body) as { status: number }).status, 404)
  }
  const wrong = await ask(`${admin}/api/v1/reload`)
  assert.equal(wrong.status, 405)
  assert.equal(wrong.headers['allow'], 'POST')
  const posted = await ask(`${admin}/metrics`, { method: 'POST', body: 'x' })
  assert.equal(posted.status, 405)
  assert.equal(posted.headers['allow'], 'GET, HEAD')
  const large = await ask(`${admin}/api/v1/reload`, {
    method: 'POST',
    headers: { 'content-length': 10_000_000 },
  }).catch(() => undefined)
  if (large !== undefined) assert.equal(large.status, 413)
})

test('the admin API asks for little: a huge head is refused, the program lives', async (t) => {
  const weir = await startWeir(t, config([]))
  const [host, port] = (weir.addresses().get('admin') ?? '').split(':')
  const socket = connect(Number(port), host)
  socket.on('error', () => {})
  socket.write(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`)
  const received: Buffer[] = []
  socket.on('data', (bytes: Buffer) => received.push(bytes))
  await new Promise((resolve) => socket.once('close', resolve))
  // The reset that follows may overtake the answer.
  if (received.length > 0) assert.match(Buffer.concat(received).toString(), /^HTTP\/1\.1 431/)
  assert.equal((await ask(`${weir.adminUrl()}/healthz`)).status, 200)
})

test('on a unix socket it is as good; open to others, the program warns', async (t) => {
  const path = join(tmpdir(), `weir-admin-${process.pid}.sock`)
  const weir = await startWeir(t, config([], `unix:${path}`))
  assert.equal((await ask('http://admin/readyz', { socketPath: path })).status, 200)
  assert.ok(!weir.lines.some((line) => line.includes('asks nobody')))
  const open = await startWeir(t, config([], '0.0.0.0:0'))
  assert.ok(
    open.lines.some((line) => /warning: admin 0\.0\.0\.0:0 can be reached from other machines/.test(line)),
  )
})

async function json<T>(url: string): Promise<T> {
  const answer = await ask(url)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'application/json')
  return JSON.parse(answer.body) as T
}

/** What promtool's linter asks, and the conventions of the Prometheus documentation. */
function assertConventions(families: ReadonlyMap<string, ParsedFamily>): void {
  for (const [name, { type, help, samples }] of families) {
    assert.match(name, /^weir_[a-z][a-z0-9_]*[a-z0-9]$/)
    assert.match(help, /^[A-Z0-9].*\.$/, name)
    assert.equal(
      type === 'counter',
      name.endsWith('_total'),
      `${name}: a counter ends in _total, nothing else does`,
    )
    assert.doesNotMatch(
      name,
      /_(ms|millis|milliseconds|us|micros|minutes|kib|mib|percent|counter|gauge|sum|count|bucket)(_|$)/,
      `${name}: base units, no suffix of a type`,
    )
    assert.ok(!/(_seconds|_bytes|_ratio)_(?!total$)/.test(name), `${name}: the unit is last`)
    for (const { labels } of samples)
      for (const label of labels.keys()) {
        assert.match(label, /^[a-z][a-z0-9_]*$/, name)
        assert.ok(
          label === 'le' ? type === 'histogram' : label === 'quantile' ? type === 'summary' : true,
          name,
        )
      }
  }
}
