import assert from 'node:assert/strict'
import { test } from 'node:test'
import { POLICY_DEFAULTS } from '../../../src/balance/options.ts'
import { NO_PICK } from '../../../src/balance/policy.ts'
import { Prequal } from '../../../src/balance/prequal.ts'
import { ProbePool } from '../../../src/balance/probe-pool.ts'
import { SlidingQuantile } from '../../../src/balance/sliding-quantile.ts'
import type { ClusterView } from '../../../src/balance/view.ts'
import { seededRng } from '../../../src/base/random.ts'
import { assertShares, morePicks, picksOf, tally, viewOf } from '../../support/balance.ts'

const OPTIONS = { ...POLICY_DEFAULTS.prequal, remove: 0 }
const even = (size: number): number[] => Array.from({ length: size }, () => 1)

const probe = (view: ClusterView, index: number, rif: number, latencyMs: number): void => {
  view.probedRif[index] = rif
  view.probedLatencyMs[index] = latencyMs
  view.probedAtMs[index] = view.nowMs
  view.probeSeq[index]!++
}

test('sliding quantile: exact, of the last numbers only', () => {
  const recent: number[] = []
  const sliding = new SlidingQuantile(7)
  const rng = seededRng(3)
  assert.equal(sliding.at(0.5), -Infinity)
  for (let i = 0; i < 500; i++) {
    const value = rng.below(5)
    sliding.add(value)
    recent.push(value)
    if (recent.length > 7) recent.shift()
    const sorted = recent.toSorted((a, b) => a - b)
    for (const q of [0, 0.3, 0.84, 1]) {
      assert.equal(sliding.at(q), sorted[Math.max(Math.ceil(q * sorted.length) - 1, 0)])
    }
  }
  const state = new Float64Array(8)
  assert.equal(sliding.save(state, 1), -1)
  assert.equal(sliding.save(state, 0), 8)
  assert.deepEqual([...state], [7, ...recent])
})

test('pool: of the cold the quickest, all hot the least in flight; the worst is the other end', () => {
  const pool = new ProbePool(4)
  assert.equal(pool.best(1), -1)
  const places = [
    [5, 1],
    [2, 30],
    [1, 20],
    [9, 2],
  ] as const
  places.forEach(([rif, ms], i) => pool.write(pool.add(i, 5), rif, ms, 0))
  assert.equal(pool.index[pool.best(4)], 2)
  assert.equal(pool.index[pool.worst(4)], 3)
  assert.equal(pool.index[pool.best(5)], 0)
  assert.equal(pool.index[pool.best(0)], 2)
  assert.equal(pool.index[pool.worst(9)], 1)
})

test('pool: a newer answer of the same endpoint takes the place of the older, else the oldest makes room; used up and aged ones go', () => {
  const pool = new ProbePool(3)
  for (const index of [0, 1, 2, 1, 3]) pool.write(pool.add(index, 2), 0, 0, index)
  assert.deepEqual([...pool.index.subarray(0, pool.count)], [2, 1, 3])
  pool.use(1)
  assert.equal(pool.rif[1], 1)
  pool.use(1)
  assert.deepEqual([...pool.index.subarray(0, pool.count)], [2, 3])
  pool.age(3, 10)
  assert.deepEqual([...pool.index.subarray(0, pool.count)], [3])
  pool.rename((index) => index - 3)
  assert.deepEqual([...pool.index.subarray(0, pool.count)], [0])
  pool.rename(() => -1)
  assert.equal(pool.count, 0)
})

test('prequal: with fewer than two probes it is chance, and says so', () => {
  assert.deepEqual(picksOf(new Prequal(OPTIONS), viewOf([]), 1), [NO_PICK])
  assert.deepEqual(picksOf(new Prequal(OPTIONS), viewOf([3]), 2), [0, 0])
  const view = viewOf(even(3))
  probe(view, 0, 0, 1)
  const policy = new Prequal(OPTIONS)
  assertShares(tally(picksOf(policy, view, 9000), 3), [1 / 3, 1 / 3, 1 / 3])
  assert.equal(policy.propensity(view, 0, 1), 1 / 3)
})

test('prequal: the quickest of the cold until what is sent there makes it hot', () => {
  const view = viewOf(even(3))
  const policy = new Prequal({ ...OPTIONS, quantile: 0.5 })
  probe(view, 0, 2, 10)
  probe(view, 1, 2, 20)
  probe(view, 2, 9, 1)
  // Hot is above 2. Endpoint 0 has 3 after the first pick, 1 after the second; then all are hot and the fewest in flight go first.
  assert.deepEqual(picksOf(policy, view, 6), [0, 1, 0, 1, 0, 1])
  assert.equal(policy.propensity(view, 0, 1), 1)
  assert.equal(policy.propensity(view, 0, 0), 0)
})

test('prequal: probes count once, age out, and none is believed that is no number', () => {
  const view = viewOf(even(4))
  const policy = new Prequal(OPTIONS)
  const rng = seededRng(1)
  probe(view, 0, 0, 1)
  probe(view, 1, 0, 50)
  probe(view, 2, Number.NaN, 0)
  probe(view, 3, 0, -1)
  policy.rebuild(view)
  assert.equal(policy.pick(view, 0, rng), 0)
  view.nowMs += 1001
  assertShares(
    tally(morePicks(policy, view, 8000, rng), 4),
    even(4).map(() => 1 / 4),
  )
})

test('prequal: a probe is used as often as the rate of probes allows', () => {
  // Two of 1000 endpoints answered, then nothing comes: 3 probes a pick expected, 16 in a pool: 2 / (0.984 · 3) is less than one use.
  const view = viewOf(even(1000))
  probe(view, 10, 0, 1)
  probe(view, 11, 0, 2)
  const policy = new Prequal(OPTIONS)
  policy.rebuild(view)
  const rng = seededRng(1)
  assert.equal(policy.pick(view, 0, rng), 10)
  const [second] = morePicks(policy, view, 1, rng)
  assert.ok(policy.propensity(view, 0, second!) < 1)
})

test('prequal: the worst and the oldest are removed in turn, as many per pick as said and never the last two', () => {
  const view = viewOf(even(6))
  const policy = new Prequal({ ...OPTIONS, remove: 1, quantile: 1 })
  for (const [index, ms] of [50, 40, 30, 20, 60, 10].entries()) probe(view, index, index === 0 ? 9 : 0, ms)
  const rng = seededRng(1)
  policy.rebuild(view)
  const left = Array.from({ length: 6 }, () => {
    view.considered.clear()
    policy.pick(view, 0, rng)
    return [...view.considered.indexes.subarray(0, view.considered.count)].join('')
  })
  assert.deepEqual(left, ['01235', '1235', '235', '35', '35', '35'])
})

test('prequal: probes of those that stay survive a change of membership, of those that left they are gone', () => {
  const view = viewOf(even(3))
  for (const [index, ms] of [30, 20, 10].entries()) probe(view, index, 0, ms)
  const policy = new Prequal({ ...OPTIONS, quantile: 1 })
  policy.rebuild(view)
  const rng = seededRng(1)
  assert.equal(policy.pick(view, 0, rng), 2)
  const after = viewOf(even(2))
  after.nowMs = view.nowMs
  after.hashes.set([view.hashes[1]!, view.hashes[0]!])
  after.probeSeq.set([1, 1])
  policy.rebuild(after)
  assert.equal(policy.pick(after, 0, rng), 0)
})
