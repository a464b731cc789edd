import { test } from 'node:test'
import assert from 'node:assert/strict'
import { sumGauge, zeroStripe } from '../../../src/shm/fleet.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import { GAUGE } from '../../../src/shm/layout.ts'
import { ringCounts } from '../../../src/shm/ring.ts'
import {
  CLIENT_TIMEOUT,
  CLUSTER_HISTOGRAM,
  CLUSTER_TABLE,
  DIMENSIONS,
  ENDPOINT_TABLE,
  HISTOGRAMS_WIDTH,
  LISTENER_TABLE,
  REFUSAL,
  SHARD_TABLE,
  UPSTREAM_TIMEOUT,
} from '../../../src/telemetry/catalogue.ts'
import { HISTOGRAM_WIDTH, histogramCount, quantile } from '../../../src/telemetry/histogram.ts'
import { OUTCOME, OUTCOMES } from '../../../src/telemetry/outcome.ts'
import { TryRecord } from '../../../src/telemetry/record.ts'
import { makeFleet, makeRecord, makeRecorder } from './support.ts'

const L = LISTENER_TABLE.column
const C = CLUSTER_TABLE.column
const E = ENDPOINT_TABLE.column
const listener = (fleet: Fleet, row: number, column: number): number =>
  fleet.stripe(0).listeners[row * LISTENER_TABLE.width + column]!
const cluster = (fleet: Fleet, row: number, column: number): number =>
  fleet.stripe(0).clusters[row * CLUSTER_TABLE.width + column]!
const endpoint = (fleet: Fleet, row: number, column: number): number =>
  fleet.stripe(0).endpoints[row * ENDPOINT_TABLE.width + column]!

const makeTry = (facts: Partial<TryRecord>): TryRecord => Object.assign(new TryRecord(), facts)

/** Every non-zero word of the fleet's counters. */
const written = (fleet: Fleet): number =>
  fleet.stripes
    .flatMap((stripe) => [...stripe.counters, ...stripe.listeners, ...stripe.clusters, ...stripe.endpoints])
    .filter((word) => word !== 0).length

test('a complete exchange is counted once in each of its rows, its try at the endpoint, with bytes and times', () => {
  const fleet = makeFleet()
  const recorder = makeRecorder(fleet)
  recorder.finish(
    makeRecord({
      listener: 2,
      cluster: 3,
      endpoint: 15,
      outcome: OUTCOME.complete,
      status: 204,
      queueMs: 2,
      connectMs: 3,
      firstByteMs: 8,
      durationMs: 10,
      bytesFromClient: 100,
      bytesToClient: 50,
      retries: 1,
      reusedUpstream: true,
    }),
  )
  recorder.tryEnded(
    makeTry({
      endpoint: 15,
      outcome: OUTCOME.complete,
      status: 204,
      connectMs: 3,
      firstByteMs: 8,
      bytesOut: 100,
      bytesIn: 50,
      reused: true,
    }),
  )
  assert.equal(listener(fleet, 2, L.exchanges + OUTCOME.complete), 1)
  assert.equal(listener(fleet, 2, L.responses + 2), 1)
  assert.deepEqual([listener(fleet, 2, L.bytesIn), listener(fleet, 2, L.bytesOut)], [100, 50])
  assert.equal(cluster(fleet, 3, C.exchanges + OUTCOME.complete), 1)
  assert.equal(cluster(fleet, 3, C.responses + 2), 1)
  assert.deepEqual([cluster(fleet, 3, C.retries), cluster(fleet, 3, C.queueMs)], [1, 2])
  assert.deepEqual(
    [E.successes, E.responses + 2, E.reused, E.bytesOut, E.bytesIn, E.connectMs, E.latencyMs].map((column) =>
      endpoint(fleet, 15, column),
    ),
    [1, 1, 1, 100, 50, 3, 8],
  )
  assert.equal(written(fleet), 4 + 4 + 7)
  const { histograms } = fleet.stripe(0)
  const duration = 3 * HISTOGRAMS_WIDTH + CLUSTER_HISTOGRAM.duration * HISTOGRAM_WIDTH
  const firstByte = 3 * HISTOGRAMS_WIDTH + CLUSTER_HISTOGRAM.firstByte * HISTOGRAM_WIDTH
  assert.ok(Math.abs(quantile(histograms, duration, 1) - 10_000) < 320)
  assert.ok(Math.abs(quantile(histograms, firstByte, 1) - 8000) < 250)
})

