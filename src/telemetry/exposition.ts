/** Text of the Prometheus exposition format, version 0.0.4. Pure: what is to be said comes as data. */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary'

export type Labels = Readonly<Record<string, string>>

export type Sample = {
  /** Of the series of a histogram or summary. */
  readonly suffix?: '_bucket' | '_sum' | '_count'
  readonly labels?: Labels
  readonly value: number
}

export type MetricFamily = {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly samples: readonly Sample[]
}

export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Families in the order given, HELP and TYPE once each; a family without samples is left out. Throws if a family comes twice. */
export const renderExposition = (families: Iterable<MetricFamily>): string => {
  const lines: string[] = []
  const seen = new Set<string>()
  for (const { name, help, type, samples } of families) {
    if (seen.has(name)) throw new Error(`metric family ${name} twice`)
    seen.add(name)
    if (samples.length === 0) continue
    lines.push(`# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`)
    for (const { suffix, labels, value } of samples) {
      lines.push(`${name}${suffix ?? ''}${renderLabels(labels)} ${renderValue(value)}\n`)
    }
  }
  return lines.join('')
}

const renderLabels = (labels: Labels | undefined): string => {
  if (labels === undefined) return ''
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

export const renderValue = (value: number): string => {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')
