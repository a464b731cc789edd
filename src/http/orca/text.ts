import { text } from '../../base/bytes.ts'
import { SP, TAB } from '../chars.ts'
import { IS_MAP, METRIC_NAMES, REFUSED_REPORT } from './metrics.ts'
import type { LoadMetrics } from './metrics.ts'
import { numberOf } from './number.ts'

const COMMA = 44
const COLON = 58
const EQUALS = 61
const DOT = 46
/** Longer than any name of the report's own. */
const MAX_NAME = 32

/** `cpu_utilization=0.7,named_metrics.foo=123`; older servers write `:` for `=`. Returns `REFUSED_REPORT`. */
export const readText = (bytes: Uint8Array, start: number, end: number, into: LoadMetrics): number => {
  for (let at = start; ;) {
    let stop = at
    while (stop < end && bytes[stop] !== COMMA) stop++
    const refused = readPair(bytes, at, stop, into)
    if (refused !== REFUSED_REPORT.nothing) return refused
    if (stop === end) return REFUSED_REPORT.nothing
    at = stop + 1
  }
}

const readPair = (bytes: Uint8Array, from: number, to: number, into: LoadMetrics): number => {
  let start = from
  let end = to
  while (start < end && isSpace(bytes[start]!)) start++
  while (end > start && isSpace(bytes[end - 1]!)) end--
  let sign = start
  while (sign < end && bytes[sign] !== EQUALS && bytes[sign] !== COLON) sign++
  if (sign === end) return REFUSED_REPORT.malformed
  const value = numberOf(bytes, sign + 1, end)
  let dot = start
  while (dot < sign && bytes[dot] !== DOT) dot++
  if (dot - start > MAX_NAME) return REFUSED_REPORT.name
  const name = text(bytes, start, dot)
  const field = Object.hasOwn(METRIC_NAMES, name) ? METRIC_NAMES[name]! : 0
  if (field === 0 || IS_MAP[field] !== dot < sign) return REFUSED_REPORT.name
  return dot < sign ? into.putEntry(field, bytes, [dot + 1, sign], value) : into.put(field, value)
}

const isSpace = (byte: number): boolean => byte === SP || byte === TAB
