/**
 * Paths of routes: `/prefix` (`/v1` and `/v1/` are one), or `=/exact`. They are compared with normalised request paths, byte for
 * byte, so one that no normalised path can match (dot segments, `//`, a query, needless escapes) is refused rather than kept as a dead rule.
 */
import type { Parsed } from './parsed.ts'
import { bad, ok } from './parsed.ts'

const MAX_PATH = 1024

/** RFC 3986 §2.3: their escapes are decoded by normalisation. */
const UNRESERVED = /[A-Za-z0-9\-._~]/

export function parseRoutePath(text: string): Parsed<string> {
  const path = text.startsWith('=') ? text.slice(1) : text
  if (!path.startsWith('/')) return bad('a path starts with "/" (a prefix) or "=/" (exactly this path)')
  if (path.length > MAX_PATH) return bad(`a path has at most ${MAX_PATH} bytes`)
  if (/[?#]/.test(path)) return bad('a path has neither a query nor a fragment')
  if (path.includes('*')) return bad('a path holds no wildcard: "/x" takes everything below it already')
  if (path.includes('//')) return bad('a path holds no empty segment ("//"): no request matches it')
  if (/(^|\/)\.{1,2}(\/|$)/.test(path))
    return bad('a path holds no "." or ".." segment: no request matches it')
  const escapes = badEscape(path)
  if (escapes !== undefined) return bad(escapes)
  if (!/^(?:[A-Za-z0-9\-._~!$&'()+,;=:@/]|%[0-9A-F]{2})*$/.test(path))
    return bad('a path holds only what RFC 3986 allows; escape the rest as %XX')
  return ok(text)
}

function badEscape(path: string): string | undefined {
  for (const [escape] of path.matchAll(/%.{0,2}/g)) {
    if (!/^%[0-9A-Fa-f]{2}$/.test(escape)) return `${escape} is no escape: % and two hexadecimal digits`
    if (escape !== escape.toUpperCase()) return `escapes are written in upper case: ${escape.toUpperCase()}`
    const decoded = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    if (UNRESERVED.test(decoded))
      return `${escape} is written as ${decoded}: requests are compared after decoding it`
  }
  return undefined
}
