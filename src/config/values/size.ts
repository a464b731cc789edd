/** Sizes: `512B`, `8KiB`, `1MiB`, `2GiB`, or a bare whole number of bytes, which has only one reading too. Not `8KB`: 8000 or 8192? */
import type { Parsed } from './parsed.ts'
import { bad, ok } from './parsed.ts'

const UNITS: readonly (readonly [string, number])[] = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['B', 1],
]

export function parseSize(written: string | number): Parsed<number> {
  if (typeof written === 'number') {
    return Number.isSafeInteger(written) && written >= 0
      ? ok(written)
      : bad('a number of bytes is whole and not negative')
  }
  const [, digits, unit] = /^(\d{1,16})([A-Za-z]*)$/.exec(written) ?? []
  const factor = unit === '' ? 1 : UNITS.find(([name]) => name === unit)?.[1]
  if (digits === undefined || factor === undefined)
    return bad('a size is a whole number and a unit: 512B, 8KiB, 1MiB, 2GiB')
  const bytes = Number(digits) * factor
  return Number.isSafeInteger(bytes) ? ok(bytes) : bad('a size is at most 8191TiB')
}

/** In the largest unit that divides it. */
export function formatSize(bytes: number): string {
  const [unit, factor] = UNITS.find(([, size]) => bytes >= size && bytes % size === 0) ?? ['B', 1]
  return `${bytes / factor}${unit}`
}
