import type { Policy } from '../../src/balance/policy.ts'
import { ClusterView } from '../../src/balance/view.ts'
import { seededRng } from '../../src/base/random.ts'
import type { Rng } from '../../src/base/random.ts'

export const viewOf = (weights: readonly number[]): ClusterView => {
  const view = new ClusterView(weights.length)
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
