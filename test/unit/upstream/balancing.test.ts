import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL_FULL } from '../../../src/balance/pick-request.ts'
import { NO_PICK } from '../../../src/balance/policy.ts'
import type { ClusterSpec, SlowStartSpec } from '../../../src/config/snapshot.ts'
import { Answer } from '../../../src/shm/voice.ts'
import { BalancingFleet } from '../../support/balancer/shards.ts'
import { clusterSpec, endpointSpec } from '../../support/specs.ts'

const endpoints = (count: number, weight = 1): ClusterSpec['endpoints'] =>
  Array.from({ length: count }, (_, id) => endpointSpec(id, `10.0.0.${id + 1}:80`, { weight }))

const RANDOM = { name: 'weighted-random', module: undefined, options: {} }
const SLOW: SlowStartSpec = { windowMs: 10_000, aggression: 1, min: 0.1, by: 'time' }
const spec = (more: Partial<ClusterSpec> = {}): ClusterSpec =>
  clusterSpec({ policy: RANDOM, endpoints: endpoints(4), ...more })

/** Shares of a shard's picks, by slot. */
const shares = (fleet: BalancingFleet, shard = 0, count = 20_000): number[] => {
  const counts = Array.from({ length: 8 }, () => 0)
  for (const slot of fleet.shards[shard]!.picks(count, fleet.nowMs)) counts[slot]! += 1 / count
  return counts
}

const near = (actual: number, expected: number, slack = 0.02): void =>
  assert.ok(Math.abs(actual - expected) < slack, `${actual} is not about ${expected}`)

test('a verdict is heeded by every shard in its next turn, and by a shard that starts later', () => {
  const fleet = new BalancingFleet(spec())
  fleet.verdict(2, 'quarantined', 'consecutive connection failures')
  fleet.turn()
  fleet.restart(1)
  for (const shard of fleet.shards) assert.ok(!shard.picks(500, fleet.nowMs).includes(2))
  fleet.verdict(2, 'suspect', 'ratio of HTTP errors')
  fleet.turn()
  for (const shard of fleet.shards) assert.ok(shard.picks(500, fleet.nowMs).includes(2))
})

test('health is not forgotten by a reload that keeps the endpoint (haproxy #918, caddy #6410)', () => {
  const fleet = new BalancingFleet(spec())
  fleet.verdict(1, 'down', 'checks fail')
  fleet.turn()
  fleet.apply(spec({ endpoints: endpoints(6) }))
  for (const shard of fleet.shards) assert.ok(!shard.picks(500, fleet.nowMs).includes(1))
})

test('a slot with another tenant begins without its predecessor’s verdict, and cold', () => {
  const fleet = new BalancingFleet(spec({ slowStart: SLOW }))
  fleet.verdict(1, 'down', 'checks fail')
  fleet.turn()
  const [a, b, ...rest] = endpoints(4)
  const next = [a!, { ...b!, generation: 1, address: '10.9.9.9:80' }, ...rest]
  fleet.apply(spec({ slowStart: SLOW, endpoints: next }))
  fleet.turn()
  near(shares(fleet)[1]!, 0.1 / 3.1, 0.01)
})

test('operators: who is drained or down gets nothing, not even in a panic; a weight replaces the configured one; undone is undone', () => {
  const fleet = new BalancingFleet(spec())
  fleet.admin(0, 'drain')
  fleet.admin(1, 'ready', 3)
  fleet.turn()
  const patched = shares(fleet)
  assert.equal(patched[0], 0)
  near(patched[1]!, 3 / 5)
  for (const slot of [1, 2, 3]) fleet.verdict(slot, 'quarantined', 'latency above the cluster')
  fleet.turn()
  const panic = shares(fleet)
  assert.equal(panic[0], 0, 'panic does not undo an operator')
  near(panic[1]!, 3 / 5)
  for (let slot = 0; slot < 4; slot++) fleet.admin(slot, 'down')
  fleet.turn()
  assert.equal(fleet.shards[0]!.pick(fleet.nowMs), NO_PICK)
  for (let slot = 0; slot < 4; slot++) {
    fleet.admin(slot, 'ready')
    fleet.verdict(slot, 'ready', 'checks pass')
  }
  fleet.turn()
  near(shares(fleet)[1]!, 1 / 4)
})

test('an agent’s share lowers a weight; a share of 0 takes it all', () => {
  const fleet = new BalancingFleet(spec())
  fleet.verdict(0, 'ready', 'checks pass', { share: 0.5 })
  fleet.verdict(1, 'ready', 'checks pass', { share: 0 })
  fleet.turn()
  const now = shares(fleet)
  near(now[0]!, 0.5 / 2.5)
  assert.equal(now[1], 0)
})

test('below the panic threshold health is not heeded; without panic nobody is picked when nobody is healthy', () => {
  for (const [panic, picked] of [
    [0.5, true],
    [0, false],
  ] as const) {
    const fleet = new BalancingFleet(spec({ panic }))
    for (let slot = 0; slot < 4; slot++) fleet.verdict(slot, 'down', 'checks fail')
    fleet.turn()
    assert.equal(fleet.shards[0]!.pick(fleet.nowMs) !== NO_PICK, picked)
  }
})

