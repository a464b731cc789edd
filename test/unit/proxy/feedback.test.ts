/** What responses say of their endpoints: heard by the whole fleet, and not passed on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterSpec } from '../../../src/config/snapshot.ts'
import { FleetView } from '../../../src/shm/fleet-view.ts'
import { CLUSTER_TABLE } from '../../../src/telemetry/catalogue.ts'
import { get, parse, ProxyRig, respond } from '../../support/proxy-rig.ts'
import type { Answer } from '../../support/proxy-rig.ts'

const ORCA: Partial<ClusterSpec> = { feedback: { orca: true, retryAfterMaxMs: 60_000 } }

/** What another actor has come to know of endpoint 0. */
const viewOf = (rig: ProxyRig): FleetView => {
  const view = new FleetView(rig.shards[0]!.fleet, 'health')
  view.adopt(0, 0, 10_000)
  view.fold(rig.nowMs)
  return view
}

const counted = (rig: ProxyRig): number[] => {
  const { clusters } = rig.shards[0]!.fleet.stripe(0)
  return [clusters[CLUSTER_TABLE.column.reports]!, clusters[CLUSTER_TABLE.column.reportsRefused]!]
}

const exchange = (answer: Answer, cluster: Partial<ClusterSpec> = ORCA): { rig: ProxyRig; text: string } => {
  const rig = new ProxyRig({ cluster })
  rig.backend(answer)
  const client = rig.client(get())
  rig.until(() => rig.outcomes['complete'] === 1)
  rig.pass(100)
  return { rig, text: client.text }
}

test('a load report in the head is heard by the fleet and hidden from the client', () => {
  const { rig, text } = exchange(
    respond(
      'x',
      'X-A: 1\r\nEndpoint-Load-Metrics: TEXT application_utilization=0.5,rps_fractional=10,eps=1,named_metrics.rif=7,named_metrics.latency=30\r\nX-B: 2\r\n',
    ),
  )
  const { fields } = parse(text)
  assert.deepEqual([fields['x-a'], fields['x-b'], fields['endpoint-load-metrics']], ['1', '2', undefined])
  const view = viewOf(rig)
  assert.deepEqual([view.utilisation[0], view.reportedQps[0], view.reportedEps[0]], [0.5, 10, 1])
  assert.deepEqual([view.probedRif[0], view.probedLatencyMs[0]], [7, 30])
  assert.deepEqual(counted(rig), [1, 0])
  rig.conclude()
})

test('and one in a trailer, alone of the trailers', () => {
  const { rig, text } = exchange(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-sum: 1\r\nendpoint-load-metrics: JSON {"cpu_utilization":0.25,"eps":3}\r\nx-more: 2\r\n\r\n',
  )
  assert.match(text, /1\r\nx\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n$/)
  const view = viewOf(rig)
  assert.deepEqual([view.utilisation[0], view.reportedEps[0]], [0.25, 3])
  assert.deepEqual(counted(rig), [1, 0])
  rig.conclude()
})

test('an absurd one is hidden, counted and not believed', () => {
  const { rig, text } = exchange(respond('x', 'endpoint-load-metrics: TEXT cpu_utilization=NaN\r\n'))
  assert.equal(parse(text).fields['endpoint-load-metrics'], undefined)
  assert.equal(viewOf(rig).reportedAtMs[0], -1)
  assert.deepEqual(counted(rig), [0, 1])
  rig.conclude()
})

test('where it is not asked for, it is a field like others', () => {
  const { rig, text } = exchange(respond('x', 'endpoint-load-metrics: TEXT eps=1\r\n'), {})
  assert.equal(parse(text).fields['endpoint-load-metrics'], 'TEXT eps=1')
  assert.deepEqual(counted(rig), [0, 0])
  rig.conclude()
})

test('Retry-After makes an endpoint dear for as long as it says', () => {
  const policy = { name: 'failure-biased-ewma', module: undefined, options: {} }
  const dear = exchange('HTTP/1.1 503 X\r\nretry-after: 40\r\ncontent-length: 0\r\n\r\n', { ...ORCA, policy })
  assert.ok(viewOf(dear.rig).cost[0]! >= 40_000, String(viewOf(dear.rig).cost[0]))
  dear.rig.conclude()
  const plain = exchange('HTTP/1.1 503 X\r\nretry-after: 40\r\ncontent-length: 0\r\n\r\n', {
    policy,
    feedback: { orca: false, retryAfterMaxMs: 0 },
  })
  assert.ok(viewOf(plain.rig).cost[0]! < 40_000)
  plain.rig.conclude()
})

test('the loser of a hedge is not to blame, but known to be slow', () => {
  const rig = new ProxyRig({
    endpoints: ['10.0.0.1:80', '10.0.0.2:80'],
    cluster: {
      hedge: { delayMs: 500, attempts: 1 },
      retry: { attempts: 0, on: [], budget: { ratio: 1, perSecond: 1 } },
    },
  })
  for (const address of ['10.0.0.1:80', '10.0.0.2:80']) {
    rig.backend((_peer, _request) => (rig.nowMs < 400 ? undefined : respond('x')), address)
  }
  const client = rig.client(get())
  rig.until(() => client.text.endsWith('x'))
  rig.pass(100)
  const view = new FleetView(rig.shards[0]!.fleet, 'health')
  for (const slot of [0, 1]) view.adopt(slot, 0, 10_000)
  view.fold(rig.nowMs)
  const [least, most] = [...view.cost.subarray(0, 2)].toSorted((a, b) => a - b)
  assert.ok(most! >= 500 && least! < 100, `${least} ${most}`)
  assert.deepEqual([...view.inFlight.subarray(0, 2)], [0, 0])
  rig.conclude()
})
