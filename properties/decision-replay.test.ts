/** A decision that was taken down, written as JSON and read again gives the same pick: for every policy, over whatever went before. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decision } from '../src/balance/decision.ts'
import { explainDecision } from '../src/balance/explain.ts'
import type { ExplainedPick } from '../src/balance/explain.ts'
import { makePolicy } from '../src/balance/registry.ts'
import { replayPick } from '../src/balance/replay.ts'
import type { PolicySpec } from '../src/config/snapshot.ts'
import { memberOf, TestFleet } from '../test/support/balancer/fleet.ts'
import type { Facts } from '../test/support/balancer/fleet.ts'
import { says, SUBJECTS } from '../test/support/balancer/subjects.ts'

const ms = fc.integer({ min: 0, max: 100_000 })
const some = fc.double({ min: 0, max: 1000, noNaN: true })
const facts: fc.Arbitrary<Partial<Facts>> = fc.record(
  {
    inFlight: fc.nat(50),
    cost: some,
    costAtMs: ms,
    succeeded: fc.nat(10_000),
    failed: fc.nat(1000),
    latencySumMs: fc.nat(1_000_000),
    utilisation: fc.double({ min: 0, max: 2, noNaN: true }),
    reportedQps: some,
    reportedAtMs: ms,
    probedRif: fc.nat(50),
    probedLatencyMs: some,
    probedAtMs: ms,
    probeSeq: fc.nat(100),
  },
  { requiredKeys: [] },
)

const someWeight = fc.oneof(
  { weight: 3, arbitrary: fc.constant(1) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 1_000_000 }) },
)
const someWarmth = fc.oneof(
  { weight: 4, arbitrary: fc.constant(1) },
  { weight: 1, arbitrary: fc.double({ min: 0.01, max: 1, noNaN: true }) },
)

/** What happens to a fleet: endpoints come and go, weights and facts change, time passes, requests come. */
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('pick' as const),
      key: fc.integer({ min: 1, max: 0xffff_ffff }),
      hold: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('facts' as const), slot: fc.nat(80), facts }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: -50, max: 20_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('members' as const),
      members: fc.array(fc.tuple(someWeight, someWarmth), { minLength: 1, maxLength: 90 }),
    }),
  },
)

const MOST = 64

const check = (explained: ExplainedPick, spec: PolicySpec): boolean => {
  const record = JSON.parse(JSON.stringify(explained)) as ExplainedPick
  const { replay } = record
  if (replay === null) return false
  assert.equal(replay.policy, spec.name)
  const again = replayPick(
    { ...record, replay },
    makePolicy({ name: replay.policy, options: replay.options }),
  )
  assert.equal(again, replay.picked)
  return true
}

const run = (
  spec: PolicySpec,
  first: readonly (readonly [number, number])[],
  steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
): void => {
  const fleet = new TestFleet({ policy: spec }, 7)
  const decision = new Decision()
  let size = 0
  const populate = (all: readonly (readonly [number, number])[]): void => {
    size = all.length
    fleet.set(all.map(([weight, warmth], slot) => memberOf(slot, { weight, warmth })))
  }
  populate(first)
  for (const each of steps) {
    if (each.kind === 'members') populate(each.members)
    else if (each.kind === 'pass') fleet.nowMs += each.ms
    else if (each.kind === 'facts') {
      Object.assign(fleet.picture.of(each.slot), each.facts)
      fleet.balancer.refresh(each.slot, fleet.nowMs)
    } else {
      const slot = fleet.pick(each.key, decision)
      const explained = explainDecision(decision, [])
      const replayed = check(explained, spec)
      const drawn =
        explained.by === 'policy' || (explained.by === 'warming-declined' && explained.replay !== null)
      if (drawn && size <= MOST) assert.ok(replayed, `${spec.name}: a pick among ${size} is not kept`)
      assert.equal(fleet.faults, 0, 'the policy itself picked')
      if (each.hold) {
        fleet.picture.of(slot).inFlight++
        fleet.balancer.began(slot)
      }
    }
  }
}

for (const spec of SUBJECTS) {
  test(`${says(spec)}: a decision record replays to the same pick`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(someWeight, someWarmth), { minLength: 1, maxLength: 90 }),
        fc.array(step, { minLength: 1, maxLength: 40 }),
        (first, steps) => run(spec, first, steps),
      ),
      { numRuns: 60 },
    )
  })
}
