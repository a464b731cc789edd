/** Normalisation of a path by the rule of `uri.ts`, in one pass over the input with the output as its stack of segments. */
import { HEX, UNRESERVED } from './chars.ts'
import { REJECT } from './reject.ts'

const PERCENT = 37
const SLASH = 47
const BACKSLASH = 92
const DOT = 46
const SEMICOLON = 59

/**
 * Write the path `bytes[start, end)`, which begins with a slash, to `out` in normal form; never longer than it was. Returns its
 * length, or `-id` of a rejection.
 */
export function normalizePath(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  out[0] = SLASH
  let length = 1
  /** Where in `out` the current segment begins. */
  let segment = 1
  for (let p = start + 1; p < end; p++) {
    const c = bytes[p]!
    if (c === SLASH) {
      length = closeSegment(out, segment, length, true)
      if (length < 0) return length
      segment = length
    } else if (c === PERCENT) {
      const value = p + 2 < end ? octet(bytes[p + 1]!, bytes[p + 2]!) : -1
      if (value < 0 || value === SLASH || value === BACKSLASH || value === 0) return -REJECT.pathEncoding
      length = UNRESERVED[value] === 1 ? put(out, length, value) : putEncoded(out, length, value)
      p += 2
    } else if (c === BACKSLASH) return -REJECT.path
    else out[length++] = c
  }
  return closeSegment(out, segment, length, false)
}

/** Value of two hex digits, -1 if they are not. */
function octet(high: number, low: number): number {
  return HEX[high] === 255 || HEX[low] === 255 ? -1 : HEX[high]! * 16 + HEX[low]!
}

function put(out: Uint8Array, at: number, c: number): number {
  out[at] = c
  return at + 1
}

function putEncoded(out: Uint8Array, at: number, value: number): number {
  out[at] = PERCENT
  out[at + 1] = capital(value >> 4)
  out[at + 2] = capital(value & 15)
  return at + 3
}

function capital(digit: number): number {
  return digit < 10 ? 48 + digit : 55 + digit
}

/** The segment `out[segment, length)` is complete: keep it, or resolve it. Returns the new length, or `-id`. */
function closeSegment(out: Uint8Array, segment: number, length: number, slash: boolean): number {
  if (length === segment) return length
  const dots = leadingDots(out, segment, length)
  const rest = segment + dots
  if (dots > 0 && dots < 3 && rest < length && out[rest] === SEMICOLON) return -REJECT.path
  if (rest !== length || dots > 2) {
    if (slash) out[length] = SLASH
    return slash ? length + 1 : length
  }
  if (dots === 1) return segment
  if (segment === 1) return -REJECT.pathAboveRoot
  let parent = segment - 1
  while (out[parent - 1] !== SLASH) parent--
  return parent
}

function leadingDots(out: Uint8Array, start: number, end: number): number {
  let p = start
  while (p < end && out[p] === DOT) p++
  return p - start
}
