import { readFileSync } from 'node:fs'
import { table } from './load/report.ts'

/**
 * Two result files side by side (load or micro): `node bench/compare.ts BEFORE.json AFTER.json`.
 *
 * Absolute figures of two runs differ by what else the machines did. So weir's cost is shown relative to what was
 * measured beside it in the same run wherever there is such a neighbour (the floor, else a peer), and a change is called
 * one only where the ranges of the two runs do not overlap.
 */

type Figures = Readonly<Record<string, number>>

type Summary = {
  readonly section: string
  readonly case: string
  readonly contender: string
  readonly medians: Figures
  readonly min?: Figures
  readonly max?: Figures
}

export type Comparable = {
  readonly schema: number
  readonly startedAt: string
  readonly versions: Readonly<Record<string, string>>
  readonly summaries: readonly Summary[]
}

export type Change = {
  readonly where: string
  readonly metric: string
  readonly before: number
  readonly after: number
  /** after / before. */
  readonly ratio: number
  /** The same, with both first divided by the neighbour measured in their own run; NaN without one. */
  readonly relative: number
  readonly apart: boolean
}

/** Counts and conditions of a run, not costs of a contender. */
const notCompared = new Set([
  'requests',
  'cpuUs',
  'foreignCpuShare',
  'loggedShare',
  'residentBytesBefore',
  'residentBytesAfter',
])

const neighbours: readonly string[] = ['floor', 'haproxy', 'nginx']

const same = (a: Summary, b: Summary): boolean =>
  a.section === b.section && a.case === b.case && a.contender === b.contender

const neighbourOf = (file: Comparable, of: Summary, name: string): Summary | undefined =>
  of.contender === name
    ? undefined
    : file.summaries.find((s) => s.section === of.section && s.case === of.case && s.contender === name)

/** The ratio of the ratios to the first neighbour that both runs measured. */
const relativeRatio = (
  files: readonly [Comparable, Comparable],
  a: Summary,
  b: Summary,
  metric: string,
): number => {
  for (const name of neighbours) {
    const beside = [neighbourOf(files[0], a, name), neighbourOf(files[1], b, name)]
    const [was, is] = beside.map((s) => s?.medians[metric] ?? Number.NaN)
    if (was && is) return (b.medians[metric] ?? Number.NaN) / is / ((a.medians[metric] ?? Number.NaN) / was)
  }
  return Number.NaN
}

const rangesApart = (a: Summary, b: Summary, metric: string): boolean => {
  const low = (s: Summary): number => s.min?.[metric] ?? s.medians[metric] ?? Number.NaN
  const high = (s: Summary): number => s.max?.[metric] ?? s.medians[metric] ?? Number.NaN
  const known = low(a) < high(a) && low(b) < high(b) // one round has no range
  return known && (low(a) > high(b) || low(b) > high(a))
}

export const compare = (before: Comparable, after: Comparable): Change[] => {
  const changes: Change[] = []
  for (const a of before.summaries) {
    const b = after.summaries.find((candidate) => same(a, candidate))
    if (b === undefined) continue
    for (const [metric, was] of Object.entries(a.medians)) {
      const is = b.medians[metric]
      if (is === undefined || notCompared.has(metric)) continue
      const relative = relativeRatio([before, after], a, b, metric)
      const where = `${a.section} · ${a.case} · ${a.contender}`
      changes.push({
        where,
        metric,
        before: was,
        after: is,
        ratio: is / was,
        relative,
        apart: rangesApart(a, b, metric),
      })
    }
  }
  return changes
}

const load = (path: string): Comparable => {
  const file = JSON.parse(readFileSync(path, 'utf8')) as Comparable
  if (file.schema !== 1 || !Array.isArray(file.summaries))
    throw new Error(`${path} is no result of this bench`)
  return file
}

const figure = (value: number): string => {
  if (!Number.isFinite(value)) return '–'
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)))
}

const ratioText = (value: number): string => (Number.isFinite(value) ? value.toFixed(3) : '–')

const main = (): void => {
  const all = process.argv.includes('--all')
  const [first, second] = process.argv.slice(2).filter((argument) => argument !== '--all')
  if (first === undefined || second === undefined)
    throw new Error(
      'usage: node bench/compare.ts BEFORE.json AFTER.json [--all]   (--all: peers and floor too)',
    )
  const [before, after] = [load(first), load(second)]
  const changes = compare(before, after).filter((change) => all || change.where.includes(' · weir'))
  if (changes.length === 0) throw new Error('the two runs have no figure in common')
  const commitOf = (file: Comparable): string => `${file.startedAt} (${file.versions['commit'] ?? 'unknown'})`
  const rows = changes.map((c) => [
    c.where,
    c.metric,
    figure(c.before),
    figure(c.after),
    ratioText(c.ratio),
    ratioText(c.relative),
    c.apart ? 'apart' : '',
  ])
  const header = ['where', 'metric', 'before', 'after', 'after/before', 'beside its neighbour', 'ranges']
  process.stdout.write(`before: ${commitOf(before)}\nafter:  ${commitOf(after)}\n\n${table(header, rows)}\n`)
}

if (import.meta.main) {
  try {
    main()
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
