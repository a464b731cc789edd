import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ENGINE_STATS } from '../../../src/io/engine.ts'
import { FleetView } from '../../../src/shm/fleet-view.ts'
import { FleetVoice } from '../../../src/shm/voice.ts'
import { ENGINE_METRICS } from '../../../src/telemetry/engine-metrics.ts'
import { renderExposition } from '../../../src/telemetry/exposition.ts'
import { fleetFamilies } from '../../../src/telemetry/fleet-metrics.ts'
import type { FleetNames } from '../../../src/telemetry/fleet-metrics.ts'
import { TryRecord } from '../../../src/telemetry/record.ts'
import { FoldRecorder } from '../../../src/telemetry/fold-recorder.ts'
import { OUTCOME } from '../../../src/telemetry/outcome.ts'
import { processFamilies } from '../../../src/telemetry/process-metrics.ts'
import { parseExposition } from './prometheus-parser.ts'
import type { ParsedFamily } from './prometheus-parser.ts'
import { makeFleet, makeRecord, makeRecorder } from './support.ts'

const names: FleetNames = {
  listeners: [
    { id: 2, name: 'web' },
    { id: 0, name: 'odd "name"\\\n' },
  ],
  clusters: [
    {
      id: 1,
      name: 'api',
      endpoints: [
        { id: 7, address: '127.0.0.1:9001' },
        { id: 8, address: '[::1]:9001' },
      ],
    },
    { id: 3, name: 'static', endpoints: [{ id: 9, address: 'unix:/run/x.sock' }] },
  ],
}

const valueOf = (
  families: Map<string, ParsedFamily>,
  name: string,
  labels: Record<string, string>,
): number => {
  const found = [...families.values()]
    .flatMap((family) => family.samples)
    .filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels.get(label) === value),
    )
  assert.equal(found.length, 1, `${name} ${JSON.stringify(labels)}`)
  return found[0]!.value
}

test('what two shards recorded comes out summed, in seconds, under its names', () => {
  const fleet = makeFleet()
  for (const shard of [0, 1]) {
    const recorder = makeRecorder(fleet, shard)
    recorder.setLogSample(1)
    recorder.connectionOpened(2)
    recorder.exchangeBegan(2)
    recorder.picked(1, 7)
    recorder.busy(1500)
    recorder.finish(
      makeRecord({
        listener: 2,
        cluster: 1,
        endpoint: 7,
        status: 200,
        firstByteMs: 3,
        durationMs: 4.5,
        queueMs: 250,
      }),
    )
    recorder.finish(
      makeRecord({ listener: 2, cluster: 1, endpoint: 8, status: 502, outcome: OUTCOME['upstream-reset'] }),
    )
    const tries = [
      { endpoint: 7, status: 200 },
      { endpoint: 8, outcome: OUTCOME['upstream-reset'] },
    ]
    for (const facts of tries) {
      recorder.picked(1, facts.endpoint)
      recorder.tryEnded(Object.assign(new TryRecord(), { cluster: 1, ...facts }))
    }
    fleet.stripe(shard).engine[ENGINE_STATS.indexOf('bytesRelayed')] = 1000 + shard
  }
  const text = renderExposition(fleetFamilies(fleet, names, ENGINE_STATS))
  const families = parseExposition(text)
  const value = (name: string, labels: Record<string, string>): number => valueOf(families, name, labels)
  assert.equal(value('weir_listener_connections_accepted_total', { listener: 'web' }), 2)
  assert.equal(value('weir_listener_connections_accepted_total', { listener: 'odd "name"\\\n' }), 0)
  assert.equal(value('weir_listener_exchanges_in_flight', { listener: 'web' }), 2)
  assert.equal(
    value('weir_listener_exchanges_total', { listener: 'web', outcome: 'complete', ended_by: 'none' }),
    2,
  )
  assert.equal(
    value('weir_cluster_exchanges_total', {
      cluster: 'api',
      outcome: 'upstream-reset',
      ended_by: 'upstream',
    }),
    2,
  )
  assert.equal(value('weir_cluster_queue_seconds_total', { cluster: 'api' }), 0.5)
  assert.equal(value('weir_endpoint_failures_total', { endpoint: '[::1]:9001', failure: 'reset' }), 2)
  assert.equal(value('weir_endpoint_responses_total', { endpoint: '127.0.0.1:9001', code: '2xx' }), 2)
  assert.equal(value('weir_endpoint_exchanges_in_flight', { cluster: 'api', endpoint: '127.0.0.1:9001' }), 2)
  assert.equal(value('weir_cluster_duration_seconds_count', { cluster: 'api' }), 4)
  assert.ok(Math.abs(value('weir_cluster_duration_seconds_sum', { cluster: 'api' }) - 0.009) < 1e-12)
  assert.equal(value('weir_cluster_duration_seconds_bucket', { cluster: 'api', le: '0.004096' }), 2)
  assert.equal(value('weir_cluster_duration_seconds_bucket', { cluster: 'api', le: '0.008192' }), 4)
  assert.equal(value('weir_cluster_first_byte_seconds_count', { cluster: 'static' }), 0)
  assert.equal(value('weir_shard_busy_seconds_total', { shard: '1' }), 1.5)
  assert.equal(value('weir_engine_relayed_bytes_total', { shard: '1' }), 1001)
  assert.equal(value('weir_access_log_records_total', { shard: '0' }), 2)
})

