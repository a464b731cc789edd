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

/** How far a frequency in `trials` may lie from its probability: passed about once in a million times. */
export const frequencySlack = (probability: number, trials: number): number =>
  5 * Math.sqrt((probability * (1 - probability)) / trials) + 3 / trials
