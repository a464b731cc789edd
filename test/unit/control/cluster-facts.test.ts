import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterSpec, Snapshot } from '../../../src/config/snapshot.ts'
import { balanceFamilies } from '../../../src/control/balance-metrics.ts'
import { ClusterReader } from '../../../src/control/cluster-facts.ts'
import type { ClusterFacts } from '../../../src/control/facts-shape.ts'
import { ENDPOINT_STATE, HEALTH_REASON } from '../../../src/health/states.ts'
import type { EndpointState, HealthReason } from '../../../src/health/states.ts'
import { Answer, FleetVoice } from '../../../src/shm/voice.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import { RETRY_WINDOW, RETRY_WORDS } from '../../../src/shm/layout.ts'
import { HealthVoice, MainVoice } from '../../../src/shm/other-voices.ts'
import { AdminWord, Verdict } from '../../../src/shm/tables.ts'
import { renderExposition } from '../../../src/telemetry/exposition.ts'
import { clusterSpec, endpointSpec } from '../../support/specs.ts'
import { parseExposition } from '../telemetry/prometheus-parser.ts'
import { makeFleet, makeRecorder } from '../telemetry/support.ts'

const NOW_MS = 100_000
const WALL_MS = Date.UTC(2026, 10, 22)

const web = (more: Partial<ClusterSpec> = {}): ClusterSpec =>
  clusterSpec({
    id: 1,
    endpoints: [3, 4, 5].map((id) => endpointSpec(id, `127.0.0.1:900${id}`, { weight: 4, generation: 2 })),
    ...more,
  })

function factsOf(fleet: Fleet, cluster: ClusterSpec): ClusterFacts {
  const reader = new ClusterReader(fleet, { machineMs: () => NOW_MS, wallMs: () => WALL_MS })
  const facts = reader.one({ clusters: [cluster] } as unknown as Snapshot, cluster.name)
  assert.ok(facts !== undefined)
  return facts
}

type Judgement = { readonly state: EndpointState; readonly reason: HealthReason } & Partial<
  Pick<Verdict, 'generation' | 'ejections' | 'ejectedUntilMs' | 'share'>
>

function judge(fleet: Fleet, slot: number, { state, reason, ...more }: Judgement): void {
  const verdict = Object.assign(new Verdict(), { generation: 2, sinceMs: NOW_MS - 4000 }, more)
  verdict.state = ENDPOINT_STATE[state]
  verdict.reason = HEALTH_REASON[reason]
  new HealthVoice(fleet).verdict(slot, verdict)
}

function order(fleet: Fleet, slot: number, state: number, weight: number = Number.NaN): void {
  new MainVoice(fleet).admin(slot, Object.assign(new AdminWord(), { generation: 2, state, weight }))
}

test('nobody said anything: every endpoint is ready, with the weight it has', () => {
  const facts = factsOf(makeFleet(), web())
  assert.deepEqual([facts.healthy, facts.size, facts.panic.now], [3, 3, false])
  for (const { state, why, since, admin, weight, effectiveWeight, cost, load, probe } of facts.endpoints) {
    assert.deepEqual([state, why, since, admin], ['ready', 'nothing speaks against it', null, 'ready'])
    assert.deepEqual([weight, effectiveWeight], [4, 4])
    assert.deepEqual([cost, load, probe], [null, null, null])
  }
})

test('a verdict tells state, reason, since when and until when; only who may be picked weighs anything', () => {
  const fleet = makeFleet()
  judge(fleet, 3, {
    state: 'quarantined',
    reason: 'latency above the cluster',
    ejections: 2,
    ejectedUntilMs: NOW_MS + 30_000,
  })
  judge(fleet, 4, { state: 'suspect', reason: 'ratio of HTTP errors', share: 0.5 })
  const { endpoints, healthy } = factsOf(fleet, web())
  const [out, doubted, fine] = endpoints
  assert.deepEqual([out?.state, out?.why, out?.ejections], ['quarantined', 'latency above the cluster', 2])
  assert.equal(out?.since, new Date(WALL_MS - 4000).toISOString())
  assert.equal(out?.ejectedUntil, new Date(WALL_MS + 30_000).toISOString())
  assert.deepEqual([out?.effectiveWeight, doubted?.effectiveWeight, fine?.effectiveWeight], [0, 2, 4])
  assert.deepEqual([doubted?.share, healthy], [0.5, 2])
})

