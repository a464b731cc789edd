/** The retry budget over several shards, in any order of its calls and with clocks that jump, against a list of all that happened. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RetryBudget } from '../src/limit/retry-budget.ts'
import { RETRY_WORDS } from '../src/shm/layout.ts'

type Call = { shard: number; cluster: number; what: 'request' | 'retry' | 'unused'; afterMs: number }

const SHARDS = 3
const CLUSTERS = 2

const calls = (afterMs: fc.Arbitrary<number>): fc.Arbitrary<Call[]> =>
  fc.array(
    fc.record({
      shard: fc.nat(SHARDS - 1),
      cluster: fc.nat(CLUSTERS - 1),
      what: fc.constantFrom<Call['what']>('request', 'request', 'retry', 'retry', 'retry', 'unused'),
      afterMs,
    }),
    { maxLength: 200 },
  )

const allowance = fc.record({
  ratio: fc.constantFrom(0, 0.2, 0.5, 1),
  perSecond: fc.constantFrom(0, 0.1, 0.5, 3),
})

const makeBudgets = (): RetryBudget[] => {
  const stripes = Array.from(
    { length: SHARDS },
    () => new Int32Array(new SharedArrayBuffer(CLUSTERS * RETRY_WORDS * 4)),
  )
  return stripes.map((_, shard) => new RetryBudget(stripes, shard))
}

test('a retry is granted if and only if those of the last ten seconds, over all shards, stay within the allowance', () => {
  fc.assert(
    fc.property(calls(fc.constantFrom(0, 1, 300, 1000, 4000, 12_000)), allowance, (course, limits) => {
      const budgets = makeBudgets()
      const log: { second: number; cluster: number; retry: boolean }[] = []
      let nowMs = 5000
      for (const { shard, cluster, what, afterMs } of course) {
        nowMs += afterMs
        const second = Math.floor(nowMs / 1000)
        const count = (retry: boolean): number =>
          log.filter(
            (entry) => entry.cluster === cluster && entry.retry === retry && second - entry.second < 10,
          ).length
        const budget = budgets[shard]!
        if (what === 'request') {
          budget.request(cluster, nowMs)
          log.push({ second, cluster, retry: false })
          continue
        }
        const granted = budget.claim(cluster, nowMs, limits)
        assert.equal(granted, count(true) + 1 <= limits.ratio * count(false) + limits.perSecond * 10)
        if (granted && what === 'unused') budget.giveBack()
        else if (granted) log.push({ second, cluster, retry: true })
      }
    }),
  )
})

/** Run `act`; before the atomic operations numbered in `at`, others run first, as another thread would between two of its steps. */
const interrupted = (act: () => void, at: readonly number[], other: () => void): void => {
  const { load, add } = Atomics
  let step = 0
  const interrupt = (): void => {
    if (!at.includes(step++)) return
    Object.assign(Atomics, { load, add })
    other()
    Object.assign(Atomics, patched)
  }
  const patched = {
    load: ((words: Int32Array, index: number): number => {
      interrupt()
      return load(words, index)
    }) as typeof load,
    add: ((words: Int32Array, index: number, value: number): number => {
      interrupt()
      return add(words, index, value)
    }) as typeof add,
  }
  Object.assign(Atomics, patched)
  try {
    act()
  } finally {
    Object.assign(Atomics, { load, add })
  }
}

test('whichever claims cut in between the steps of another, never more are granted than the allowance', () => {
  const rounds = fc.array(fc.record({ at: fc.array(fc.nat(100), { maxLength: 3 }), shard: fc.nat(2) }), {
    maxLength: 12,
  })
  fc.assert(
    fc.property(rounds, fc.nat(4), (course, most) => {
      const budgets = makeBudgets()
      let granted = 0
      const claim = (shard: number): void => {
        if (budgets[shard]!.claim(1, 5000, { ratio: 0, perSecond: most / 10 })) granted++
        assert.ok(granted <= most, `${granted} of ${most}`)
      }
      for (const { at, shard } of course) {
        interrupted(
          () => claim(shard),
          at,
          () => claim((shard + 1) % SHARDS),
        )
      }
    }),
  )
})

test('however its clock jumps, back or on, ten seconds later all is forgotten', () => {
  fc.assert(
    fc.property(calls(fc.integer({ min: -30_000, max: 30_000 })), allowance, (course, limits) => {
      const budgets = makeBudgets()
      let nowMs = 60_000
      let latestMs = nowMs
      for (const { shard, cluster, what, afterMs } of course) {
        nowMs = Math.max(0, nowMs + afterMs)
        latestMs = Math.max(latestMs, nowMs)
        if (what === 'request') budgets[shard]!.request(cluster, nowMs)
        else budgets[shard]!.claim(cluster, nowMs, limits)
      }
      for (let cluster = 0; cluster < CLUSTERS; cluster++) {
        let fresh = 0
        while (fresh < 100 && budgets[0]!.claim(cluster, latestMs + 10_000, limits)) fresh++
        assert.equal(fresh, Math.floor(limits.perSecond * 10))
      }
    }),
  )
})
