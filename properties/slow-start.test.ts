/** Slow start holds whatever the policy is: no flood of a newcomer, however much the policy would like one (envoy #19437). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FLOOD_FACTOR, FLOOD_SLACK } from '../src/balance/warming.ts'
import { seededRng } from '../src/base/random.ts'
import type { PolicySpec, SlowStartSpec } from '../src/config/snapshot.ts'
import { FeedbackWarmth, warmthOverTime } from '../src/health/slow-start.ts'
import type { WarmthFacts } from '../src/health/slow-start.ts'
import { memberOf, policyNamed, TestFleet } from '../test/support/balancer/fleet.ts'
import { says, SUBJECTS } from '../test/support/balancer/subjects.ts'

const WINDOW_MS = 30_000

/** Old endpoints are busy and known to be slow; the newcomers are idle and were never measured: what policies fall for. */
const tempting = (policy: PolicySpec, old: number, fresh: number): TestFleet => {
  const fleet = new TestFleet({ policy }, 5)
  fleet.nowMs = 100_000
  for (let slot = 0; slot < old; slot++) {
    Object.assign(fleet.picture.of(slot), {
      inFlight: 20,
      startSumMs: 20 * 99_000,
      cost: 80,
      costAtMs: 99_990,
    })
    Object.assign(fleet.picture.of(slot), { succeeded: 1000, latencySumMs: 80_000 })
    Object.assign(fleet.picture.of(slot), {
      probedRif: 20,
      probedLatencyMs: 80,
      probedAtMs: 99_990,
      probeSeq: 9,
    })
  }
  for (let slot = old; slot < old + fresh; slot++) {
    Object.assign(fleet.picture.of(slot), {
      probedRif: 0,
      probedLatencyMs: 1,
      probedAtMs: 99_990,
      probeSeq: 9,
    })
  }
  return fleet
}

type Course = {
  readonly old: number
  readonly fresh: number
  readonly min: number
  readonly keys: number
  readonly seed: number
}

/** Requests while newcomers warm up, some of which stay for a while. For every newcomer, the most it got beyond `FLOOD_FACTOR` times its due in any window. */
const excess = (policy: PolicySpec, { old, fresh, min, keys, seed }: Course): number => {
  const fleet = tempting(policy, old, fresh)
  const rng = seededRng(seed)
  const size = old + fresh
  const sinceMs = fleet.nowMs
  const slowStart: SlowStartSpec = { windowMs: WINDOW_MS, aggression: 1, min, by: 'time' }
  const ending = new Float64Array(size) // the most of any window that ends here (Kadane)
  let worst = 0
  let due: number[] = []
  for (let request = 0; request < 1500; request++) {
    if (request % 100 === 0) {
      // A step of the warm-up; clocks jump now and then.
      fleet.nowMs = sinceMs + (request / 1500) * WINDOW_MS * 0.9 - (rng.below(10) === 0 ? 5000 : 0)
      const warmth = warmthOverTime(slowStart, sinceMs, fleet.nowMs)
      const weights = Array.from({ length: size }, (_, slot) => (slot < old ? 1 : warmth))
      const sum = weights.reduce((all, weight) => all + weight, 0)
      due = weights.map((weight) => weight / sum)
      fleet.set(weights.map((each, slot) => memberOf(slot, { warmth: each })))
    }
    const slot = fleet.pick(keys === 0 ? undefined : 1 + rng.below(keys))
    for (let newcomer = old; newcomer < size; newcomer++) {
      const got = (newcomer === slot ? 1 : 0) - FLOOD_FACTOR * due[newcomer]!
      ending[newcomer] = Math.max(0, ending[newcomer]! + got)
      worst = Math.max(worst, ending[newcomer]!)
    }
    if (slot < old && rng.below(2) === 0) fleet.picture.of(slot).inFlight += 1 - 2 * rng.below(2)
    fleet.balancer.refresh(slot, fleet.nowMs)
  }
  assert.equal(fleet.faults, 0)
  return worst
}

