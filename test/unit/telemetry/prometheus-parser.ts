/**
 * A strict reader of the Prometheus text format 0.0.4, written from its specification and sharing nothing with the writer. Throws on anything
 * the specification forbids, on a family that is not in one piece, on a series that comes twice and on histograms that do not add up.
 */
export type ParsedSample = {
  readonly name: string
  readonly labels: Map<string, string>
  readonly value: number
}
export type ParsedFamily = { readonly type: string; readonly help: string; readonly samples: ParsedSample[] }

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*/

export const parseExposition = (text: string): Map<string, ParsedFamily> => {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, ParsedFamily>()
  const series = new Set<string>()
  let current = ''
  let pendingHelp: { name: string; help: string } | undefined
  for (const line of text.split('\n').slice(0, -1)) {
    const help = /^# HELP (\S+) (.*)$/.exec(line)
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line)
    if (help !== null) pendingHelp = { name: help[1]!, help: unescape(help[2]!, /\\[\\n]/g) }
    else if (type !== null) {
      current = type[1]!
      if (families.has(current)) throw new Error(`TYPE of ${current} twice`)
      if (pendingHelp?.name !== current) throw new Error(`no HELP before TYPE of ${current}`)
      families.set(current, { type: type[2]!, help: pendingHelp.help, samples: [] })
    } else {
      const sample = parseSample(line)
      const family = families.get(current)
      if (family === undefined || familyOf(sample.name, family.type) !== current)
        throw new Error(`stray: ${line}`)
      const key = `${sample.name} ${labelsKey(sample.labels)}`
      if (series.has(key)) throw new Error(`series twice: ${key}`)
      series.add(key)
      family.samples.push(sample)
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family)
  return families
}

/** The same for the same labels in any order. */
const labelsKey = (labels: Map<string, string>, without?: string): string =>
  JSON.stringify([...labels].filter(([label]) => label !== without).toSorted(([a], [b]) => (a < b ? -1 : 1)))

const familyOf = (name: string, type: string): string =>
  type === 'histogram'
    ? name.replace(/_(bucket|sum|count)$/, '')
    : type === 'summary'
      ? name.replace(/_(sum|count)$/, '')
      : name

const unescape = (text: string, allowed: RegExp): string => {
  if (text.replaceAll(allowed, '').includes('\\')) throw new Error(`bad escape in ${text}`)
  return text.replaceAll(allowed, (escape) => (escape[1] === 'n' ? '\n' : escape[1]!))
}

const parseSample = (line: string): ParsedSample => {
  const name = NAME.exec(line)?.[0]
  if (name === undefined) throw new Error(`no sample: ${line}`)
  let rest = line.slice(name.length)
  const labels = new Map<string, string>()
  if (rest.startsWith('{')) {
    rest = rest.slice(1)
    while (!rest.startsWith('}')) {
      const label = LABEL_NAME.exec(rest)?.[0]
      const quoted =
        label === undefined ? null : /^="((?:[^"\\\n]|\\[\\"n])*)"/.exec(rest.slice(label.length))
      if (label === undefined || quoted === null) throw new Error(`bad labels: ${line}`)
      if (labels.has(label)) throw new Error(`label twice: ${line}`)
      labels.set(label, unescape(quoted[1]!, /\\[\\"n]/g))
      rest = rest.slice(label.length + quoted[0].length)
      if (rest.startsWith(',')) rest = rest.slice(1)
      else if (!rest.startsWith('}')) throw new Error(`bad labels: ${line}`)
    }
    rest = rest.slice(1)
  }
  const value = /^ ([+-]?(?:Inf|\d+(?:\.\d+)?(?:e[+-]?\d+)?)|NaN)$/.exec(rest)?.[1]
  if (value === undefined) throw new Error(`bad value: ${line}`)
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) }
}

const checkHistogram = (name: string, family: ParsedFamily): void => {
  const groups = new Map<string, ParsedSample[]>()
  for (const sample of family.samples) {
    const key = labelsKey(sample.labels, 'le')
    groups.set(key, [...(groups.get(key) ?? []), sample])
  }
  for (const [key, samples] of groups) {
    const buckets = samples.filter((sample) => sample.name === `${name}_bucket`)
    let [bound, count] = [-Infinity, 0]
    for (const bucket of buckets) {
      const le = Number(bucket.labels.get('le')?.replace('Inf', 'Infinity'))
      if (!(le > bound) || bucket.value < count) throw new Error(`${name}${key}: buckets not ascending`)
      bound = le
      count = bucket.value
    }
    const total = samples.find((sample) => sample.name === `${name}_count`)?.value
    const sum = samples.find((sample) => sample.name === `${name}_sum`)?.value
    if (bound !== Infinity || count !== total || sum === undefined)
      throw new Error(`${name}${key}: incomplete`)
  }
}
