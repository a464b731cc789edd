/**
 * Heads of HTTP/1.0 and 1.1 responses, as strictly as those of requests (RFC 9112 §4): what an upstream sends is input like any
 * other. Same contract and laws as `RequestParser`; a rejection becomes a 502.
 *
 * A status is 100–999: RFC 9110 §15 calls 600 and above invalid but lets a recipient take them for an error, and they frame their
 * body like any final status, so they pass.
 */
import { isDigit, CR, LF, SP, VALUE } from '../chars.ts'
import { concludeResponse } from '../facts.ts'
import { Head } from '../head.ts'
import { METHOD } from '../methods.ts'
import { REJECT } from '../reject.ts'
import { badByte, FieldScanner } from './fields.ts'
import { isSupported, readVersion } from './version.ts'

/** No target in a response. */
export type ResponseLimits = { readonly head: number; readonly fields: number }

const IDLE = 0
const STATUS = 1
const REASON = 2
const FIELDS = 3

export class ResponseParser {
  readonly head: Head
  private readonly maxHead: number
  private readonly scanner: FieldScanner
  private phase = IDLE
  private at = 0

  constructor(limits: ResponseLimits) {
    this.head = new Head(limits.fields)
    this.head.method = METHOD.other
    this.maxHead = limits.head
    this.scanner = new FieldScanner(this.head, true)
  }

  /** Forget a head read in part, or a rejection. */
  reset(): void {
    this.phase = IDLE
  }

  /** Has part of a head been seen? */
  get pending(): boolean {
    return this.phase !== IDLE
  }

  parse(bytes: Uint8Array, start: number, end: number): number {
    const head = this.head
    if (this.phase === IDLE) {
      head.clear()
      head.look(bytes)
      head.start = start
      this.phase = STATUS
    } else head.rebase(bytes, start)
    const full = end - start >= this.maxHead
    const stop = full ? start + this.maxHead : end
    if (this.phase !== FIELDS) {
      const result = this.statusLine(bytes, start, stop)
      if (result < 0) return result
      if (result === 0) return full ? -REJECT.headTooLarge : 0
      this.phase = FIELDS
      this.scanner.begin(result - start)
    }
    const past = this.scanner.scan(bytes, start, stop)
    if (past < 0) return past
    if (past === 0) return full ? -REJECT.headTooLarge : 0
    head.end = past
    this.phase = IDLE
    const verdict = concludeResponse(head)
    return verdict < 0 ? verdict : past - start
  }

  /** `HTTP/1.x SP 3DIGIT [ SP reason ] CRLF`; the space before an empty reason may be missing, as it often is. */
  private statusLine(bytes: Uint8Array, start: number, stop: number): number {
    if (this.phase === STATUS) {
      const result = this.status(bytes, start, stop)
      if (result <= 0) return result
    }
    let p = start + this.at
    while (p < stop && VALUE[bytes[p]!] !== 0) p++
    this.at = p - start
    if (p >= stop) return 0
    if (bytes[p] !== CR) return -badByte(bytes[p]!, REJECT.controlCharacter)
    if (p + 1 === stop) return 0
    if (bytes[p + 1] !== LF) return -REJECT.bareCr
    this.head.reasonEnd = p
    return p + 2
  }

  /** The fixed part, looked at again on every call until it is there: at most 13 bytes. */
  private status(bytes: Uint8Array, start: number, stop: number): number {
    const p = readVersion(bytes, start, stop)
    if (p <= 0) return p
    if (!isSupported(bytes, start)) return -REJECT.versionUnsupported
    if (p < stop && bytes[p] !== SP) return -badByte(bytes[p]!, REJECT.statusLine)
    let status = 0
    for (let i = p + 1; i < p + 4; i++) {
      if (i >= stop) return 0
      const c = bytes[i]!
      if (!isDigit(c)) return -badByte(c, REJECT.statusLine)
      status = status * 10 + c - 48
    }
    if (status < 100) return -REJECT.status
    if (p + 4 >= stop) return 0
    const c = bytes[p + 4]!
    if (c !== SP && c !== CR) return -badByte(c, REJECT.statusLine)
    const head = this.head
    head.minor = bytes[start + 7]! - 48
    head.status = status
    this.at = p + 4 - start + (c === SP ? 1 : 0)
    head.reasonStart = start + this.at
    this.phase = REASON
    return 1
  }
}
