import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RelativeDegradation } from '../../../src/balance/d2.ts'
import { POLICY_DEFAULTS } from '../../../src/balance/options.ts'
import { NO_PICK } from '../../../src/balance/policy.ts'
import type { ClusterView } from '../../../src/balance/view.ts'
import { seededRng } from '../../../src/base/random.ts'
import { picksOf, viewOf } from '../../support/balance.ts'

const rng = seededRng(1)
const made = (view: ClusterView): RelativeDegradation => {
  const policy = new RelativeDegradation(POLICY_DEFAULTS.d2)
  policy.rebuild(view)
  return policy
}

type Interval = readonly { readonly answers?: number; readonly ms?: number; readonly errors?: number }[]

/** One interval in which this happened, and the judgement at its end. */
const pass = (policy: RelativeDegradation, view: ClusterView, interval: Interval): void => {
  interval.forEach(({ answers = 0, ms = 0, errors = 0 }, i) => {
    view.succeeded[i]! += answers
    view.latencySumMs[i]! += answers * ms
    view.failed[i]! += errors
  })
  view.nowMs += 5000
  policy.pick(view, 0, rng)
}

/** Health of all, by the shares of endpoints of equal weight, of which `whole` is known to be whole. */
const healthOf = (policy: RelativeDegradation, view: ClusterView, whole = 0): number[] =>
  Array.from({ length: view.size }, (_, i) => {
    const ratio = policy.propensity(view, 0, i) / policy.propensity(view, 0, whole)
    return Math.round(ratio * 1e6) / 1e6
  })

const quick = { answers: 100, ms: 10 }

test('d2: latency of 1.3 times the cluster takes 0.2, of 1.2 times or less gives 0.05 back, between them all stays', () => {
  const view = viewOf([1, 1, 1, 1])
  const policy = made(view)
  // The cluster's is 14 ms: 20 is above 18.2.
  pass(policy, view, [quick, { answers: 100, ms: 20 }, { answers: 100, ms: 13 }, { answers: 100, ms: 13 }])
  assert.deepEqual(healthOf(policy, view), [1, 0.8, 1, 1])
  // 12.5 of 10.2 is 1.22: neither.
  pass(policy, view, [{ answers: 900, ms: 10 }, { answers: 100, ms: 12.5 }, {}, {}])
  assert.deepEqual(healthOf(policy, view), [1, 0.8, 1, 1])
  pass(policy, view, [quick, quick, quick, quick])
  assert.deepEqual(healthOf(policy, view), [1, 0.85, 1, 1])
})

test('d2: errors of a tenth take 0.2, fewer none, and never below what newcomers begin at', () => {
  const view = viewOf([1, 1])
  const policy = made(view)
  pass(policy, view, [quick, { answers: 91, ms: 10, errors: 9 }])
  assert.deepEqual(healthOf(policy, view), [1, 1])
  for (const health of [0.8, 0.6, 0.4, 0.2, 0.01, 0.01]) {
    pass(policy, view, [quick, { answers: 90, ms: 10, errors: 10 }])
    assert.deepEqual(healthOf(policy, view), [1, health])
  }
  pass(policy, view, [quick, quick])
  assert.deepEqual(healthOf(policy, view), [1, 0.06])
})

test('d2: an endpoint that fails everything at once is bad, not quick (fasthttp PR #865)', () => {
  const view = viewOf([1, 1])
  const policy = made(view)
  pass(policy, view, [quick, { errors: 1000 }])
  assert.deepEqual(healthOf(policy, view), [1, 0.8])
})

test('d2: what is under way counts with its age: one that hangs is slow though it answers nothing', () => {
  const view = viewOf([1, 1, 1])
  const policy = made(view)
  view.inFlight[2] = 20
  view.ageMs[2] = 3000
  pass(policy, view, [quick, quick, {}])
  assert.deepEqual(healthOf(policy, view), [1, 1, 0.8])
})

test('d2: too few requests prove nothing, and such an endpoint recovers', () => {
  const view = viewOf([1, 1])
  const policy = made(view)
  pass(policy, view, [quick, { answers: 9, ms: 500 }])
  assert.deepEqual(healthOf(policy, view), [1, 1])
  pass(policy, view, [quick, { answers: 10, ms: 500 }])
  pass(policy, view, [quick, {}])
  assert.deepEqual(healthOf(policy, view), [1, 0.85])
})

test('d2: everybody is whole at the beginning; who joins later begins at 0.01 and doubles; the others keep what they have', () => {
  const before = viewOf([1, 1])
  const policy = made(before)
  assert.deepEqual(healthOf(policy, before), [1, 1])
  pass(policy, before, [quick, { answers: 100, ms: 100 }])
  const view = viewOf([1, 1, 1])
  for (const name of ['succeeded', 'failed', 'latencySumMs'] as const) view[name].set(before[name])
  view.nowMs = before.nowMs
  // It was known elsewhere: what it did then is not this interval's.
  view.failed[2] = 5000
  policy.rebuild(view)
  assert.deepEqual(healthOf(policy, view), [1, 0.8, 0.01])
  for (const health of [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1, 1]) {
    pass(policy, view, [quick, { answers: 100, ms: 100 }, quick])
    assert.equal(healthOf(policy, view)[2], health)
  }
})

test('d2: totals that fall (a stripe was zeroed) and a clock that jumps back judge nobody', () => {
  const view = viewOf([1, 1])
  const policy = made(view)
  pass(policy, view, [quick, quick])
  for (const column of [view.succeeded, view.failed, view.latencySumMs]) column.fill(0)
  view.nowMs -= 500_000
  policy.pick(view, 0, rng)
  assert.deepEqual(healthOf(policy, view), [1, 1])
  pass(policy, view, [quick, { answers: 100, ms: 100 }])
  assert.deepEqual(healthOf(policy, view), [1, 0.8])
})

test('d2: of none there is no pick, of one only that', () => {
  const policy = new RelativeDegradation(POLICY_DEFAULTS.d2)
  assert.deepEqual(picksOf(policy, viewOf([]), 1), [NO_PICK])
  assert.deepEqual(picksOf(policy, viewOf([4]), 2), [0, 0])
})
