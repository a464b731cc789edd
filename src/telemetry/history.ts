import type { Labels, MetricFamily, Sample } from './exposition.ts'

/**
 * What the processes before this one counted: a program that is replaced goes on with its totals. By series, so that another version with
 * other rows and columns finds what it still knows; what only ever was of one process (its CPU time) is no history.
 */
export type Totals = Readonly<Record<string, number>>

/** Series that are of the process or of one life of a thread, not of the program. */
const OWN = ['weir_process_', 'weir_thread_']

const isHistory = ({ type, name }: MetricFamily): boolean =>
  (type === 'counter' || type === 'histogram') && !OWN.some((prefix) => name.startsWith(prefix))

const seriesOf = (name: string, suffix: Sample['suffix'], labels: Labels = {}): string =>
  `${name}${suffix ?? ''} ${Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(' ')}`

/** What has been counted so far; zeros are left out, and whatever is beyond `most` series. */
export const totalsOf = (families: Iterable<MetricFamily>, most: number): Totals => {
  const totals: Record<string, number> = {}
  let count = 0
  for (const family of families) {
    if (!isHistory(family)) continue
    for (const { suffix, labels, value } of family.samples) {
      if (value === 0) continue
      if (++count > most) return totals
      totals[seriesOf(family.name, suffix, labels)] = value
    }
  }
  return totals
}

/** The same families, continued from `before`. */
export const withHistory = (families: Iterable<MetricFamily>, before: Totals): MetricFamily[] =>
  Array.from(families, (family) => (isHistory(family) ? continued(family, before) : family))

const continued = (family: MetricFamily, before: Totals): MetricFamily => ({
  ...family,
  samples: family.samples.map((sample) => {
    const earlier = before[seriesOf(family.name, sample.suffix, sample.labels)]
    return earlier === undefined ? sample : { ...sample, value: sample.value + earlier }
  }),
})

/** What was counted between two readings of one process; nothing ever counts down. */
export const growth = (after: Totals, before: Totals): Totals =>
  Object.fromEntries(
    Object.entries(after).flatMap(([series, value]) => {
      const more = value - (before[series] ?? 0)
      return more > 0 ? [[series, more]] : []
    }),
  )

export const addTotals = (a: Totals, b: Totals): Totals => {
  const sum: Record<string, number> = { ...a }
  for (const [series, value] of Object.entries(b)) sum[series] = (sum[series] ?? 0) + value
  return sum
}
