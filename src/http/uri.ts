/**
 * The target of a request: which host, which path, in every form of RFC 9112 §3.2. What is routed is what is forwarded: a path
 * that servers could read in different ways is made unambiguous here, before routing, or refused.
 *
 * The rule. A path of ordinary characters passes verbatim. Otherwise, in this order:
 *  1. `%` must be followed by two hex digits. Encoded unreserved characters (letters, digits, `-._~`) are decoded, other
 *     encodings stay and get capital digits. `%2F`, `%5C`, `%00` and a raw backslash are refused.
 *  2. Runs of slashes are one slash.
 *  3. The segments `.` and `..` are resolved (RFC 3986 §5.2.4); leading above the root is refused, and so is a dot segment
 *     with a parameter (`/..;x/`), which some servers strip first.
 * Normalising twice changes nothing more. The query passes as it is.
 */
import { ascii, copySpan, equalsIgnoreCase } from '../base/bytes.ts'
import { hostNameEnd } from './authority.ts'
import type { Head } from './head.ts'
import { METHOD } from './methods.ts'
import { normalizePath } from './path.ts'
import { REJECT } from './reject.ts'

export const FORM = { origin: 1, absolute: 2, asterisk: 3, authority: 4 } as const

const SLASH = 47
const QUESTION = 63
const ASTERISK = 42
const COLON = 58
const DOT = 46
const HTTP = ascii('http://')
const HTTPS = ascii('https://')

/** Bytes at which the fast path must stop and look: `%`, `/`, `?`, `\`. */
const SPECIAL: Uint8Array = Uint8Array.from({ length: 256 }, (_, c) =>
  '%/?\\'.includes(String.fromCharCode(c)) ? 1 : 0,
)

const NOTHING = new Uint8Array(0)

/** One instance is reused for many requests: its spans are valid until the next `parse`, or until the head's bytes move. */
export class Target {
  form: number = FORM.origin
  /** Path and query are the bytes of the request: spans index the head's bytes. */
  verbatim = true
  /** Holds path and query, adjacent: `[pathStart, queryEnd)` is the target to forward in origin form. */
  bytes: Uint8Array = NOTHING
  pathStart = 0
  pathEnd = 0
  /** With its question mark; empty when there is none. */
  queryStart = 0
  queryEnd = 0
  /**
   * The authority, of an absolute or authority form, else Host's: always spans of the head's bytes, whatever `bytes` is. With
   * port, and without. All 0 when an HTTP/1.0 request names no host.
   */
  authorityStart = 0
  authorityEnd = 0
  hostStart = 0
  hostEnd = 0
  /** The authority is the target's own, so a Host field that differs must be replaced (RFC 9112 §3.2.2). */
  ownAuthority = false
  private readonly scratch: Uint8Array

  /** `scratch` takes normalised targets: as large as the longest target allowed, and one byte more. */
  constructor(scratch: Uint8Array) {
    this.scratch = scratch
  }

  /** Read the target of a request head. Returns 0, or `-id` of a rejection. */
  parse(head: Head): number {
    const first = head.bytes[head.targetStart]
    this.verbatim = true
    this.bytes = head.bytes
    if (head.method === METHOD.connect) return this.authorityForm(head)
    if (first === SLASH) {
      this.form = FORM.origin
      this.hostOf(head)
      return this.pathAndQuery(head.bytes, head.targetStart, head.targetEnd)
    }
    if (first === ASTERISK && head.targetEnd - head.targetStart === 1) return this.asteriskForm(head)
    return this.absoluteForm(head)
  }

  private hostOf(head: Head): void {
    const present = head.hostStart >= 0
    this.ownAuthority = false
    this.authorityStart = this.hostStart = present ? head.hostStart : 0
    this.authorityEnd = present ? head.hostEnd : 0
    this.hostEnd = present ? head.hostNameEnd : 0
  }

  private setAuthority(start: number, nameEnd: number, end: number): void {
    this.ownAuthority = true
    this.authorityStart = this.hostStart = start
    this.hostEnd = nameEnd
    this.authorityEnd = end
  }

