/**
 * `uri-host [ ":" port ]` of Host and of targets in absolute and authority form (RFC 9110 §7.2, RFC 3986 §3.2).
 *
 * Narrower than the grammar, because every server behind us must take the same name for the same host: a name is made of
 * letters, digits, `-`, `.`, `_` and `~`, at most 255 (RFC 1035 §2.3.4), without empty labels but a last one; no percent-encoding and no sub-delimiters (a comma
 * would look like a list); IPv6 literals are checked, IPvFuture and zones refused; a port is at most 65535 and not
 * empty. Userinfo is refused with them (RFC 9110 §4.2.4).
 */
import { COLON, HEX, isDigit, UNRESERVED } from './chars.ts'

/** What we write of a host, in more fields than one, is bounded by this. */
const NAME_BYTES = 255

const DOT = 46
const OPEN = 91
const CLOSE = 93

/** Returns the end of the host (its port's colon, or `end`), -1 if the span is not a valid, non-empty authority. */
export function hostNameEnd(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1
  const stop = bytes[start] === OPEN ? literalEnd(bytes, start, end) : nameEnd(bytes, start, end)
  if (stop <= start) return -1
  if (stop === end) return end
  return bytes[stop] === COLON && isPort(bytes, stop + 1, end) ? stop : -1
}

function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  let p = start
  let before = DOT
  for (; p < end; p++) {
    const c = bytes[p]!
    if (UNRESERVED[c] === 0) break
    if (c === DOT && before === DOT) return -1
    before = c
  }
  return p - start > NAME_BYTES ? -1 : p
}

function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end || end - start > 5) return false
  let port = 0
  for (let p = start; p < end; p++) {
    if (!isDigit(bytes[p]!)) return false
    port = port * 10 + bytes[p]! - 48
  }
  return port <= 65535
}

/** End of `[IPv6]` after the bracket, -1 if it is none. */
function literalEnd(bytes: Uint8Array, start: number, end: number): number {
  let close = start + 1
  while (close < end && bytes[close] !== CLOSE) close++
  return close < end && isIpv6(bytes, start + 1, close) ? close + 1 : -1
}

/** IPv6 address in text (RFC 4291 §2.2): eight groups, or fewer with exactly one `::`; the last two may be dotted. */
function isIpv6(bytes: Uint8Array, start: number, end: number): boolean {
  let groups = 0
  let compressed = false
  let p = start
  if (bytes[p] === COLON) {
    if (bytes[p + 1] !== COLON || p + 2 > end) return false
    compressed = true
    p += 2
  }
  while (p < end) {
    const groupStart = p
    while (p < end && HEX[bytes[p]!] !== 255) p++
    if (p < end && bytes[p] === DOT) {
      if (!isIpv4(bytes, groupStart, end)) return false
      groups += 2
      p = end
      break
    }
    if (p === groupStart || p - groupStart > 4) return false
    groups++
    if (p === end) break
    if (bytes[p++] !== COLON || p === end) return false
    if (bytes[p] === COLON) {
      if (compressed) return false
      compressed = true
      p++
    }
  }
  return compressed ? groups <= 7 : groups === 8
}

function isIpv4(bytes: Uint8Array, start: number, end: number): boolean {
  let parts = 0
  let p = start
  for (;;) {
    let value = 0
    const partStart = p
    while (p < end && isDigit(bytes[p]!) && p - partStart < 3) value = value * 10 + bytes[p++]! - 48
    if (p === partStart || value > 255 || (bytes[partStart] === 48 && p - partStart > 1)) return false
    parts++
    if (p === end) return parts === 4
    if (parts === 4 || bytes[p++] !== DOT) return false
  }
}
