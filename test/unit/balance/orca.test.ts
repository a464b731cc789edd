import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Orca } from '../../../src/balance/orca.ts'
import { NO_PICK } from '../../../src/balance/policy.ts'
import type { ClusterView } from '../../../src/balance/view.ts'
import { mix32, seededRng } from '../../../src/base/random.ts'
import { morePicks, picksOf, sharesOf, tally, viewOf } from '../../support/balance.ts'

const OPTIONS = { penalty: 1, blackoutMs: 10_000, expiryMs: 180_000, updateMs: 1000 }

type Report = { readonly qps: number; readonly eps?: number; readonly use: number }

const report = (view: ClusterView, index: number, { qps, eps = 0, use }: Report): void => {
  view.reportedQps[index] = qps
  view.reportedEps[index] = eps
  view.utilisation[index] = use
  view.reportedAtMs[index] = view.nowMs
}

/** A policy that has made `updates` updates on what the view says now, and its next 20,000 picks. */
const countsAfter = (updates: number, view: ClusterView, policy = new Orca(OPTIONS)): number[] => {
  const rng = seededRng(1)
  policy.rebuild(view, rng)
  for (let i = 0; i < updates; i++) {
    view.nowMs += 1000
    policy.pick(view)
  }
  return tally(morePicks(policy, view, 20_000, rng), view.size)
}

const assertNear = (counts: readonly number[], weights: readonly number[]): void =>
  sharesOf(weights).forEach((share, i) =>
    assert.ok(Math.abs(counts[i]! - 20_000 * share) <= 3, `${counts.join()}: not as ${weights.join()}`),
  )

test('orca: requests a second per utilisation, less with errors: q / (u + e / q · penalty)', () => {
  const view = viewOf([1, 1, 1])
  report(view, 0, { qps: 100, use: 0.5 }) // 200
  report(view, 1, { qps: 100, use: 0.25 }) // 400
  report(view, 2, { qps: 100, use: 0.5, eps: 50 }) // 100
  assertNear(countsAfter(10, view), [2, 4, 1])
})

test('orca: who reports nothing gets the average of those who do', () => {
  const view = viewOf([1, 1, 1, 1])
  report(view, 0, { qps: 100, use: 1 })
  report(view, 2, { qps: 300, use: 1 })
  assertNear(countsAfter(10, view), [1, 2, 3, 2])
})

test('orca: fewer than two reporting is plain weighted round robin', () => {
  const view = viewOf([1, 2, 3])
  assertNear(countsAfter(5, view), [1, 2, 3])
  report(view, 0, { qps: 1000, use: 0.1 })
  assertNear(countsAfter(5, view), [1, 2, 3])
})

test('orca: reports take the place of configured weights, slow start is heeded all the same', () => {
  const view = viewOf([5, 1])
  report(view, 0, { qps: 100, use: 1 })
  report(view, 1, { qps: 100, use: 1 })
  assertNear(countsAfter(10, view), [1, 1])
  view.weights[1] = 0.25
  assertNear(countsAfter(10, view), [4, 1])
})

test('orca: what is too old, too soon after it came, or from before that, does not count', () => {
  const heard = (change: (view: ClusterView) => void): number[] => {
    const view = viewOf([1, 1, 1])
    report(view, 0, { qps: 100, use: 1 })
    report(view, 1, { qps: 100, use: 1 })
    report(view, 2, { qps: 300, use: 1 })
    change(view)
    return countsAfter(5, view)
  }
  assertNear(
    heard(() => {}),
    [3 / 5, 3 / 5, 9 / 5],
  )
  assertNear(
    heard((view) => (view.reportedAtMs[2] = view.nowMs - 180_000)),
    [1, 1, 1],
  )
  assertNear(
    heard((view) => (view.readySinceMs[2] = view.nowMs - 1000)),
    [1, 1, 1],
  )
  assertNear(
    heard((view) => (view.readySinceMs[2] = view.nowMs + 1)),
    [1, 1, 1],
  )
  assertNear(
    heard((view) => (view.readySinceMs[2] = view.nowMs - 5001)),
    [3 / 5, 3 / 5, 9 / 5],
  )
})

test('orca: an update moves what is believed by a factor of two at most, in all by a hundred', () => {
  const view = viewOf([1, 1, 1])
  report(view, 0, { qps: 1, use: 1 })
  report(view, 1, { qps: 1, use: 1 })
  report(view, 2, { qps: 1e12, use: 1e-12 })
  assertNear(countsAfter(1, view), [1 / 2, 1 / 2, 2])
  assertNear(countsAfter(2, view), [1 / 4, 1 / 4, 3])
  assertNear(countsAfter(20, view), [0.01, 0.01, 3])
})

test('orca: what is believed of those that stay survives a change of membership', () => {
  const view = viewOf([1, 1, 1])
  report(view, 0, { qps: 400, use: 1 })
  report(view, 1, { qps: 100, use: 1 })
  report(view, 2, { qps: 100, use: 1 })
  const policy = new Orca(OPTIONS)
  countsAfter(10, view, policy)
  const after = viewOf([1, 1])
  after.nowMs = view.nowMs
  after.hashes.set([mix32(9), view.hashes[0]!])
  policy.rebuild(after, seededRng(2))
  const rng = seededRng(3)
  after.nowMs += 1
  assertNear(tally(morePicks(policy, after, 20_000, rng), 2), [1, 2])
})

test('orca: of none there is no pick, of one only that', () => {
  assert.deepEqual(picksOf(new Orca(OPTIONS), viewOf([]), 1), [NO_PICK])
  assert.deepEqual(picksOf(new Orca(OPTIONS), viewOf([4]), 2), [0, 0])
})