  /** CONNECT: host and port, both needed (RFC 9110 §9.3.6). There is no path. */
  private authorityForm(head: Head): number {
    const { targetStart: start, targetEnd: end } = head
    const nameEnd = hostNameEnd(head.bytes, start, end)
    if (nameEnd < 0 || nameEnd === end) return -REJECT.targetForm
    this.form = FORM.authority
    this.setAuthority(start, nameEnd, end)
    this.pathStart = this.pathEnd = this.queryStart = this.queryEnd = end
    return 0
  }

  /** `*`: OPTIONS of the server as a whole. The path is `*`. */
  private asteriskForm(head: Head): number {
    if (head.method !== METHOD.options) return -REJECT.targetForm
    this.form = FORM.asterisk
    this.hostOf(head)
    this.pathStart = head.targetStart
    this.pathEnd = this.queryStart = this.queryEnd = head.targetEnd
    return 0
  }

  private absoluteForm(head: Head): number {
    const { bytes, targetStart, targetEnd: end } = head
    const start = targetStart + schemeBytes(bytes, targetStart, end)
    if (start === targetStart)
      return -(looksAbsolute(bytes, targetStart, end) ? REJECT.scheme : REJECT.targetForm)
    let stop = start
    while (stop < end && bytes[stop] !== SLASH && bytes[stop] !== QUESTION) stop++
    const nameEnd = hostNameEnd(bytes, start, stop)
    if (nameEnd < 0) return -REJECT.host
    this.form = FORM.absolute
    this.setAuthority(start, nameEnd, stop)
    if (stop < end && bytes[stop] === SLASH) return this.pathAndQuery(bytes, stop, end)
    return this.emptyPath(head, stop)
  }

  /** An absolute form without a path means `/`; of OPTIONS without a query, `*` (RFC 9112 §3.2.4). */
  private emptyPath(head: Head, stop: number): number {
    const all = stop === head.targetEnd && head.method === METHOD.options
    if (all) this.form = FORM.asterisk
    if (head.targetEnd - stop + 1 > this.scratch.length) return -REJECT.targetTooLong
    this.scratch[0] = all ? ASTERISK : SLASH
    this.normalized(1, head.bytes, stop, head.targetEnd)
    return 0
  }

  /** `start` is at a slash. */
  private pathAndQuery(bytes: Uint8Array, start: number, end: number): number {
    let p = start
    for (; p < end; p++) {
      const c = bytes[p]!
      if (SPECIAL[c] === 0) continue
      if (c === QUESTION) break
      if (c !== SLASH) return this.slowPath(bytes, start, end)
      const next = bytes[p + 1]
      if (p + 1 < end && (next === SLASH || next === DOT)) return this.slowPath(bytes, start, end)
    }
    this.pathStart = start
    this.pathEnd = this.queryStart = p
    this.queryEnd = end
    return 0
  }

  private slowPath(bytes: Uint8Array, start: number, end: number): number {
    let stop = start
    while (stop < end && bytes[stop] !== QUESTION) stop++
    if (end - start > this.scratch.length) return -REJECT.targetTooLong
    const length = normalizePath(bytes, start, stop, this.scratch)
    if (length < 0) return length
    this.normalized(length, bytes, stop, end)
    return 0
  }

  /** The path is `scratch[0, length)`; put the query behind it. */
  private normalized(length: number, bytes: Uint8Array, start: number, end: number): void {
    this.verbatim = false
    this.bytes = this.scratch
    this.pathStart = 0
    this.pathEnd = this.queryStart = length
    this.queryEnd = copySpan(this.scratch, length, bytes, start, end)
  }
}

/** Length of `http://` or `https://` at `start`, 0 if neither stands there. */
function schemeBytes(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > 7 && equalsIgnoreCase(bytes, start, start + 7, HTTP)) return 7
  return end - start > 8 && equalsIgnoreCase(bytes, start, start + 8, HTTPS) ? 8 : 0
}

function looksAbsolute(bytes: Uint8Array, start: number, end: number): boolean {
  for (let p = start; p + 2 < end; p++) {
    if (bytes[p] === COLON) return p > start && bytes[p + 1] === SLASH && bytes[p + 2] === SLASH
  }
  return false
}
