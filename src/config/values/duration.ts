/** Durations: `250ms`, `10s`, `5m`, `24h`; in memory, whole milliseconds. Whole numbers and one unit, so that a value has one reading. */
import type { Parsed } from './parsed.ts'
import { bad, ok } from './parsed.ts'

const UNITS: readonly (readonly [string, number])[] = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]

/** Longest that a timer keeps: 30 days. */
export const MAX_DURATION_MS: number = 30 * 24 * 3_600_000

export function parseDuration(text: string): Parsed<number> {
  const [, digits, unit] = /^(\d{1,12})([a-z]+)$/.exec(text) ?? []
  const factor = UNITS.find(([name]) => name === unit)?.[1]
  if (digits === undefined || factor === undefined)
    return bad('a duration is a whole number and a unit: 250ms, 10s, 5m, 24h')
  return ok(Number(digits) * factor)
}

/** In the largest unit that divides it. */
export function formatDuration(ms: number): string {
  const [unit, factor] = UNITS.find(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1]
  return `${ms / factor}${unit}`
}