test('slow start shows as warmth, and in the weight in effect', () => {
  const fleet = makeFleet()
  judge(fleet, 3, { state: 'warming', reason: 'recovered' })
  const slowStart = { windowMs: 16_000, aggression: 1, min: 0.1, by: 'time' } as const
  const [endpoint] = factsOf(fleet, web({ slowStart })).endpoints
  assert.deepEqual([endpoint?.state, endpoint?.warmth, endpoint?.effectiveWeight], ['warming', 0.25, 1])
})

test('what an operator wants stands above the verdict, and is no reason for panic', () => {
  const fleet = makeFleet()
  order(fleet, 3, 1)
  order(fleet, 4, 2, 7)
  judge(fleet, 4, { state: 'down', reason: 'checks fail' })
  order(fleet, 5, 0, 9)
  const { endpoints, panic, healthy } = factsOf(fleet, web())
  assert.deepEqual(
    endpoints.map(({ state, why, admin, weight, configuredWeight, effectiveWeight }) => [
      state,
      why,
      admin,
      weight,
      configuredWeight,
      effectiveWeight,
    ]),
    [
      ['draining', 'an operator drains it', 'drain', 4, 4, 0],
      ['down', 'an operator took it down', 'down', 7, 4, 0],
      ['ready', 'nothing speaks against it', 'ready', 9, 4, 9],
    ],
  )
  assert.deepEqual([panic.now, healthy], [false, 1])
})

test('enabled again it is back when the health actor says so; until then the reason is not yesterday’s', () => {
  const fleet = makeFleet()
  judge(fleet, 3, { state: 'draining', reason: 'an operator drains it' })
  const [endpoint] = factsOf(fleet, web()).endpoints
  assert.deepEqual(
    [endpoint?.state, endpoint?.why, endpoint?.effectiveWeight],
    ['draining', 'an operator enabled it', 0],
  )
})

test('panic: below the threshold all weigh that no operator took out', () => {
  const fleet = makeFleet()
  for (const slot of [3, 4]) judge(fleet, slot, { state: 'down', reason: 'checks fail' })
  const facts = factsOf(fleet, web())
  assert.deepEqual([facts.panic.now, facts.healthy], [true, 1])
  assert.deepEqual(
    facts.endpoints.map((endpoint) => endpoint.effectiveWeight),
    [4, 4, 4],
  )
  order(fleet, 3, 1)
  assert.deepEqual(
    factsOf(fleet, web()).endpoints.map((endpoint) => endpoint.effectiveWeight),
    [0, 0, 4],
  )
})

test('a backup weighs nothing while it is not needed; who is outside the subset never does', () => {
  const fleet = makeFleet()
  const endpoints = [3, 4, 5].map((id) =>
    endpointSpec(id, `127.0.0.1:900${id}`, { generation: 2, priority: id === 5 ? 1 : 0 }),
  )
  const before = factsOf(fleet, web({ endpoints }))
  assert.deepEqual(before.sets, [{ name: 'priority 0', share: 1, panic: false, size: 2 }])
  assert.deepEqual(
    before.endpoints.map(({ set, effectiveWeight }) => [set, effectiveWeight]),
    [
      ['priority 0', 1],
      ['priority 0', 1],
      [null, 0],
    ],
  )
  for (const slot of [3, 4]) judge(fleet, slot, { state: 'down', reason: 'checks fail' })
  const after = factsOf(fleet, web({ endpoints }))
  assert.deepEqual(
    after.endpoints.map(({ effectiveWeight }) => effectiveWeight),
    [0, 0, 1],
  )
  const subset = factsOf(makeFleet(), web({ subset: { size: 1, seed: 7 } }))
  assert.deepEqual(
    subset.endpoints.map(({ inSubset }) => inSubset),
    subset.endpoints.map(({ effectiveWeight }) => effectiveWeight > 0),
  )
  assert.equal(subset.healthy, 1)
})

test('words about an earlier tenant of the slot are nobody’s', () => {
  const fleet = makeFleet()
  judge(fleet, 3, { state: 'down', reason: 'checks fail', generation: 1 })
  new MainVoice(fleet).admin(4, Object.assign(new AdminWord(), { generation: 1, state: 2 }))
  const voice = new FleetVoice(fleet, 0)
  voice.began(5, 1, NOW_MS)
  voice.answered(5, Object.assign(new Answer(), { status: 200, cost: 9 }))
  const { endpoints } = factsOf(fleet, web())
  for (const { state, cost } of endpoints) assert.deepEqual([state, cost], ['ready', null])
})