const course: fc.Arbitrary<Course> = fc.record({
  old: fc.integer({ min: 1, max: 12 }),
  fresh: fc.integer({ min: 1, max: 3 }),
  min: fc.constantFrom(0.01, 0.1, 0.5),
  keys: fc.constantFrom(0, 1, 1000),
  seed: fc.nat(),
})

for (const spec of SUBJECTS) {
  test(`${says(spec)}: in no window does a warming endpoint get more than ${FLOOD_FACTOR} times its due and ${FLOOD_SLACK} requests (envoy #19437)`, () => {
    fc.assert(
      fc.property(course, (given) => {
        const most = excess(spec, given)
        assert.ok(most <= FLOOD_SLACK + 1e-6, `${most} beyond`)
      }),
      { numRuns: 12 },
    )
  })
}

test('a policy that always wants the newcomer is held to its due too, and gets it', () => {
  const greedy = { rebuild: () => {}, pick: (view: { readonly size: number }) => view.size - 1 }
  const spec = { name: 'greedy', module: 'file:///greedy.ts', options: {} }
  const policies = {
    make: (each: PolicySpec) => (each.name === 'greedy' ? greedy : new TestFleet().policies.make(each)),
  }
  const fleet = new TestFleet({ policy: spec }, 1, policies)
  fleet.set([...Array.from({ length: 9 }, (_, slot) => memberOf(slot)), memberOf(9, { warmth: 0.1 })])
  const got = fleet.picks(20_000).filter((slot) => slot === 9).length
  const due = (20_000 * 0.1) / 9.1
  assert.ok(got <= FLOOD_FACTOR * due + FLOOD_SLACK, `${got} of ${due}`)
  assert.ok(got >= due / 2, `${got} of ${due}`)
})

test('where all are cold alike nobody is declined: shares stay as they were', () => {
  const fleet = new TestFleet({ policy: policyNamed('random') })
  fleet.set(Array.from({ length: 5 }, (_, slot) => memberOf(slot, { warmth: 0.01 })))
  const counts = new Map<number, number>()
  for (const slot of fleet.picks(10_000)) counts.set(slot, (counts.get(slot) ?? 0) + 1)
  for (const count of counts.values()) assert.ok(Math.abs(count - 2000) < 300, `${count} of 10000`)
})

for (const name of ['ring-hash', 'maglev', 'rendezvous']) {
  test(`${name}: as an endpoint warms up keys come to it and none leaves it`, () => {
    const keysAt = (warmth: number): Set<number> => {
      const fleet = new TestFleet({ policy: policyNamed(name) })
      const held = new Set<number>()
      fleet.set([...Array.from({ length: 4 }, (_, slot) => memberOf(slot)), memberOf(4, { warmth })])
      fleet.picks(5000, (i) => Math.imul(i + 1, 0x85eb_ca6b) >>> 0) // how often it was asked before decides nothing
      for (let key = 1; key <= 400; key++) {
        if (fleet.pick(Math.imul(key, 0x9e37_79b1) >>> 0) === 4) held.add(key)
      }
      return held
    }
    const courses = [0.2, 0.4, 0.6, 0.8, 1].map(keysAt)
    courses.slice(1).forEach((later, i) => {
      for (const key of courses[i]!) assert.ok(later.has(key), `key ${key} left while the endpoint warmed up`)
      assert.ok(later.size > courses[i]!.size)
    })
  })
}

// ── the curves ──

const spec: fc.Arbitrary<SlowStartSpec> = fc.record({
  windowMs: fc.integer({ min: 1, max: 1_000_000 }),
  aggression: fc.double({ min: 0.1, max: 10, noNaN: true }),
  min: fc.double({ min: 1e-6, max: 1, noNaN: true }),
  by: fc.constant('time' as const),
})
const clock = fc.double({ min: -1e12, max: 1e12, noNaN: true })

