/** Retries, hedges and load reports with real sockets, under load. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, namedBackend, startBackend } from '../support/backend.ts'
import { scrape } from '../support/observe.ts'
import { startProxy } from '../support/proxied.ts'
import { startTraffic } from '../support/traffic.ts'
import { until } from '../support/weir.ts'

test('a backend that is killed under load costs no client an error', async (t) => {
  const backends = await Promise.all(['a', 'b', 'c'].map((name) => namedBackend(t, name)))
  const weir = await startProxy(t, {
    endpoints: backends.map(({ address }) => address),
    cluster: 'retry: { attempts: 2, on: [connect, reset], budget: { ratio: 100%, perSecond: 1000 } }',
  })
  const traffic = startTraffic(t, weir.url('web'), 8)
  const victim = backends[0]!
  await until(() => victim.requests() > 50, 'all three are in use')
  victim.server.close()
  victim.server.closeAllConnections()
  const seen = traffic.bodies.length
  await until(() => traffic.bodies.length > seen + 500, 'traffic goes on')
  await traffic.stop()
  assert.deepEqual(
    traffic.statuses.filter((status) => status !== 200),
    [],
  )
  const metrics = await scrape(weir)
  assert.ok(metrics.value('weir_cluster_retries_total') > 0)
  assert.equal(metrics.value('weir_cluster_retries_refused_total'), 0)
})

test('an endpoint where nobody listens is tried in vain and blamed; each request is answered by the other', async (t) => {
  const [good, bad] = await Promise.all([namedBackend(t, 'good'), namedBackend(t, 'bad')])
  bad.server.close()
  const weir = await startProxy(t, {
    endpoints: [good.address, bad.address],
    cluster: 'policy: round-robin, outliers: { connect: off }, retry: { attempts: 1, on: [connect] }',
  })
  for (let i = 0; i < 8; i++) {
    const { status, body } = await ask(weir.url('web'), { method: 'POST', body: 'not to be done twice' })
    assert.deepEqual([status, body], [200, 'good'])
  }
  const metrics = await scrape(weir)
  const failed = metrics.value('weir_endpoint_failures_total', {
    endpoint: bad.address,
    failure: 'connect-refused',
  })
  assert.ok(failed >= 3, String(failed))
})

test('load reports are hidden from clients, in heads and in trailers', async (t) => {
  const { address } = await startBackend(t, (_incoming, response) => {
    response.setHeader('endpoint-load-metrics', 'JSON {"cpu_utilization":0.5}')
    response.setHeader('trailer', 'endpoint-load-metrics, x-sum')
    response.write('part')
    response.addTrailers({ 'endpoint-load-metrics': 'TEXT cpu_utilization=0.75', 'x-sum': '1' })
    response.end()
  })
  const weir = await startProxy(t, { endpoints: [address], shards: 1, cluster: 'feedback: { orca: on }' })
  const { headers, body } = await ask(weir.url('web'))
  assert.equal(headers['endpoint-load-metrics'], undefined)
  assert.equal(body, 'part')
  const metrics = await scrape(weir)
  assert.equal(metrics.value('weir_cluster_reports_total'), 2)
})

test('a hedge answers for a backend that hangs', async (t) => {
  const [slow, quick] = await Promise.all([startBackend(t, () => {}), namedBackend(t, 'quick')])
  const weir = await startProxy(t, {
    endpoints: [slow.address, quick.address],
    cluster: 'policy: round-robin, hedge: { delay: 50ms }, retry: { budget: { ratio: 100% } }',
  })
  const answers = await Promise.all(Array.from({ length: 6 }, () => ask(weir.url('web'))))
  assert.deepEqual(new Set(answers.map(({ body }) => body)), new Set(['quick']))
  const metrics = await scrape(weir)
  assert.ok(metrics.value('weir_cluster_hedges_won_total') >= 1)
})