test('shards see each other’s exchanges under way in their next turn, and no more of those of one that died', () => {
  const fleet = new BalancingFleet(
    spec({ policy: { name: 'least-request', module: undefined, options: { mode: 'scan' } } }),
  )
  for (const slot of [0, 0, 1, 2]) fleet.began(0, slot)
  fleet.turn()
  assert.deepEqual(
    new Set(fleet.shards[1]!.picks(50, fleet.nowMs)),
    new Set([3]),
    'the idle one, as the other shard left it',
  )
  assert.ok(fleet.shards[1]!.facts.stalenessMs >= 0)
  fleet.restart(0)
  fleet.turn()
  assert.deepEqual(new Set(fleet.shards[1]!.picks(200, fleet.nowMs)), new Set([0, 1, 2, 3]))
})

test('a limit per endpoint counts the exchanges of all shards', () => {
  const limits = { ...spec().limits, inFlightPerEndpoint: 2 }
  const fleet = new BalancingFleet(spec({ limits }))
  for (let slot = 0; slot < 4; slot++) for (const shard of [0, 1]) fleet.began(shard, slot)
  fleet.turn()
  assert.equal(fleet.shards[0]!.pick(fleet.nowMs), ALL_FULL)
})

test('what an exchange cost is known to every shard', () => {
  const fleet = new BalancingFleet(
    spec({ policy: { name: 'peak-ewma', module: undefined, options: {} }, endpoints: endpoints(2) }),
  )
  const answer = new Answer()
  Object.assign(answer, { status: 200, firstByteMs: 400, totalMs: 500 })
  fleet.began(0, 0)
  fleet.shards[0]!.balancing.answered(fleet.spec.endpoints[0]!, answer, 0)
  answer.firstByteMs = 2
  fleet.began(0, 1)
  fleet.shards[0]!.balancing.answered(fleet.spec.endpoints[1]!, answer, 0)
  fleet.turn()
  assert.equal(fleet.shards[1]!.facts.view.cost[0], 400)
  const slow = fleet.shards[1]!.picks(1000, fleet.nowMs).filter((slot) => slot === 0).length
  assert.ok(slow < 100, `${slow} of 1000 go to the slow one`)
})

// ── slow start ──

test('slow start: whoever is there from the beginning is warm; whom a reload brings warms up at once, before the health actor says so', () => {
  const fleet = new BalancingFleet(spec({ slowStart: SLOW }))
  near(shares(fleet)[0]!, 1 / 4)
  fleet.turn()
  fleet.apply(spec({ slowStart: SLOW, endpoints: endpoints(5) }))
  near(shares(fleet)[4]!, 0.1 / 4.1, 0.01)
  fleet.turn(5000)
  near(shares(fleet)[4]!, 0.5 / 4.5)
  fleet.turn(5000)
  near(shares(fleet)[4]!, 1 / 5)
})

test('slow start: a shard that restarts in the midst of a warm-up goes on with it, and warms up nobody else', () => {
  const fleet = new BalancingFleet(spec({ slowStart: SLOW }))
  fleet.verdict(3, 'warming', 'recovered')
  fleet.turn(3000)
  fleet.restart(0)
  for (const shard of [0, 1]) near(shares(fleet, shard)[3]!, 0.3 / 3.3)
  near(shares(fleet)[0]!, 1 / 3.3)
})

test('slow start: an endpoint that comes back, from quarantine or from an operator, warms up; the moment between two words is no gap', () => {
  const fleet = new BalancingFleet(spec({ slowStart: SLOW }))
  fleet.verdict(0, 'quarantined', 'consecutive HTTP errors')
  fleet.admin(1, 'drain')
  fleet.turn()
  fleet.verdict(0, 'warming', 'recovered')
  fleet.admin(1, 'ready') // and the health actor has not heard of it
  fleet.turn(1)
  const [a, b] = shares(fleet)
  near(a!, 0.1 / 2.2, 0.01)
  near(b!, 0.1 / 2.2, 0.01)
})

test('slow start: a weight that grew begins with what it was; one that fell or an agent’s share is not slowed', () => {
  const fleet = new BalancingFleet(spec({ slowStart: SLOW, endpoints: endpoints(4, 2) }))
  fleet.turn()
  fleet.admin(0, 'ready', 8)
  fleet.admin(1, 'ready', 1)
  fleet.turn(1)
  const begun = shares(fleet)
  near(begun[0]!, 2 / 7)
  near(begun[1]!, 1 / 7)
  fleet.turn(20_000)
  near(shares(fleet)[0]!, 8 / 13)
})

test('slow start: clocks that go back change nothing that stands', () => {
  const fleet = new BalancingFleet(spec({ slowStart: SLOW }))
  fleet.turn()
  fleet.apply(spec({ slowStart: SLOW, endpoints: endpoints(5) }))
  fleet.turn(-500_000)
  near(shares(fleet)[4]!, 0.1 / 4.1, 0.01)
  fleet.turn(520_000)
  near(shares(fleet)[4]!, 1 / 5)
})

test('a subset holds as many endpoints as it is to, the same on every shard, and says so of the others', () => {
  const fleet = new BalancingFleet(spec({ endpoints: endpoints(8), subset: { size: 3, seed: 7 } }))
  const [mine, theirs] = fleet.shards.map((shard) => new Set(shard.picks(500, fleet.nowMs)))
  assert.equal(mine!.size, 3)
  assert.deepEqual(mine, theirs)
})