test('an exchange that met no cluster touches its listener only; times that did not come to pass are not observed', () => {
  const fleet = makeFleet()
  const recorder = makeRecorder(fleet)
  recorder.finish(makeRecord({ outcome: OUTCOME['no-route'], status: 421 }))
  assert.equal(written(fleet), 2)
  recorder.finish(makeRecord({ cluster: 1, outcome: OUTCOME['queue-timeout'], status: 503, durationMs: 5 }))
  const { histograms } = fleet.stripe(0)
  assert.equal(histogramCount(histograms, HISTOGRAMS_WIDTH), 1)
  assert.equal(histogramCount(histograms, HISTOGRAMS_WIDTH + HISTOGRAM_WIDTH), 0)
  assert.equal(cluster(fleet, 1, C.queueMs), 0)
})

test('an endpoint is blamed for what the upstream did, and for nothing else', () => {
  for (const [outcome, facts] of OUTCOMES.entries()) {
    const fleet = makeFleet()
    makeRecorder(fleet).tryEnded(makeTry({ endpoint: 1, outcome, status: 200 }))
    const failures = DIMENSIONS.failure.reduce((sum, _, i) => sum + endpoint(fleet, 1, E.failures + i), 0)
    assert.equal(failures, facts.by === 'upstream' ? 1 : 0, facts.name)
    const success = facts.name === 'complete' || facts.name === 'tunnel-closed'
    assert.equal(endpoint(fleet, 1, E.successes), success ? 1 : 0, facts.name)
  }
  const fleet = makeFleet()
  makeRecorder(fleet).tryEnded(makeTry({ endpoint: 1, status: 503 }))
  makeRecorder(fleet).tryEnded(makeTry({ endpoint: 1, outcome: -1 })) // given up: nobody's fault, nobody's success
  assert.equal(endpoint(fleet, 1, E.successes), 0)
  assert.equal(endpoint(fleet, 1, E.responses + 5), 1)
  assert.equal(endpoint(fleet, 1, E.responses), 1)
})

test('a status that is none counts as no response', () => {
  for (const status of [0, 99, 600, -1]) {
    const fleet = makeFleet()
    makeRecorder(fleet).finish(makeRecord({ status }))
    assert.equal(listener(fleet, 0, L.responses), 1, String(status))
    assert.equal(written(fleet), 2)
  }
})

test('every event counts in its own column and nowhere else', () => {
  const cases: [string, (recorder: ReturnType<typeof makeRecorder>) => void, (fleet: Fleet) => number][] = [
    ['opened', (r) => r.connectionOpened(1), (f) => listener(f, 1, L.accepted)],
    ['closed', (r) => r.connectionClosed(1), (f) => listener(f, 1, L.closed)],
    ['refused', (r) => r.connectionRefused(1, REFUSAL.draining), (f) => listener(f, 1, L.refused + 2)],
    [
      'client timeout',
      (r) => r.clientTimeout(2, CLIENT_TIMEOUT.tunnel),
      (f) => listener(f, 2, L.timeouts + 4),
    ],
    [
      'upstream timeout',
      (r) => r.upstreamTimeout(3, UPSTREAM_TIMEOUT.serverFin),
      (f) => cluster(f, 3, C.timeouts + 3),
    ],
    ['connect', (r) => r.connectAttempted(9), (f) => endpoint(f, 9, E.connects)],
    ['stale', (r) => r.staleReuse(2), (f) => cluster(f, 2, C.staleReuses)],
    ['wait', (r) => r.waitBegan(2, 5), (f) => cluster(f, 2, C.poolWaits)],
    ['pick', (r) => r.picked(2, 5), (f) => endpoint(f, 5, E.picks)],
    ['error', (r) => r.errorContained(), (f) => f.stripe(0).counters[SHARD_TABLE.column.errors]!],
    [
      'buffers',
      (r) => r.buffersExhausted(),
      (f) => f.stripe(0).counters[SHARD_TABLE.column.buffersExhausted]!,
    ],
    [
      'drain of a listener',
      (r) => r.drained('listener', true),
      (f) => f.stripe(0).counters[SHARD_TABLE.column.drains + 1]!,
    ],
    [
      'drain of all',
      (r) => r.drained('program', false),
      (f) => f.stripe(0).counters[SHARD_TABLE.column.drains + 2]!,
    ],
    ['busy', (r) => r.busy(1), (f) => f.stripe(0).counters[SHARD_TABLE.column.busyMs]!],
  ]
  for (const [what, act, read] of cases) {
    const fleet = makeFleet()
    act(makeRecorder(fleet))
    assert.equal(read(fleet), 1, what)
    assert.equal(written(fleet), 1, what)
  }
})