test('names and types follow the conventions, and the order is stable', () => {
  const fleet = makeFleet()
  const render = (): string => renderExposition(fleetFamilies(fleet, names, ENGINE_STATS))
  for (const [name, { type, help }] of parseExposition(render())) {
    assert.match(name, /^weir_[a-z0-9_]+$/)
    assert.equal(type === 'counter', name.endsWith('_total'), name)
    assert.match(help, /^[A-Z].*\.$/, name)
  }
  assert.equal(render(), render())
})

test('every engine counter has a metric, and none but those', () => {
  assert.deepEqual(Object.keys(ENGINE_METRICS).toSorted(), [...ENGINE_STATS].toSorted())
  const engine = fleetFamilies(makeFleet(), names, ENGINE_STATS).filter(({ name }) =>
    name.startsWith('weir_engine_'),
  )
  assert.equal(engine.length, ENGINE_STATS.length)
})

test('process facts', () => {
  const families = parseExposition(
    renderExposition(
      processFamilies({
        version: '0.1.0',
        runtime: 'v24',
        cpuUserSeconds: 1.25,
        cpuSystemSeconds: 0.5,
        residentBytes: 1e8,
        openFds: 30,
        maxFds: 1024,
      }),
    ),
  )
  assert.equal(valueOf(families, 'weir_build_info', { version: '0.1.0', runtime: 'v24' }), 1)
  assert.equal(valueOf(families, 'weir_process_cpu_seconds_total', { mode: 'user' }), 1.25)
})

test('a family twice is an error, one without samples is left out', () => {
  const family = { name: 'weir_x', help: 'X.', type: 'gauge', samples: [{ value: 1 }] } as const
  assert.throws(() => renderExposition([family, family]), /twice/)
  assert.equal(renderExposition([{ ...family, samples: [] }]), '')
})

test('exposition round trip: any help, label values and numbers come back through an independent parser', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('\\', '"', '\n', 'n', '{', '}', ',', ' ') }),
  )
  const label = fc.constantFrom('a', 'b_1', '_c')
  fc.assert(
    fc.property(
      // HELP is one line of text: a carriage return or leading space has no escape in the format
      text.map((help) => help.replaceAll('\r', '')),
      fc.uniqueArray(fc.dictionary(label, text, { noNullPrototype: true }), {
        selector: (labels) => JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))),
        maxLength: 6,
      }),
      fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Infinity, -Infinity, Number.NaN, 1e21, 5e-324)),
      (help, labelSets, value) => {
        const samples = labelSets.map((labels) => ({ labels, value }))
        const parsed = parseExposition(renderExposition([{ name: 'weir_x', help, type: 'gauge', samples }]))
        const family = parsed.get('weir_x')
        assert.equal(family?.help, samples.length === 0 ? undefined : help)
        assert.deepEqual(
          family?.samples.map((sample) => ({
            labels: Object.fromEntries(sample.labels),
            value: sample.value,
          })) ?? [],
          samples.map((sample) => ({ ...sample, value: sample.value === 0 ? 0 : sample.value })),
        )
      },
    ),
    { numRuns: 500 },
  )
})

test('how facts travel: said by whom, folded and lost by whom, how old when used; no quantiles where nothing was heard', () => {
  const fleet = makeFleet()
  const view = new FleetView(fleet, 0, new FoldRecorder(fleet, 0))
  view.adopt(1, 0, 1000)
  const voice = new FleetVoice(fleet, 1)
  voice.began(1, 0, 1000)
  for (let i = 0; i < 50; i++) voice.failed(1, 0, 1, 1)
  view.fold(1002)
  voice.nowMs = 2000
  for (let i = 0; i < 2; i++) voice.failed(1, 0, 1, 1)
  view.fold(2100)
  for (let i = 0; i < 60; i++) voice.failed(1, 0, 1, 1)
  view.fold(2100)
  const families = parseExposition(renderExposition(fleetFamilies(fleet, names, ENGINE_STATS)))
  const value = (name: string, labels: Record<string, string>): number => valueOf(families, name, labels)
  assert.equal(value('weir_facts_published_total', { actor: 'shard 1' }), 112)
  assert.equal(value('weir_facts_published_total', { actor: 'health' }), 0)
  assert.equal(value('weir_shard_facts_folded_total', { shard: '0' }), 52)
  assert.equal(value('weir_shard_facts_lost_total', { shard: '0' }), 60)
  assert.equal(value('weir_shard_rings_lapped_total', { shard: '0' }), 1)
  const staleness = 'weir_shard_fact_staleness_seconds'
  assert.equal(families.get(staleness)?.type, 'summary')
  const near = (q: string, seconds: number): void => {
    const found = value(staleness, { shard: '0', quantile: q })
    assert.ok(Math.abs(found - seconds) <= seconds / 32, `${q}: ${found}`)
  }
  near('0.5', 0.002)
  near('0.99', 0.1)
  assert.equal(value(`${staleness}_count`, { shard: '0' }), 52)
  assert.ok(Math.abs(value(`${staleness}_sum`, { shard: '0' }) - 0.3) < 1e-9)
  assert.equal(value(`${staleness}_count`, { shard: '1' }), 0)
  const quantiles = families.get(staleness)!.samples.filter(({ labels }) => labels.has('quantile'))
  assert.deepEqual(new Set(quantiles.map(({ labels }) => labels.get('shard'))), new Set(['0']))
})
