import type { Metrics, Sample, SectionName, Summary, Verdict } from './results.ts'
import { pairedRatio } from './stats.ts'
import { cheaperPeer, costOf } from './verdicts.ts'

/** The tables: Markdown, aligned so that they read well in a terminal too. */

type Column = { readonly title: string; readonly show: (m: Metrics) => string }

const column = (title: string, metric: string, digits = 0, scale = 1): Column => ({
  title,
  show: (m) => fixed((m[metric] ?? Number.NaN) * scale, digits),
})

const fixed = (value: number, digits: number): string => (Number.isNaN(value) ? '–' : value.toFixed(digits))

const requestColumns: readonly Column[] = [
  column('CPU µs/request', 'cpuUsPerRequest', 2),
  column('user', 'userUsPerRequest', 2),
  column('system', 'systemUsPerRequest', 2),
  column('requests/s', 'requestsPerSecond'),
  column('p50 µs', 'p50Us'),
  column('p99 µs', 'p99Us'),
]

const columnsOf: Readonly<Record<SectionName, readonly Column[]>> = {
  small: requestColumns,
  logs: [...requestColumns, column('% logged', 'loggedShare', 1, 100)],
  shards: requestColumns,
  balance: requestColumns,
  bodies: [
    column('CPU s/GiB', 'cpuSecondsPerGiB', 3),
    column('GiB/s', 'gibPerSecond', 2),
    column('requests/s', 'requestsPerSecond'),
    column('p99 µs', 'p99Us'),
  ],
  idle: [
    column('resident bytes/connection', 'residentBytesPerConnection'),
    column('private', 'privateBytesPerConnection'),
    column('idle CPU ms/s', 'idleCpuUsPerSecond', 2, 1e-3),
    column('resident MiB before', 'residentBytesBefore', 1, 2 ** -20),
    column('holding', 'residentBytesAfter', 1, 2 ** -20),
  ],
}

const titles: Readonly<Record<SectionName, string>> = {
  small: 'Small GETs (128 B), keep-alive, access log off',
  logs: 'Small GETs (128 B), keep-alive, access log to a file',
  bodies: 'Bodies',
  idle: 'Idle keep-alive connections',
  shards: 'Two shards against one, small GETs',
  balance: 'What balancing costs: four backends, small GETs',
}

/** What a section's ratios are to, where it is one of its own contenders. */
const baseOf: Readonly<Partial<Record<SectionName, string>>> = {
  shards: 'weir, 1 shard',
  balance: 'round-robin',
}

const figure = /^-?[\d.]+$|^–$/

/** Columns of figures are right-aligned, others left. */
export const table = (header: readonly string[], rows: readonly (readonly string[])[]): string => {
  const columns = header.map((title, at) => {
    const cells = rows.map((row) => row[at] ?? '')
    const width = Math.max(title.length, ...cells.map((cell) => cell.length))
    return { width, right: cells.every((cell) => figure.test(cell)) }
  })
  const pad = (text: string, at: number): string => {
    const { width, right } = columns[at] ?? { width: 0, right: false }
    return right ? text.padStart(width) : text.padEnd(width)
  }
  const text = (row: readonly string[]): string =>
    `| ${header.map((_, at) => pad(row[at] ?? '', at)).join(' | ')} |`
  const rule = columns.map(({ width, right }) =>
    right ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2),
  )
  return [text(header), `|${rule.join('|')}|`, ...rows.map(text)].join('\n')
}

const verdictText = (v: Verdict): string => {
  const bytes = v.limit > 100
  const value = bytes ? v.value.toFixed(0) : v.value.toFixed(3)
  const mark = v.reached === 'missed' ? 'MISSED' : v.reached
  return `${mark}: ${value} ${v.target} (≤ ${v.limit}${v.goal < v.limit ? `, goal ${v.goal}` : ''})`
}

const sectionTable = (
  section: SectionName,
  samples: readonly Sample[],
  summaries: readonly Summary[],
): string => {
  const metric = costOf(section)
  const columns = columnsOf[section]
  const rows = summaries.map((summary) => {
    const sameCase = summaries.filter((other) => other.case === summary.case)
    const of = (contender: string | undefined): Sample[] =>
      samples.filter((s) => s.case === summary.case && s.contender === contender)
    const ratio = (to: string | undefined): string =>
      fixed(pairedRatio(of(summary.contender), of(to), metric), 3)
    const base = baseOf[section]
    const figures = columns.map((c) => c.show(summary.medians))
    const ratios = base === undefined ? [ratio(cheaperPeer(sameCase, metric)), ratio('floor')] : [ratio(base)]
    return [summary.case, summary.contender, ...figures, ...ratios]
  })
  const base = baseOf[section]
  const ratioTitles = base === undefined ? ['× cheaper peer', '× floor'] : [`× ${base}`]
  return table(['case', 'contender', ...columns.map((c) => c.title), ...ratioTitles], rows)
}

export const report = (
  samples: readonly Sample[],
  summaries: readonly Summary[],
  verdicts: readonly Verdict[],
): string => {
  const parts: string[] = []
  for (const [section, group] of Map.groupBy(summaries, (s) => s.section)) {
    const measured = samples.filter((s) => s.section === section)
    parts.push(`## ${titles[section]}\n\n${sectionTable(section, measured, group)}`)
  }
  if (verdicts.length > 0) {
    const rows = verdicts.map((v) => [v.section, v.case, verdictText(v)])
    parts.push(`## Verdicts\n\n${table(['section', 'case', 'verdict'], rows)}`)
  }
  return parts.join('\n\n')
}
