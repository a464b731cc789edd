/** What a server said of itself in the answer to a Prequal probe; NaN where it did not. */
export type ProbeReport = { readonly rif: number; readonly latencyMs: number }

const MAX_REPORT = 1024
const NOTHING: ProbeReport = { rif: NaN, latencyMs: NaN }

/**
 * `endpoint-load-metrics` of a probe's answer (ORCA, text or JSON): the named metrics `rif` (requests in flight) and `latency` (ms at that
 * load). Total: whatever it is, what cannot be read, is negative or not finite is not said.
 */
export const parseProbeReport = (field: string): ProbeReport => {
  const text = field.trim()
  if (text.length > MAX_REPORT) return NOTHING
  if (text.startsWith('TEXT ')) return textReport(text.slice('TEXT '.length))
  return text.startsWith('JSON ') ? jsonReport(text.slice('JSON '.length)) : NOTHING
}

const textReport = (text: string): ProbeReport => {
  const found: Record<string, string> = {}
  for (const part of text.split(',')) {
    const [, key = '', value = ''] = /^\s*named_metrics\.(rif|latency)\s*[=:]\s*(\S+)\s*$/.exec(part) ?? []
    if (key !== '') found[key] = value
  }
  return { rif: amount(found['rif']), latencyMs: amount(found['latency']) }
}

const jsonReport = (text: string): ProbeReport => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return NOTHING
  }
  const named = memberOf(value, 'named_metrics')
  return { rif: amount(memberOf(named, 'rif')), latencyMs: amount(memberOf(named, 'latency')) }
}

const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined

const amount = (value: unknown): number => {
  const number = typeof value === 'string' || typeof value === 'number' ? Number(value) : NaN
  return Number.isFinite(number) && number >= 0 ? number : NaN
}
