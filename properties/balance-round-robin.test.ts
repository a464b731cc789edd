import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RoundRobin } from '../src/balance/round-robin.ts'
import { seededRng } from '../src/base/random.ts'
import type { Rng } from '../src/base/random.ts'
import { picksOf, tally, viewOf } from '../test/support/balance.ts'

const seed = fc.integer()
const light = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 })
const anyWeights = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1_000_000 })),
  {
    minLength: 1,
    maxLength: 40,
  },
)
const total = (weights: readonly number[]): number => weights.reduce((sum, weight) => sum + weight, 0)

/** nginx's `ngx_http_upstream_get_peer` as its commit message words it, in exact integers, from a cold start. */
const nginx = (weights: readonly number[], count: number): number[] => {
  const peers = weights.map((weight, index) => ({ index, weight: BigInt(weight), current: 0n }))
  const sum = peers.reduce((all, { weight }) => all + weight, 0n)
  return Array.from({ length: count }, () => {
    for (const peer of peers) peer.current += peer.weight
    const best = peers.reduce((winner, peer) => (peer.current > winner.current ? peer : winner))
    best.current -= sum
    return best.index
  })
}

/** Chance that starts a policy where nginx starts: nothing earned yet, and what is next is what comes first. */
const coldStart = (weights: readonly number[]): Rng => {
  let left = weights.length
  const [first = 0] = nginx(weights, 1)
  const before = total(weights.slice(0, first)) / total(weights)
  return { next: () => (left-- > 0 ? 0 : before + 1e-9), below: () => 0, uint32: () => 0 }
}

test('round robin from a cold start = nginx in exact integers, pick by pick, weights up to a million', () => {
  fc.assert(
    fc.property(anyWeights, (weights) => {
      const picks = picksOf(new RoundRobin(), viewOf(weights), 300, coldStart(weights))
      assert.deepEqual(picks, nginx(weights, 300))
    }),
  )
})

test('round robin: in any cycle, wherever it starts, each endpoint has exactly its weight in picks', () => {
  fc.assert(
    fc.property(light, seed, fc.nat(100), (weights, at, skipped) => {
      const cycle = total(weights)
      const picks = picksOf(new RoundRobin(), viewOf(weights), skipped + 2 * cycle, seededRng(at)).slice(
        skipped,
      )
      for (const whole of [picks.slice(0, cycle), picks.slice(cycle)]) {
        assert.deepEqual(tally(whole, weights.length), weights)
      }
    }),
  )
})

/**
 * In units of a pick: who is picked had the most, at least the average, so nobody falls to -1. And filling cups at fixed rates, always
 * taking one from the fullest, leaves none above 1/2 + 1/3 + … + 1/n (the cup game; M. Adler et al., SODA 2003), plus the 1/n that
 * beginning above nothing may add. From one moment to another, then, nobody moves by more than the two together.
 */
test('round robin has no bursts: after any number of picks each endpoint is within 1/n + 1 + 1/2 + … + 1/n of its due', () => {
  fc.assert(
    fc.property(anyWeights, seed, (weights, at) => {
      const sum = total(weights)
      const n = weights.length
      const bound = weights.reduce((harmonic, _, i) => harmonic + 1 / (i + 1), 1 / n)
      const counts = weights.map(() => 0)
      picksOf(new RoundRobin(), viewOf(weights), 400, seededRng(at)).forEach((pick, i) => {
        assert.ok(pick >= 0 && pick < n)
        counts[pick]!++
        weights.forEach((weight, endpoint) => {
          const ahead = counts[endpoint]! - ((i + 1) * weight) / sum
          assert.ok(Math.abs(ahead) <= bound, `${endpoint} is ${ahead} ahead at pick ${i}`)
        })
      })
    }),
  )
})

test('round robin with equal weights is a rotation: n picks in a row are n different endpoints, in the same order for ever', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      seed,
      (n, weight, at) => {
        const weights = Array.from({ length: n }, () => weight)
        const picks = picksOf(new RoundRobin(), viewOf(weights), 2 * n + 1, seededRng(at))
        const [first = -1] = picks
        assert.deepEqual(
          picks,
          picks.map((_, i) => (first + i) % n),
        )
      },
    ),
  )
})
