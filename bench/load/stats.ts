import type { Metrics, Sample, Summary } from './results.ts'

/** The middle value, the mean of the two middle ones for an even count; NaN of nothing. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

const fold = (samples: readonly Sample[], choose: (values: readonly number[]) => number): Metrics => {
  const names = Object.keys(samples[0]?.metrics ?? {})
  return Object.fromEntries(
    names.map((name) => [name, choose(samples.map((s) => s.metrics[name] ?? Number.NaN))]),
  )
}

const keyOf = (s: { section: string; case: string; contender: string }): string =>
  `${s.section}\0${s.case}\0${s.contender}`

/** One summary for each (section, case, contender), in order of appearance. */
export const summarise = (samples: readonly Sample[]): Summary[] =>
  [...Map.groupBy(samples, keyOf).values()].map((group) => {
    const first = group[0] as Sample
    return {
      section: first.section,
      case: first.case,
      contender: first.contender,
      medians: fold(group, median),
      min: fold(group, (values) => Math.min(...values)),
      max: fold(group, (values) => Math.max(...values)),
    }
  })

/**
 * Median of a/b taken round by round: contenders of one round ran minutes apart at most, so what slows the machine for
 * a while slows both and cancels. NaN where they share no round.
 */
export const pairedRatio = (a: readonly Sample[], b: readonly Sample[], metric: string): number => {
  const ratios: number[] = []
  for (const sample of a) {
    const other = b.find((candidate) => candidate.round === sample.round)
    if (other) ratios.push((sample.metrics[metric] ?? Number.NaN) / (other.metrics[metric] ?? Number.NaN))
  }
  return median(ratios)
}
