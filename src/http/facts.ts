/**
 * What the fields say about the message itself: its length, its connection, its host. Each function folds one field's value
 * into the head and returns 0, or `-id` of a rejection. This is where request smuggling is refused: any two readings of a
 * message's length are one too many (RFC 9112 §6.3, §11.2).
 */
import { equalsIgnoreCase, ascii, parseDecimal } from '../base/bytes.ts'
import { hostNameEnd } from './authority.ts'
import { SP, TAB, TOKEN } from './chars.ts'
import type { Head } from './head.ts'
import { FIELD, fieldId, HOP_BY_HOP, PROTECTED } from './names.ts'
import { REJECT } from './reject.ts'

const CHUNKED = ascii('chunked')
const CLOSE = ascii('close')
const KEEP_ALIVE = ascii('keep-alive')
const UPGRADE = ascii('upgrade')
const CONTINUE = ascii('100-continue')
const COMMA = 44
const SEMICOLON = 59

/** Fold the field `id` with the value `[start, end)` of `head.bytes` into the facts of `head`. */
export function foldFact(head: Head, id: number, start: number, end: number): number {
  switch (id) {
    case FIELD.host:
      return head.status === 0 ? foldHost(head, start, end) : 0
    case FIELD.connection:
      return foldConnection(head, start, end)
    case FIELD.contentLength:
      return foldContentLength(head, start, end)
    case FIELD.transferEncoding:
      return foldTransferEncoding(head, start, end)
    case FIELD.upgrade:
      head.upgradeField = true
      return 0
    case FIELD.expect:
      // An HTTP/1.0 client does not know of 100 (RFC 9110 §10.1.1).
      if (head.minor === 1 && equalsIgnoreCase(head.bytes, start, end, CONTINUE)) head.expectContinue = true
      return 0
    default:
      return 0
  }
}

function foldHost(head: Head, start: number, end: number): number {
  if (head.hostStart >= 0) return -REJECT.hostRepeated
  const nameEnd = hostNameEnd(head.bytes, start, end)
  if (nameEnd < 0) return -REJECT.host
  head.hostStart = start
  head.hostEnd = end
  head.hostNameEnd = nameEnd
  return 0
}

function foldContentLength(head: Head, start: number, end: number): number {
  if (head.transferEncoding) return -REJECT.lengthConflict
  // Even an equal repetition is refused: the next reader may take the first, the last or the list.
  if (head.contentLength >= 0) return -REJECT.contentLengthRepeated
  if (besideTab(head.bytes, start, end)) return -REJECT.contentLength
  const length = parseDecimal(head.bytes, start, end)
  if (length < 0) return length === -2 ? -REJECT.contentLengthTooLarge : -REJECT.contentLength
  head.contentLength = length
  return 0
}

function foldTransferEncoding(head: Head, start: number, end: number): number {
  if (head.minor === 0) return -REJECT.transferEncodingVersion
  if (head.contentLength >= 0) return -REJECT.lengthConflict
  if (head.transferEncoding) return -REJECT.transferEncodingRepeated
  head.transferEncoding = true
  if (besideTab(head.bytes, start, end)) return -REJECT.transferEncoding
  if (!equalsIgnoreCase(head.bytes, start, end, CHUNKED)) return refusedCoding(head.bytes, start, end)
  head.chunked = true
  return 0
}

/**
 * Why a value other than `chunked` is refused: 501 for a well-formed list that names a coding we do not know and has chunked,
 * if at all, once and last; 400 for everything else.
 */
function refusedCoding(bytes: Uint8Array, start: number, end: number): number {
  let chunked = false
  for (let p = start; ; p++) {
    while (p < end && isSpace(bytes[p]!)) p++
    const nameStart = p
    while (p < end && TOKEN[bytes[p]!] !== 0) p++
    if (p === nameStart || chunked) return -REJECT.transferEncoding
    chunked = equalsIgnoreCase(bytes, nameStart, p, CHUNKED)
    while (p < end && isSpace(bytes[p]!)) p++
    if (p < end && bytes[p] === SEMICOLON) {
      if (chunked) return -REJECT.transferEncoding
      while (p < end && bytes[p] !== COMMA) p++
    }
    if (p === end) return -REJECT.transferCoding
    if (bytes[p] !== COMMA) return -REJECT.transferEncoding
  }
}

/** `Connection = #connection-option`, each a token; empty elements are skipped (RFC 9110 §5.6.1.2). */
function foldConnection(head: Head, start: number, end: number): number {
  const bytes = head.bytes
  for (let p = start; p < end; p++) {
    while (p < end && (isSpace(bytes[p]!) || bytes[p] === COMMA)) p++
    if (p === end) return 0
    const optionStart = p
    while (p < end && TOKEN[bytes[p]!] !== 0) p++
    const optionEnd = p
    while (p < end && isSpace(bytes[p]!)) p++
    if (optionEnd === optionStart || (p < end && bytes[p] !== COMMA)) return -REJECT.connection
    const result = foldOption(head, optionStart, optionEnd)
    if (result !== 0) return result
  }
  return 0
}

function foldOption(head: Head, start: number, end: number): number {
  const bytes = head.bytes
  if (equalsIgnoreCase(bytes, start, end, KEEP_ALIVE)) head.connectionKeepAlive = true
  else if (equalsIgnoreCase(bytes, start, end, CLOSE)) head.connectionClose = true
  else if (equalsIgnoreCase(bytes, start, end, UPGRADE)) head.connectionUpgrade = true
  else {
    const id = fieldId(head.view, start, end)
    if (PROTECTED[id] === 1) return -REJECT.connectionOption
    if (HOP_BY_HOP[id] === 0 && !head.addOption(start, end)) return -REJECT.connectionOptions
  }
  return 0
}

/**
 * Is there a tab between the colon and the value, or behind it? Legal white space, but some readers only know spaces, and then see
 * another value or none (llhttp refuses it too): no length may hang on that.
 */
function besideTab(bytes: Uint8Array, start: number, end: number): boolean {
  for (let p = start - 1; isSpace(bytes[p]!); p--) if (bytes[p] === TAB) return true
  for (let p = end; isSpace(bytes[p]!); p++) if (bytes[p] === TAB) return true
  return false
}

function isSpace(c: number): boolean {
  return c === SP || c === TAB
}

/** Laws of a whole request head. */
export function concludeRequest(head: Head): number {
  head.upgrade = head.upgradeField && head.connectionUpgrade && head.minor === 1
  return head.hostStart < 0 && head.minor === 1 ? -REJECT.hostMissing : 0
}

/** Laws of a whole response head: 1xx and 204 must not announce a body (RFC 9110 §8.6, RFC 9112 §6.1). */
export function concludeResponse(head: Head): number {
  head.upgrade = head.upgradeField && head.connectionUpgrade && head.minor === 1
  if (head.status >= 200 && head.status !== 204) return 0
  return head.transferEncoding || head.contentLength > 0 ? -REJECT.bodyForbidden : 0
}
