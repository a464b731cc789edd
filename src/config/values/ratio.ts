/** Shares and factors: `20%`, or the number `0.2`, which has only one reading too. */
import type { Parsed } from './parsed.ts'
import { bad, ok } from './parsed.ts'

export function parseRatio(written: string | number): Parsed<number> {
  if (typeof written === 'number')
    return Number.isFinite(written) ? ok(written === 0 ? 0 : written) : bad('a share is a finite number')
  const [, digits] = /^(\d{1,9}(?:\.\d{1,9})?)%$/.exec(written) ?? []
  return digits === undefined
    ? bad('a share is a percentage or a number: 20% or 0.2')
    : ok(Number(digits) / 100)
}
