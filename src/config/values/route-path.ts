/**
 * Paths of routes: `/prefix` (`/v1` and `/v1/` are one), or `=/exact`. Request paths are normalised before they are routed, so a
 * route's path must be in normal form itself: any other would be a dead rule, and is refused rather than kept.
 */
import { normalizePath } from '../../http/path.ts'
import type { Parsed } from './parsed.ts'
import { bad, ok } from './parsed.ts'

const MAX_PATH = 1024

export function parseRoutePath(text: string): Parsed<string> {
  const path = text.startsWith('=') ? text.slice(1) : text
  if (!path.startsWith('/')) return bad('a path starts with "/" (a prefix) or "=/" (exactly this path)')
  if (path.length > MAX_PATH) return bad(`a path has at most ${MAX_PATH} bytes`)
  if (/[?#]/.test(path)) return bad('a path has neither a query nor a fragment')
  if (path.includes('*')) return bad('a path holds no wildcard: "/x" takes everything below it already')
  // RFC 3986 §3.3, and the percent sign of escapes, which the normal form looks into.
  if (!/^[A-Za-z0-9\-._~!$&'()+,;=:@/%]*$/.test(path)) return bad('other bytes in a path are written as %XX')
  const normal = normalForm(path)
  if (normal === undefined) return bad('no request comes with such a path: it is refused before routing')
  return normal === path
    ? ok(text)
    : bad(`requests are compared in normal form: write "${text.startsWith('=') ? '=' : ''}${normal}"`)
}

/** Undefined if requests with this path are refused. */
function normalForm(path: string): string | undefined {
  const bytes = new TextEncoder().encode(path)
  const out = new Uint8Array(bytes.length)
  const length = normalizePath(bytes, 0, bytes.length, out)
  return length < 0 ? undefined : new TextDecoder().decode(out.subarray(0, length))
}