test('gauges go up and come back, over two shards, and go with a dead one', () => {
  const fleet = makeFleet()
  const recorders = [makeRecorder(fleet, 0), makeRecorder(fleet, 1)]
  for (const recorder of recorders) {
    recorder.exchangeBegan(1)
    recorder.picked(2, 7)
    recorder.waitBegan(2, 7)
    recorder.idleIs(2, 7, 5)
    recorder.idleIs(2, 7, 3)
  }
  const gauges = (): number[] => [
    sumGauge(fleet, 'listenerGauges', 1, GAUGE.inFlight),
    ...[GAUGE.inFlight, GAUGE.waiting, GAUGE.idle].flatMap((gauge) => [
      sumGauge(fleet, 'clusterGauges', 2, gauge),
      sumGauge(fleet, 'endpointGauges', 7, gauge),
    ]),
  ]
  assert.deepEqual(gauges(), [2, 2, 2, 2, 2, 6, 6])
  zeroStripe(fleet, 1)
  assert.deepEqual(gauges(), [1, 1, 1, 1, 1, 3, 3])
  recorders[0]!.exchangeEnded(1)
  recorders[0]!.tryEnded(makeTry({ cluster: 2, endpoint: 7 }))
  recorders[0]!.waitEnded(2, 7)
  recorders[0]!.idleIs(2, 7, 0)
  assert.deepEqual(gauges(), [0, 0, 0, 0, 0, 0, 0])
})

test('logging: off until a share is set, that share of exchanges afterwards, all drops counted', () => {
  const fleet = makeFleet(1, 1 << 20)
  const recorder = makeRecorder(fleet)
  const record = makeRecord({})
  const logged = (): number => ringCounts(fleet.stripe(0).log).records
  for (let i = 0; i < 100; i++) recorder.finish(record)
  assert.equal(logged(), 0)
  recorder.setLogSample(0.25)
  for (let i = 0; i < 4000; i++) recorder.finish(record)
  assert.ok(Math.abs(logged() - 1000) < 5 * Math.sqrt(4000 * 0.25 * 0.75), String(logged()))
  recorder.setLogSample(0)
  const before = logged()
  for (let i = 0; i < 100; i++) recorder.finish(record)
  assert.equal(logged(), before)
  recorder.setLogSample(1)
  for (let i = 0; i < 10_000; i++) recorder.finish(record)
  const counts = ringCounts(fleet.stripe(0).log)
  assert.equal(counts.records + counts.dropped - before, 10_000)
  assert.ok(counts.dropped > 0)
})

test('without a ring nothing is logged, whatever the share', () => {
  const fleet = makeFleet(1, 0)
  const recorder = makeRecorder(fleet)
  recorder.setLogSample(1)
  recorder.finish(makeRecord({}))
  assert.equal(listener(fleet, 0, L.exchanges), 1)
})

test('a ring too small for the largest record is refused at once, the smallest that is not works', () => {
  assert.throws(() => makeRecorder(makeFleet(1, 8192)), RangeError)
  const fleet = makeFleet(1, 16_384)
  const recorder = makeRecorder(fleet)
  recorder.setLogSample(1)
  recorder.finish(makeRecord({}))
  assert.deepEqual(ringCounts(fleet.stripe(0).log), { records: 1, dropped: 0 })
})

test('reset forgets the exchange before', () => {
  const record = makeRecord({
    cluster: 3,
    endpoint: 4,
    status: 500,
    retries: 2,
    peer: 'x',
    queueMs: 3,
    bytesToClient: 9,
  })
  record.targetStart = 5
  record.targetEnd = 50
  record.reset()
  assert.deepEqual(
    [
      record.cluster,
      record.endpoint,
      record.status,
      record.retries,
      record.peer,
      record.queueMs,
      record.bytesToClient,
    ],
    [-1, -1, 0, 0, '', -1, 0],
  )
  assert.equal(record.targetStart, record.targetEnd)
})
