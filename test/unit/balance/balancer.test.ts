import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decision } from '../../../src/balance/decision.ts'
import { explainDecision } from '../../../src/balance/explain.ts'
import { endpointHash } from '../../../src/balance/identity.ts'
import { ALL_FULL, BY, PICK_KIND } from '../../../src/balance/pick-request.ts'
import { NO_PICK } from '../../../src/balance/policy.ts'
import { memberOf, members, policyNamed, TestFleet } from '../../support/balancer/fleet.ts'
import { bytesPerRun } from '../../support/allocation.ts'
import { tally } from '../../support/balance.ts'

test('nobody is picked of nobody', () => {
  const fleet = new TestFleet()
  assert.equal(fleet.pick(undefined, new Decision()), NO_PICK)
  assert.equal(fleet.set([]).pick(), NO_PICK)
  const decision = new Decision()
  fleet.pick(undefined, decision)
  const { endpoint, candidates, replay } = explainDecision(decision, [])
  assert.deepEqual([endpoint, candidates, replay], ['', [], null])
})

test('a client sticks to its endpoint while that may be picked, and not where it was tried, is full or is gone', () => {
  const fleet = new TestFleet({ policy: policyNamed('random') }).set(members(6))
  const { request } = fleet
  request.stickyHash = endpointHash(memberOf(4).address)
  assert.deepEqual(new Set(fleet.picks(50)), new Set([4]))
  assert.equal(request.by, BY.sticky)
  request.exclude(4)
  assert.ok(!fleet.picks(50).includes(4))
  request.excludedCount = 0
  fleet.balancer.mostPerEndpoint = 1
  fleet.balancer.began(4)
  assert.notEqual(fleet.pick(), 4)
  fleet.balancer.mostPerEndpoint = Infinity
  fleet.set(
    members(6).map((each) => (each.slot === 4 ? { ...each, healthy: false, why: 'checks fail' } : each)),
  )
  assert.ok(!fleet.picks(50).includes(4))
  fleet.set(members(4))
  assert.ok(fleet.pick() >= 0)
})

test('endpoints at their limit of exchanges are passed over; when all are, that is another answer than that there is nobody', () => {
  const fleet = new TestFleet().set(members(3))
  const { balancer, request } = fleet
  balancer.mostPerEndpoint = 2
  const decision = new Decision()
  for (let i = 0; i < 6; i++) balancer.began(fleet.pick())
  assert.deepEqual([...balancer.sets[0]!.view.inFlight], [2, 2, 2])
  assert.equal(fleet.pick(undefined, decision), ALL_FULL)
  assert.match(explainDecision(decision, []).excluded[0]!.why, /limit/)
  balancer.ended(1)
  assert.equal(fleet.pick(), 1)
  balancer.began(1)
  for (let slot = 0; slot < 3; slot++) request.exclude(slot)
  assert.equal(fleet.pick(), NO_PICK, 'who has been everywhere need not wait')
})

test('exchanges that end more often than they begin do not make an endpoint owe', () => {
  const fleet = new TestFleet().set(members(2))
  fleet.balancer.ended(0)
  fleet.balancer.ended(7)
  assert.equal(fleet.balancer.sets[0]!.view.inFlight[0], 0)
})

test('how an endpoint was found: by the policy, from the rest because it had been everywhere else, after a warming one was declined', () => {
  const fleet = new TestFleet({ policy: policyNamed('round-robin') }).set(members(3))
  fleet.pick()
  assert.equal(fleet.request.by, BY.policy)
  fleet.set(members(40))
  for (let slot = 0; slot < 15; slot++) fleet.request.exclude(slot)
  const by = fleet.picks(100).map(() => fleet.request.by)
  assert.ok(by.every((each) => each === BY.policy || each === BY.excluded))
  fleet.request.reset()
  fleet.spec = { policy: policyNamed('random'), shadow: undefined }
  fleet.set([memberOf(0), memberOf(1, { warmth: 0.01 })])
  const declined = Array.from({ length: 100 }, () => (fleet.pick(), fleet.request.by))
  assert.ok(declined.includes(BY.warmingDeclined))
})

test('sets get their shares; a key has its set; a retry leaves its set only when nobody is left there', () => {
  const fleet = new TestFleet({ policy: policyNamed('random') })
  fleet.plan = {
    panic: 0,
    locality: { ...fleet.plan.locality, mode: 'weights', weights: { a: 3, b: 1 } },
  }
  fleet.set(Array.from({ length: 6 }, (_, slot) => memberOf(slot, { zone: slot < 2 ? 'a' : 'b' })))
  const [a, b] = [fleet.picks(8000), [2, 3, 4, 5]]
  const inB = a.filter((slot) => b.includes(slot)).length
  assert.ok(Math.abs(inB - 2000) < 200, `${inB} of 8000`)
  for (let key = 1; key < 100; key++) {
    const zones = new Set(fleet.picks(20, () => key).map((slot) => slot < 2))
    assert.equal(zones.size, 1, 'a key goes to two zones')
  }
  const { request } = fleet
  request.exclude(0)
  request.exclude(1)
  assert.ok(fleet.picks(200).every((slot) => slot >= 2))
})

