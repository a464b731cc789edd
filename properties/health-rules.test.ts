import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRng } from '../src/base/random.ts'
import type { ClusterSpec } from '../src/config/snapshot.ts'
import { ejectionTimeMs } from '../src/health/ejection.ts'
import { HEALTH, HealthSim, healthCluster, OUTLIERS, SLOW_START } from '../test/support/health-sim.ts'

test('interleaved failures and answers never eject by a consecutive rule (caddy PR #7625)', () => {
  const outliers = { ...OUTLIERS, latency: undefined, http: { ...OUTLIERS.http!, ratio: 1 } }
  const sim = new HealthSim(1, [healthCluster(3, { outliers })])
  for (let i = 0; i < 10_000; i++) {
    sim.nowMs += 1
    if (i % 3 !== 2) sim.refuse(0)
    else sim.answer(0)
    if (i % 5 !== 4) sim.answer(1, 500)
    else sim.answer(1)
  }
  assert.deepEqual(
    sim.changes.filter(({ state }) => state === 'quarantined'),
    [],
  )
})

test('an exchange that began before the endpoint came back does not eject it again (envoy #18950)', () => {
  const sim = new HealthSim(1, [healthCluster(3, { outliers: { ...OUTLIERS, jitter: 0 } })])
  for (let i = 0; i < 3; i++) sim.refuse(0)
  assert.equal(sim.state(0), 'quarantined')
  sim.pass(13_000)
  assert.equal(sim.state(0), 'ready')
  for (let i = 0; i < 10; i++) sim.brain.failure(0, 2, sim.nowMs, 14_000)
  assert.equal(sim.state(0), 'ready')
  for (let i = 0; i < 3; i++) sim.brain.failure(0, 2, sim.nowMs, 10)
  assert.equal(sim.state(0), 'quarantined')
})

test('ejections grow with their number up to the maximum, with jitter within its share (envoy #26758)', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 40 }), (seed, count) => {
      const ms = ejectionTimeMs(OUTLIERS, count, seededRng(seed))
      const base = Math.min(10_000 * count, 60_000)
      assert.ok(ms >= base && ms <= base * 1.2)
    }),
  )
  const sim = new HealthSim(1, [healthCluster(3, { outliers: { ...OUTLIERS, jitter: 0 } })])
  const lengths: number[] = []
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 3; i++) sim.refuse(0)
    lengths.push((sim.rows.get(0)?.ejectedUntilMs ?? 0) - sim.nowMs)
    while (sim.state(0) === 'quarantined') sim.pass(100)
  }
  assert.deepEqual(lengths, [10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 60_000, 60_000])
  sim.pass(10_000 * 8 + 1000)
  assert.equal(sim.rows.get(0)?.ejections, 0, 'and are forgotten one by one while it behaves')
})

test('an endpoint that never answers shows, by the age of what it owes, while a lull and a long answer among others do not', () => {
  const latency = { windowMs: 3000, factor: 3, floorMs: 50, minRequests: 5, weight: 1, decayMs: 30_000 }
  const outliers = { ...OUTLIERS, latency, http: undefined, connect: undefined }
  const traffic = (sim: HealthSim, slots: readonly number[], ms: number): void => {
    for (let i = 0; i < ms; i += 20) {
      for (const id of slots) sim.answer(id, 200, 5)
      sim.pass(20)
    }
  }
  const sim = new HealthSim(1, [healthCluster(3, { outliers })])
  traffic(sim, [0, 1, 2], 3000)
  sim.inFlight.set(0, { count: 4, startSumMs: 4 * sim.nowMs })
  sim.pass(10_000) // a lull: nobody answers
  assert.equal(sim.state(0), 'ready')
  sim.inFlight.set(0, { count: 4, startSumMs: 4 * sim.nowMs })
  traffic(sim, [0, 1, 2], 2000) // four long ones among many short ones
  assert.equal(sim.state(0), 'ready')
  const stuckFromMs = sim.nowMs
  traffic(sim, [1, 2], 1000)
  assert.equal(sim.state(0), 'quarantined')
  assert.equal(sim.reason(0), 'latency above the cluster')
  const tookMs = sim.changes.findLast(({ slot: id }) => id === 0)!.atMs - stuckFromMs
  assert.ok(tookMs < 500, `${tookMs} ms`)
})

test('many seconds without an answer mean nothing where answers take many seconds: downloads are no silence', () => {
  const latency = { windowMs: 3000, factor: 3, floorMs: 50, minRequests: 5, weight: 1, decayMs: 30_000 }
  const outliers = { ...OUTLIERS, latency, http: undefined, connect: undefined }
  for (const [downloadMs, state] of [
    [5000, 'ready'],
    [50, 'quarantined'],
  ] as const) {
    const sim = new HealthSim(1, [healthCluster(3, { outliers })])
    const others = (ms: number, slots: readonly number[]): void => {
      for (let i = 0; i < ms; i += 20) {
        for (const id of slots)
          sim.brain.response(id, 200, sim.nowMs, { firstByteMs: 5, totalMs: id === 1 ? downloadMs : 5 })
        sim.pass(20)
      }
    }
    others(2000, [0, 1, 2])
    sim.inFlight.set(0, { count: 3, startSumMs: 3 * sim.nowMs })
    others(3000, [1, 2])
    assert.equal(sim.state(0), state)
  }
})

