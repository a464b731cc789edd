import assert from 'node:assert/strict'
import type { Policy } from '../../src/balance/policy.ts'
import { ClusterView } from '../../src/balance/view.ts'
import { mix32, seededRng } from '../../src/base/random.ts'
import type { Rng } from '../../src/base/random.ts'

/** Endpoints of these weights, each with an identity of its own (`firstId` + index), idle, nothing measured, ready for long. */
export const viewOf = (weights: readonly number[], firstId = 1): ClusterView => {
  const view = new ClusterView(weights.length)
  view.nowMs = 1_000_000
  view.readySinceMs.fill(0)
  weights.forEach((_, i) => (view.hashes[i] = mix32(firstId + i)))
  view.baseWeights.set(weights)
  view.weights.set(weights)
  return view
}

/** The first `count` picks of a policy made for `view`. */
export const picksOf = (
  policy: Policy,
  view: ClusterView,
  count: number,
  rng: Rng = seededRng(1),
): number[] => {
  policy.rebuild(view, rng)
  return Array.from({ length: count }, () => policy.pick(view, 0, rng))
}

/** The next `count` picks, each as the balancer asks for it. */
export const morePicks = (policy: Policy, view: ClusterView, count: number, rng: Rng): number[] =>
  Array.from({ length: count }, () => {
    view.considered.clear()
    return policy.pick(view, 0, rng)
  })

/** How often each of `size` was picked. */
export const tally = (picks: readonly number[], size: number): number[] => {
  const counts = Array.from({ length: size }, () => 0)
  for (const pick of picks) counts[pick] = (counts[pick] ?? 0) + 1
  return counts
}

/** Pearson's statistic of counts against shares (which sum to 1). */
export const chiSquare = (counts: readonly number[], shares: readonly number[]): number => {
  const total = counts.reduce((sum, count) => sum + count, 0)
  return shares.reduce((sum, share, i) => sum + ((counts[i] ?? 0) - share * total) ** 2 / (share * total), 0)
}

/** What chi-square with so many degrees of freedom passes once in a million times (E. B. Wilson, M. M. Hilferty, 1931). */
export const chiSquareLimit = (degrees: number): number => {
  const spread = 2 / (9 * degrees)
  return degrees * (1 - spread + 4.753 * Math.sqrt(spread)) ** 3
}

/** Fails unless the counts are what the shares (which sum to 1) give by chance, but once in a million times. Shares of 0 must have counts of 0. */
export const assertShares = (counts: readonly number[], shares: readonly number[], what = ''): void => {
  const possible = shares.flatMap((share, i) => (share > 0 ? [i] : []))
  shares.forEach((share, i) => share > 0 || assert.equal(counts[i] ?? 0, 0, `${what}: ${i} cannot come`))
  if (possible.length < 2) return
  const statistic = chiSquare(
    possible.map((i) => counts[i] ?? 0),
    possible.map((i) => shares[i]!),
  )
  assert.ok(
    statistic < chiSquareLimit(possible.length - 1),
    `${what}: chi-square ${statistic}: ${counts.join()}`,
  )
}

/** Shares of weights. */
export const sharesOf = (weights: readonly number[]): number[] => {
  const sum = weights.reduce((all, weight) => all + weight, 0)
  return weights.map((weight) => weight / sum)
}