test('backups get nothing while the first choice can do, and a retry that has been everywhere else; a full first choice is waited for', () => {
  const fleet = new TestFleet({ policy: policyNamed('maglev') })
  fleet.set([
    memberOf(0),
    memberOf(1),
    memberOf(2, { priority: 1 }),
    memberOf(3, { priority: 1, healthy: false, why: 'checks fail' }),
  ])
  assert.deepEqual(new Set(fleet.picks(500, (i) => i + 1)), new Set([0, 1]))
  fleet.request.exclude(0)
  assert.deepEqual(new Set(fleet.picks(100, (i) => i + 1)), new Set([1]))
  fleet.request.exclude(1)
  assert.equal(fleet.pick(7), 2)
  fleet.request.exclude(2)
  assert.equal(fleet.pick(7), NO_PICK)
  fleet.request.reset()
  fleet.balancer.mostPerEndpoint = 1
  fleet.balancer.began(0)
  fleet.balancer.began(1)
  assert.equal(fleet.pick(7), ALL_FULL)
})

test('a policy keeps its place over changes of weights and of other sets; what endpoints are known by survives every change', () => {
  const fleet = new TestFleet({ policy: policyNamed('round-robin') })
  fleet.set(members(4))
  const first = fleet.picks(2)
  Object.assign(fleet.picture.of(2), { inFlight: 5, cost: 12, costAtMs: 900, succeeded: 10 })
  fleet.balancer.refresh(2, 1000)
  fleet.set([...members(4), memberOf(9, { priority: 1, healthy: false, why: 'checks fail' })])
  const then = fleet.picks(2)
  assert.equal(new Set([...first, ...then]).size, 4, 'the rotation goes on')
  fleet.set(members(5).toReversed())
  const { view, slots } = fleet.balancer.sets[0]!
  const at = slots.indexOf(2)
  assert.deepEqual(
    [view.inFlight[at], view.cost[at], view.costAtMs[at], view.succeeded[at]],
    [5, 12, 900, 10],
  )
  assert.equal(view.epoch, 2)
})

test('shadow: asked beside the policy and never obeyed; agreement and what it would have picked are counted', () => {
  const same = new TestFleet({ policy: policyNamed('maglev'), shadow: policyNamed('maglev') }).set(members(8))
  same.picks(500, (i) => i + 1)
  assert.equal(same.agreed, 500, 'the same hash agrees on every key')
  const fleet = new TestFleet({ policy: policyNamed('round-robin'), shadow: policyNamed('random') }, 2).set(
    members(4),
  )
  const decision = new Decision()
  const counts = tally(fleet.picks(4000), 4)
  assert.deepEqual(counts, [1000, 1000, 1000, 1000], 'the rotation is not disturbed')
  assert.ok(Math.abs(fleet.agreed - 1000) < 150, `${fleet.agreed} of 4000 agree by chance`)
  assert.ok(tally(fleet.shadowPicks, 4).every((count) => Math.abs(count - 1000) < 150))
  fleet.pick(undefined, decision)
  const { shadow } = explainDecision(decision, [])
  assert.equal(shadow?.policy, 'random')
  assert.equal(shadow.endpoint, memberOf(fleet.shadowPicks.at(-1)!).address)
  fleet.request.kind = PICK_KIND.retry
  const before = fleet.shadowPicks.length
  fleet.pick()
  assert.equal(fleet.shadowPicks.length, before, 'of a retry it knows nothing')
})

test('an explained pick tells who was compared, who could not be picked and why, and how likely it was', () => {
  const fleet = new TestFleet().set([
    memberOf(0),
    memberOf(1),
    memberOf(2, { healthy: false, why: 'quarantined: consecutive connection failures' }),
    memberOf(3, { healthy: false, usable: false, why: 'an operator drains it' }),
  ])
  fleet.balancer.stalenessMs = 0.25
  fleet.balancer.began(1)
  const decision = new Decision()
  assert.equal(fleet.pick(undefined, decision), 0)
  const explained = explainDecision(decision, [memberOf(1).address])
  assert.deepEqual(
    explained.candidates
      .map(({ endpoint, score, inFlight }) => `${endpoint} ${score} ${inFlight}`)
      .toSorted((a, b) => a.localeCompare(b)),
    [`${memberOf(0).address} 0 0`, `${memberOf(1).address} 1 1`],
  )
  assert.deepEqual(explained.excluded, [
    { endpoint: memberOf(1).address, why: 'tried before' },
    { endpoint: memberOf(2).address, why: 'quarantined: consecutive connection failures' },
    { endpoint: memberOf(3).address, why: 'an operator drains it' },
  ])
  assert.deepEqual(
    [
      explained.endpoint,
      explained.by,
      explained.set,
      explained.panic,
      explained.size,
      explained.stalenessMs,
      explained.propensity,
    ],
    [memberOf(0).address, 'policy', 'priority 0', false, 2, 0.25, 1],
  )
})

test('a pick allocates nothing; taking it down at most what a propensity is returned in', () => {
  const fleet = new TestFleet({ policy: policyNamed('p2c'), shadow: policyNamed('random') }).set(members(20))
  const { balancer, request } = fleet
  const decision = new Decision()
  fleet.shadowPicks.push = (): number => 0
  const pick = (taken: Decision | undefined): number => {
    request.key = (request.key + 1) & 1023
    const slot = balancer.pick(request, 5, taken)
    balancer.began(slot)
    balancer.ended(slot)
    return slot
  }
  const bare = bytesPerRun(() => pick(undefined))
  assert.ok(bare < 1, `${bare} bytes`)
  const taken = bytesPerRun(() => pick(decision))
  assert.ok(taken <= 48, `${taken} bytes`)
})