test('an endpoint that fails fast never looks good: its failures are no latency (fasthttp PR #865)', () => {
  const latency = { windowMs: 3000, factor: 3, floorMs: 50, minRequests: 5, weight: 1, decayMs: 30_000 }
  const outliers = { ...OUTLIERS, latency, http: undefined }
  const sim = new HealthSim(1, [healthCluster(3, { outliers })])
  for (let i = 0; i < 100; i++) {
    for (let j = 0; j < 20; j++) sim.answer(0, 500, 1)
    sim.answer(0, 200, 500)
    sim.answer(1, 200, 10)
    sim.answer(2, 200, 10)
    sim.pass(20)
  }
  assert.equal(sim.state(0), 'quarantined')
})

test('no answer to a probe of an earlier configuration is believed, and none is made by it (haproxy #3330)', () => {
  const sim = new HealthSim(1, [healthCluster(2, { health: { ...HEALTH, fall: 1, precheck: false } })])
  const orders = []
  for (let i = 0; i < 300; i++) {
    sim.nowMs += 10
    const order = sim.brain.nextProbe(sim.nowMs)
    if (order !== undefined) orders.push(order)
  }
  assert.equal(orders.length, 2)
  const agent = { ...HEALTH, fall: 1, precheck: false, probe: { kind: 'agent', port: 1, send: '' } as const }
  sim.reload([healthCluster(2, { health: agent })])
  assert.deepEqual(new Set(sim.cancelled), new Set(orders))
  for (const order of orders)
    assert.equal(sim.brain.probed(order, { passed: false, detail: '', agent: undefined }, sim.nowMs), false)
  assert.deepEqual([sim.state(0), sim.state(1)], ['ready', 'ready'])
  sim.pass(5000, (_slot, { probe }) => {
    assert.equal(probe.kind, 'agent')
    return true
  })
})

test('a probe that passed nowhere takes nobody out and says so once; once it has passed somewhere it does', () => {
  const sim = new HealthSim(1, [healthCluster(3, { health: HEALTH })])
  sim.pass(60_000, () => false)
  assert.deepEqual([sim.inService().length, sim.warnings.length], [3, 1])
  sim.pass(10_000, (id) => id === 1)
  assert.deepEqual(sim.inService(), [1])
  sim.restart()
  sim.pass(10_000, (id) => id === 1)
  assert.deepEqual(sim.inService(), [1])
})

test('health survives a restart of the actor and a reload (haproxy #918, #2085; caddy #6410)', () => {
  const spec = healthCluster(4, {
    health: HEALTH,
    slowStart: SLOW_START,
    outliers: { ...OUTLIERS, jitter: 0 },
  })
  const sim = new HealthSim(1, [spec])
  sim.pass(10_000, (id) => id !== 0)
  for (let i = 0; i < 3; i++) sim.refuse(1)
  sim.wish(2, 'drain')
  const states = (): readonly string[] => [0, 1, 2, 3].map((id) => sim.state(id))
  assert.deepEqual(states(), ['down', 'quarantined', 'draining', 'ready'])
  const rows = (): string => JSON.stringify([...sim.rows].sort((a, b) => a[0] - b[0]))
  const before = rows()
  sim.restart()
  assert.equal(rows(), before)
  sim.reload([{ ...spec, panic: 0.1 }])
  assert.equal(rows(), before)
  sim.pass(9000, (id) => id !== 0)
  assert.deepEqual(states(), ['down', 'quarantined', 'draining', 'ready'])
  sim.wish(2, 'ready')
  sim.pass(4000)
  assert.deepEqual(states(), ['warming', 'warming', 'warming', 'ready'])
  sim.pass(10_000)
  assert.deepEqual(states(), ['ready', 'ready', 'ready', 'ready'])
})

test('slow start: not at the process’s start; for who comes by a reload, returns, or grows, and then without losing weight', () => {
  const spec = (count: number): ClusterSpec => healthCluster(count, { slowStart: SLOW_START })
  const sim = new HealthSim(1, [spec(2)])
  assert.deepEqual([sim.state(0), sim.state(1)], ['ready', 'ready'])
  sim.reload([spec(3)])
  assert.deepEqual([sim.state(1), sim.state(2), sim.reason(2)], ['ready', 'warming', 'new'])
  sim.restart()
  assert.equal(sim.state(2), 'warming')
  sim.wish(0, 'ready', 4)
  assert.deepEqual([sim.state(0), sim.reason(0)], ['warming', 'its weight grew'])
  const warmth = (sim.nowMs - sim.rows.get(0)!.sinceMs) / SLOW_START.windowMs
  assert.ok(Math.abs(4 * warmth - 1) < 1e-9, 'it goes on with the weight that it had')
  sim.wish(0, 'ready', 2)
  assert.equal(sim.state(0), 'warming')
  sim.pass(5200)
  assert.deepEqual([sim.state(0), sim.state(2)], ['ready', 'ready'])
})

test('a probe that was under way when its endpoint was ejected does not bring it back', () => {
  const outliers = { ...OUTLIERS, recoverAfter: 1, jitter: 0 }
  const sim = new HealthSim(1, [healthCluster(3, { health: HEALTH, outliers })])
  const orders = []
  for (let i = 0; i < 300; i++) {
    sim.nowMs += 10
    const order = sim.brain.nextProbe(sim.nowMs)
    if (order !== undefined) orders.push(order)
  }
  for (let i = 0; i < 3; i++) sim.refuse(0)
  for (const order of orders)
    sim.brain.probed(order, { passed: true, detail: '', agent: undefined }, sim.nowMs)
  assert.deepEqual([orders.length, sim.state(0)], [3, 'quarantined'])
  sim.pass(9900)
  assert.equal(sim.state(0), 'quarantined')
  sim.pass(200)
  assert.equal(sim.state(0), 'ready')
})
