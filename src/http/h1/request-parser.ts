/**
 * Heads of HTTP/1.0 and 1.1 requests, strictly (RFC 9112 §2, §3, §5): what two readers could read differently is refused, never repaired.
 *
 *     parse(bytes, start, end):   > 0  the head is read, so many bytes from `start`; `head` describes it
 *                                 0    more is needed: call again with the same content and more behind it
 *                                 < 0  -id of a rejection (reject.ts): call `reset` before the next use
 *
 * Laws. The result does not depend on how the bytes were split over calls. A rejection comes with the first byte that
 * breaks the grammar, with the end of the line whose value makes no sense, or with the end of the head. Each byte is looked at a bounded number of times however it arrives. Between calls the content may move (to another
 * offset, to another array). After a head is read, the next call starts the next head by itself.
 *
 * A parser that returned 0 holds state and belongs to that connection until it returns something else or is `reset`.
 */
import { concludeRequest } from '../facts.ts'
import { Head } from '../head.ts'
import { methodId } from '../methods.ts'
import { REJECT } from '../reject.ts'
import { CR, LF, SP, TARGET, TOKEN } from '../chars.ts'
import { badByte, FieldScanner } from './fields.ts'
import { readVersionLine } from './version.ts'

/** Longest method: the longest registered one, UPDATEREDIRECTREF, has 17. */
const METHOD_BYTES = 24

export type HeadLimits = {
  /** Bytes of the request target. */
  readonly target: number
  /** Bytes of the whole head. */
  readonly head: number
  /** Field lines. */
  readonly fields: number
}

const IDLE = 0
const START = 1
const METHOD_NAME = 2
const TARGET_TEXT = 3
const VERSION_TEXT = 4
const FIELDS = 5

export class RequestParser {
  readonly head: Head
  private readonly maxTarget: number
  private readonly maxHead: number
  private readonly scanner: FieldScanner
  private phase = IDLE
  /** Next byte to look at, relative to the start of the call's span. */
  private at = 0
  /** Bytes of empty line skipped before the request line. */
  private skipped = 0

  constructor(limits: HeadLimits) {
    this.head = new Head(limits.fields)
    this.maxTarget = limits.target
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
    if (this.phase === IDLE) this.begin(bytes, start)
    else head.rebase(bytes, start + this.skipped)
    const full = end - start >= this.maxHead
    const stop = full ? start + this.maxHead : end
    if (this.phase !== FIELDS) {
      const result = this.requestLine(bytes, start, stop)
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
    const verdict = concludeRequest(head)
    return verdict < 0 ? verdict : past - start
  }

  private begin(bytes: Uint8Array, start: number): void {
    this.head.clear()
    this.head.look(bytes)
    this.head.start = start
    this.phase = START
    this.at = 0
    this.skipped = 0
  }

  /** Returns the offset after the request line, 0 for more, or `-id`. Its steps return 1 when they are through. */
  private requestLine(bytes: Uint8Array, start: number, stop: number): number {
    if (this.phase === START) {
      const result = this.emptyLine(bytes, start, stop)
      if (result <= 0) return result
    }
    if (this.phase === METHOD_NAME) {
      const result = this.method(bytes, start, stop)
      if (result <= 0) return result
    }
    if (this.phase === TARGET_TEXT) {
      const result = this.target(bytes, start, stop)
      if (result <= 0) return result
    }
    const at = start + this.at
    const result = readVersionLine(bytes, at, stop)
    if (result <= 0) return result
    this.head.minor = bytes[at + 7]! - 48
    return result
  }

  /** One empty line before the request line is skipped, as old clients send one after a body (RFC 9112 §2.2); not two. */
  private emptyLine(bytes: Uint8Array, start: number, stop: number): number {
    let p = start
    if (p === stop) return 0
    if (bytes[p] === CR) {
      if (p + 1 === stop) return 0
      if (bytes[p + 1] !== LF) return -REJECT.bareCr
      p += 2
    }
    this.skipped = p - start
    this.head.start = p
    this.head.methodStart = p
    this.at = p - start
    this.phase = METHOD_NAME
    return 1
  }

  private method(bytes: Uint8Array, start: number, stop: number): number {
    const head = this.head
    const first = head.methodStart
    const last = first + METHOD_BYTES
    let p = start + this.at
    while (p < stop && TOKEN[bytes[p]!] !== 0) p++
    if (p > last) return -REJECT.methodTooLong
    this.at = p - start
    if (p === stop) return 0
    if (bytes[p] !== SP || p === first) return this.methodRejection(bytes, p)
    head.methodEnd = p
    head.method = methodId(bytes, first, p)
    head.targetStart = p + 1
    this.at++
    this.phase = TARGET_TEXT
    return 1
  }

  private methodRejection(bytes: Uint8Array, p: number): number {
    const c = bytes[p]!
    if (c === CR && p === this.head.methodStart && this.skipped > 0) return -REJECT.emptyLines
    return -badByte(c, REJECT.method)
  }

  private target(bytes: Uint8Array, start: number, stop: number): number {
    const head = this.head
    const first = head.targetStart
    let p = start + this.at
    while (p < stop && TARGET[bytes[p]!] !== 0) p++
    if (p - first > this.maxTarget) return -REJECT.targetTooLong
    this.at = p - start
    if (p === stop) return 0
    const c = bytes[p]!
    if (c !== SP) return -(c === CR ? REJECT.version : badByte(c, REJECT.target))
    if (p === first) return -REJECT.target
    head.targetEnd = p
    this.at++
    this.phase = VERSION_TEXT
    return 1
  }
}
