import { text } from '../../base/bytes.ts'

/** Longer than any double needs. */
const MAX_DIGITS = 40

const MINUS = 45
const PLUS = 43
const DOT = 46

const digitsAt = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start
  while (at < end && bytes[at]! >= 48 && bytes[at]! <= 57) at++
  return at
}

/** Where the number that begins at `start` ends: as in JSON (RFC 8259 §6), leading zeros allowed; `start` if there is none. */
export const numberEnd = (bytes: Uint8Array, start: number, end: number): number => {
  const whole = bytes[start] === MINUS ? start + 1 : start
  let at = digitsAt(bytes, whole, end)
  if (at === whole) return start
  if (at < end && bytes[at] === DOT) {
    const fraction = digitsAt(bytes, at + 1, end)
    if (fraction === at + 1) return start
    at = fraction
  }
  if (at < end && (bytes[at]! | 32) === 101) {
    const sign = bytes[at + 1]
    const first = sign === PLUS || sign === MINUS ? at + 2 : at + 1
    const exponent = digitsAt(bytes, first, end)
    if (exponent === first) return start
    at = exponent
  }
  return at
}

/** The number that `[start, end)` is; NaN if it is none. */
export const numberOf = (bytes: Uint8Array, start: number, end: number): number =>
  end === start || end - start > MAX_DIGITS || numberEnd(bytes, start, end) !== end
    ? Number.NaN
    : Number(text(bytes, start, end))
