/**
 * Bytes of protocol text: small writers that return the next offset, readers and comparisons over spans `[start, end)`.
 * None of them checks that the destination has room: the caller reserves it. Nothing here allocates but `text` and `ascii`.
 */

const ZERO = 48
const LOWER_A = 97

/** Write a non-negative safe integer in decimal; at most 16 bytes. */
export function writeDecimal(bytes: Uint8Array, at: number, n: number): number {
  if (n < 10) {
    bytes[at] = ZERO + n
    return at + 1
  }
  return n <= 0x7fffffff ? writeSmallDecimal(bytes, at, n | 0) : writeLargeDecimal(bytes, at, n)
}

function writeSmallDecimal(bytes: Uint8Array, at: number, n: number): number {
  let digits = 1
  for (let rest = n; rest >= 10; rest = (rest / 10) | 0) digits++
  let value = n
  for (let p = at + digits - 1; p >= at; p--) {
    const tenth = (value / 10) | 0
    bytes[p] = ZERO + value - tenth * 10
    value = tenth
  }
  return at + digits
}

function writeLargeDecimal(bytes: Uint8Array, at: number, n: number): number {
  const high = Math.floor(n / 1e9)
  const end = writeDecimal(bytes, at, high)
  let low = n - high * 1e9
  for (let p = end + 8; p >= end; p--) {
    const tenth = (low / 10) | 0
    bytes[p] = ZERO + low - tenth * 10
    low = tenth
  }
  return end + 9
}

/** Write a non-negative safe integer in lower-case hexadecimal without leading zeros; at most 14 bytes. */
export function writeHex(bytes: Uint8Array, at: number, n: number): number {
  if (n > 0x7fffffff) {
    const high = Math.floor(n / 0x10000000)
    const end = writeHex(bytes, at, high)
    return writeHexDigits(bytes, end, n - high * 0x10000000, 7)
  }
  let digits = 1
  for (let rest = n >>> 4; rest !== 0; rest >>>= 4) digits++
  return writeHexDigits(bytes, at, n, digits)
}

function writeHexDigits(bytes: Uint8Array, at: number, n: number, digits: number): number {
  let value = n | 0
  for (let p = at + digits - 1; p >= at; p--) {
    const digit = value & 15
    bytes[p] = digit < 10 ? ZERO + digit : LOWER_A - 10 + digit
    value >>>= 4
  }
  return at + digits
}

/** Write one byte per UTF-16 unit of `value`, which must be Latin-1 (higher units are truncated to their low byte). */
export function writeAscii(bytes: Uint8Array, at: number, value: string): number {
  const length = value.length
  for (let i = 0; i < length; i++) bytes[at + i] = value.charCodeAt(i)
  return at + length
}

/** Below this many bytes a loop beats the call into `set`. */
const LOOP_BYTES = 48

/** Copy `from[start, end)` to `bytes[at, …)`; five arguments because it is a memcpy. Returns the next offset. */
export function copySpan(
  bytes: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  end: number,
): number {
  const length = end - start
  if (length <= LOOP_BYTES) for (let i = 0; i < length; i++) bytes[at + i] = from[start + i]!
  else if (from === bytes) bytes.copyWithin(at, start, end)
  else bytes.set(from.subarray(start, end), at)
  return at + length
}

/** Write all of a short constant. */
export function writeBytes(bytes: Uint8Array, at: number, from: Uint8Array): number {
  return copySpan(bytes, at, from, 0, from.length)
}

/** The span as a string, one character per byte (ISO 8859-1). */
export function text(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= TEXT_BLOCK) return block(bytes, start, end)
  let out = ''
  for (let p = start; p < end; p += TEXT_BLOCK) out += block(bytes, p, Math.min(end, p + TEXT_BLOCK))
  return out
}

/** Arguments of one call stay far below the engine's limit. */
const TEXT_BLOCK = 4096

function block(bytes: Uint8Array, start: number, end: number): string {
  // `apply` takes anything array-like
  return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[])
}

/** Bytes of a Latin-1 string: for constants, at build time. */
export function ascii(value: string): Uint8Array {
  const bytes = new Uint8Array(value.length)
  writeAscii(bytes, 0, value)
  return bytes
}

/** Does the span equal `expected`, byte for byte? */
export function equals(bytes: Uint8Array, start: number, end: number, expected: Uint8Array): boolean {
  const length = end - start
  if (length !== expected.length) return false
  for (let i = 0; i < length; i++) if (bytes[start + i] !== expected[i]) return false
  return true
}

/** Does the span equal `lower` (given in lower case) when ASCII letters are taken without case? */
export function equalsIgnoreCase(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const length = end - start
  if (length !== lower.length) return false
  for (let i = 0; i < length; i++) if (LOWER[bytes[start + i]!] !== lower[i]) return false
  return true
}

/** Byte → itself with ASCII capitals in lower case. */
export const LOWER: Uint8Array = Uint8Array.from({ length: 256 }, (_, c) => (c >= 65 && c <= 90 ? c | 32 : c))

/** Value of `1*DIGIT`; -1 when the span is empty or holds anything else, -2 when it exceeds 2⁵³-1. */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1
  let value = 0
  for (let p = start; p < end; p++) {
    const digit = bytes[p]! - ZERO
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
    if (value > Number.MAX_SAFE_INTEGER) return overflow(bytes, p + 1, end)
  }
  return value
}

/** Too large, or not a number at all: what follows decides. */
function overflow(bytes: Uint8Array, start: number, end: number): number {
  for (let p = start; p < end; p++) if (bytes[p]! < ZERO || bytes[p]! > ZERO + 9) return -1
  return -2
}