test('slow start over time: within min … 1, never falling, 1 from the end of the window on, whatever the clocks say', () => {
  fc.assert(
    fc.property(spec, clock, clock, clock, (given, sinceMs, a, b) => {
      const [early, late] = [Math.min(a, b), Math.max(a, b)]
      const [first, then] = [warmthOverTime(given, sinceMs, early), warmthOverTime(given, sinceMs, late)]
      assert.ok(first >= given.min && then <= 1 && first <= then, `${first} then ${then}`)
      assert.equal(warmthOverTime(given, sinceMs, sinceMs + 2 * given.windowMs), 1)
    }),
  )
})

const totals: fc.Arbitrary<readonly [number, number, number]> = fc.tuple(
  fc.nat(200),
  fc.nat(200),
  fc.nat(50_000),
)

test('slow start by feedback: within min … 1, no step changes it by more than a factor of 2, none comes before its time', () => {
  fc.assert(
    fc.property(
      spec,
      fc.array(fc.tuple(fc.integer({ min: -10_000, max: 1_000_000 }), totals, totals), { maxLength: 60 }),
      (given, steps) => {
        const facts = {
          succeeded: 0,
          failed: 0,
          latencySumMs: 0,
          clusterSucceeded: 0,
          clusterFailed: 0,
          clusterLatencySumMs: 0,
        }
        const warmth = new FeedbackWarmth(given, 0, facts)
        let nowMs = 0
        let steppedMs = 0
        for (const [ms, own, others] of steps) {
          nowMs += ms
          facts.succeeded += own[0]
          facts.failed += own[1]
          facts.latencySumMs += own[2]
          facts.clusterSucceeded += own[0] + others[0]
          facts.clusterFailed += own[1] + others[1]
          facts.clusterLatencySumMs += own[2] + others[2]
          const before = warmth.share
          const share = warmth.update(nowMs, facts)
          assert.ok(share >= given.min && share <= 1)
          assert.ok(share <= before * 2 && share >= Math.min(before, Math.max(given.min, before / 2)))
          if (nowMs < steppedMs) steppedMs = nowMs
          if (share !== before) {
            assert.ok(nowMs - steppedMs >= given.windowMs / 8, 'a step before its time')
            steppedMs = nowMs
          } else if (nowMs - steppedMs >= given.windowMs / 8) steppedMs = nowMs
        }
      },
    ),
  )
})

test('slow start by feedback: who does no worse is warm after the window, who fails or lags stays cold, who is not asked stays where it is', () => {
  const given: SlowStartSpec = { windowMs: 8000, aggression: 1, min: 1 / 256, by: 'feedback' }
  const grow = (each: {
    readonly failed: number
    readonly latencyMs: number
    readonly asked: number
  }): number => {
    const facts: { -readonly [K in keyof WarmthFacts]: number } = {
      succeeded: 0,
      failed: 0,
      latencySumMs: 0,
      clusterSucceeded: 0,
      clusterFailed: 0,
      clusterLatencySumMs: 0,
    }
    const warmth = new FeedbackWarmth(given, 0, facts)
    for (let second = 1; second <= 8; second++) {
      const failed = each.asked * each.failed
      facts.succeeded += each.asked - failed
      facts.failed += failed
      facts.latencySumMs += (each.asked - failed) * each.latencyMs
      facts.clusterSucceeded += 1000 + each.asked - failed
      facts.clusterFailed += failed
      facts.clusterLatencySumMs += 20_000 + (each.asked - failed) * each.latencyMs
      warmth.update(second * 1000, facts)
    }
    return warmth.share
  }
  assert.equal(grow({ failed: 0, latencyMs: 22, asked: 10 }), 1)
  assert.equal(
    grow({ failed: 0.5, latencyMs: 1, asked: 10 }),
    1 / 256,
    'fails fast: no reason to send more (fasthttp PR #865)',
  )
  assert.equal(grow({ failed: 0, latencyMs: 200, asked: 10 }), 1 / 256)
  assert.equal(grow({ failed: 0, latencyMs: 0, asked: 0 }), 1 / 256)
})
