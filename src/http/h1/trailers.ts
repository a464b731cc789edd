/**
 * The trailer section of a chunked body: read like the fields of a head, then reduced to the lines that may pass. Fields that frame,
 * route, authenticate or otherwise must be known before the body are dropped (RFC 9110 §6.5.1), and so are those that pose as forwarding
 * fields: a backend may merge trailers into the head. Bodies with trailers are rare, so this is made when the first trailer byte arrives.
 */
import { copySpan } from '../../base/bytes.ts'
import { POSE, poseOf } from '../forwarding.ts'
import { FIELD_STRIDE, Head, LINE_END, NAME_ID, NAME_START } from '../head.ts'
import { TRAILER_FORBIDDEN } from '../names.ts'
import { REJECT } from '../reject.ts'
import { FieldScanner } from './fields.ts'

/** Field lines of one section. */
const MAX_TRAILERS = 32
/** What is collected at first; it doubles up to the limit. */
const INITIAL_BYTES = 256

/** Who wants to know what a trailer section says before it is reduced to what may pass. */
export interface TrailerReader {
  /** Field id → 1 if it is dropped. */
  readonly dropped: Uint8Array
  /** The section is whole; `head` is good for the call only. */
  trailers(head: Head): void
}

export class Trailers {
  /** When `done`, `[0, length)` are the lines kept, each with its CRLF, and the empty line. */
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES)
  length = 0
  done = false
  private readonly head = new Head(MAX_TRAILERS)
  private readonly scanner = new FieldScanner(this.head, false)
  private limit = 0
  private reader: TrailerReader | undefined = undefined
  /** Bytes collected. */
  private collected = 0

  reset(): void {
    this.done = false
    this.length = 0
  }

  /** A section of at most `limit` bytes begins. */
  begin(limit: number, reader: TrailerReader | undefined): void {
    this.reset()
    this.reader = reader
    this.limit = limit
    this.collected = 0
    this.head.clear()
    this.scanner.begin(0)
  }

  /** Returns the bytes consumed: all, or up to the end of the section; `-id` of a rejection. */
  push(bytes: Uint8Array, start: number, end: number): number {
    const before = this.collected
    const room = this.limit - before
    const taken = Math.min(end - start, room)
    this.reserve(before + taken)
    this.collected = copySpan(this.bytes, before, bytes, start, start + taken)
    this.head.look(this.bytes)
    const past = this.scanner.scan(this.bytes, 0, this.collected)
    if (past < 0) return past
    if (past === 0) return this.collected === this.limit ? -REJECT.trailersTooLarge : taken
    this.reader?.trailers(this.head)
    this.keep(past)
    this.done = true
    return past - before
  }

  private reserve(size: number): void {
    if (size <= this.bytes.length) return
    const larger = new Uint8Array(Math.min(this.limit, Math.max(size, this.bytes.length * 2)))
    larger.set(this.bytes)
    this.bytes = larger
  }

  /** Move the lines that may pass to the front, in order, and the empty line behind them. */
  private keep(past: number): void {
    const { head, bytes } = this
    const dropped = this.reader === undefined ? TRAILER_FORBIDDEN : this.reader.dropped
    let length = 0
    for (let index = 0; index < head.count; index++) {
      const row = index * FIELD_STRIDE
      const id = head.fields[row + NAME_ID]!
      if (dropped[id] === 1 || (id === 0 && poseOf(head, index) !== POSE.none)) continue
      length = copySpan(bytes, length, bytes, head.fields[row + NAME_START]!, head.fields[row + LINE_END]!)
    }
    this.length = copySpan(bytes, length, bytes, past - 2, past)
  }
}