test('cost: the largest over the shards at equal time; load and probe: the newest, with source and age', () => {
  const fleet = makeFleet()
  const policy = { name: 'peak-ewma', module: undefined, options: { decayMs: 1000 } }
  for (const [shard, cost, agoMs] of [
    [0, 10, 0],
    [1, 40, 1000],
  ] as const) {
    const voice = new FleetVoice(fleet, shard)
    voice.began(3, 2, NOW_MS - agoMs)
    voice.answered(3, Object.assign(new Answer(), { status: 200, cost }))
    voice.report(3, shard, { utilisation: 0.5 + shard, qps: 10, eps: 1 })
    voice.probed(3, 5 + shard, 7)
  }
  const [endpoint] = factsOf(fleet, web({ policy })).endpoints
  assert.deepEqual(endpoint?.cost, { ms: 40, ageMs: 1000 }, '40·e^-1 > 10')
  assert.deepEqual(endpoint?.load, {
    utilisation: 0.5,
    requestsPerSecond: 10,
    errorsPerSecond: 1,
    source: 'header',
    ageMs: 0,
  })
  assert.deepEqual(endpoint?.probe, { inFlight: 5, latencyMs: 7, ageMs: 0 })
})

test('retry budget: only the window counts, over all shards; the adaptive limit, once there is one', () => {
  const fleet = makeFleet()
  const count = (shard: number, second: number, requests: number, retries: number): void => {
    const { words } = RETRY_WINDOW
    fleet.stripe(shard).retries.set([second, requests, retries], RETRY_WORDS + (second % 10) * words)
  }
  count(0, 100, 50, 3)
  count(0, 91, 50, 2)
  count(1, 95, 100, 5)
  count(1, 90, 1000, 1000) // before the window
  count(1, 101, 1000, 1000) // a clock that went back
  const adaptive = { minLimit: 1, maxLimit: 100, tolerance: 1.25, windowMs: 1000, minRttMs: 30_000 }
  const limits = { inFlight: 0, inFlightPerEndpoint: 9, queue: 1, adaptive }
  assert.equal(factsOf(fleet, web({ limits })).limits.adaptive, null)
  new HealthVoice(fleet).limit(1, 17)
  const facts = factsOf(
    fleet,
    web({ limits, retry: { attempts: 1, on: [], budget: { ratio: 0.2, perSecond: 10 } } }),
  )
  assert.deepEqual(facts.retryBudget, { used: 10, allowed: 0.2 * 200 + 100 })
  assert.deepEqual(facts.limits, { inFlight: null, inFlightPerEndpoint: 9, adaptive: 17 })
})

test('a shadow’s picks over all shards, and those the policy in force made too', () => {
  const fleet = makeFleet()
  assert.equal(factsOf(fleet, web()).shadow, null)
  for (const shard of [0, 1]) {
    const recorder = makeRecorder(fleet, shard)
    recorder.shadowPicked(1, 3, true)
    recorder.shadowPicked(1, 4, false)
    recorder.shadowFault(1)
    recorder.policyFault(1)
  }
  const shadow = { name: 'random', module: undefined, options: {} }
  const facts = factsOf(fleet, web({ shadow }))
  assert.deepEqual(facts.shadow, { policy: 'random', picks: 4, agreed: 2, faults: 2 })
  assert.equal(facts.policyFaults, 2)
  assert.deepEqual(
    facts.endpoints.map(({ shadowPicks }) => shadowPicks),
    [2, 2, 0],
  )
})

test('the same as metrics: one state at a time, no sample of what is not known', () => {
  const fleet = makeFleet()
  judge(fleet, 3, { state: 'quarantined', reason: 'latency above the cluster', ejections: 2 })
  const reader = new ClusterReader(fleet, { machineMs: () => NOW_MS, wallMs: () => WALL_MS })
  const text = renderExposition([...balanceFamilies({ clusters: [web()] } as unknown as Snapshot, reader)])
  const families = parseExposition(text)
  const states = families.get('weir_endpoint_state')?.samples ?? []
  assert.equal(states.length, 3 * 6)
  assert.equal(
    states.reduce((sum, { value }) => sum + value, 0),
    3,
  )
  assert.ok(
    text.includes('weir_endpoint_state{cluster="web",endpoint="127.0.0.1:9003",state="quarantined"} 1\n'),
  )
  assert.ok(text.includes('weir_endpoint_effective_weight{cluster="web",endpoint="127.0.0.1:9003"} 0\n'))
  assert.ok(text.includes('weir_cluster_endpoints_healthy{cluster="web"} 2\n'))
  assert.equal(families.get('weir_endpoint_cost_seconds'), undefined)
  for (const [name, { type, help }] of families) {
    assert.match(name, /^weir_(endpoint|cluster)_[a-z_]+$/)
    assert.equal(type === 'counter', name.endsWith('_total'), name)
    assert.match(help, /^[A-Z1].*\.$/, name)
  }
})
