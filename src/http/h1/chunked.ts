/**
 * The chunked coding (RFC 9112 §7.1), read strictly and forwarded without being rewritten. State is a handful of integers and
 * survives any split; the bytes of one push need not outlive it.
 *
 *     SIZE → (EXTENSION…) → SIZE_LF → DATA → DATA_CR → DATA_LF ─┐
 *      ↑          size > 0 ─────────────────────────────────────┘
 *      └ size = 0 → trailer section (trailers.ts) → done
 *
 * A push yields two tables of spans `[start, end)` of the bytes pushed:
 *   `spans`    the payload
 *   `forwards` the chunked body itself, less what must not pass (extensions, trailer lines). Over all pushes they make one canonical
 *              chunked body but for its end: when `done`, `tail[0, tailLength)` follows them (0 bytes unless there were trailers).
 * So a push goes on either as `forwards`, for every push of a body, or as `spans` framed anew, for every push: never mixed.
 *
 * Strict: sizes are 1–15 hex digits, with no sign, space or underscore; every line ends in CRLF; an extension is
 * `;name`, `;name=token` or `;name="quoted"` without white space around.
 */
import { CR, HEX, LF, TOKEN, VALUE } from '../chars.ts'
import { REJECT } from '../reject.ts'
import { badByte } from './fields.ts'
import { Trailers } from './trailers.ts'
import type { TrailerReader } from './trailers.ts'

export type ChunkLimits = {
  /** Bytes of all extensions of a body. */
  readonly extensions: number
  /** Bytes of the trailer section, its empty line included. */
  readonly trailers: number
}

/** Spans per table. A push that fills one returns early: push again what it did not consume. */
export const SPANS = 64
const MAX_DIGITS = 15

const SIZE = 0
const SIZE_LF = 1
const DATA = 2
const DATA_CR = 3
const DATA_LF = 4
const TRAILER_START = 5
const TRAILER_LF = 6
const TRAILERS = 7
const DONE = 8
// Extensions: what may come next.
const EXT_NAME_FIRST = 9
const EXT_NAME = 10
const EXT_VALUE_FIRST = 11
const EXT_VALUE = 12
const EXT_QUOTED = 13
const EXT_ESCAPED = 14
const EXT_END = 15

const SEMICOLON = 59
const EQUALS = 61
const QUOTE = 34
const BACKSLASH = 92

export class ChunkedReader {
  readonly spans: Int32Array = new Int32Array(SPANS * 2)
  spanCount = 0
  readonly forwards: Int32Array = new Int32Array(SPANS * 2)
  forwardCount = 0
  /** The last chunk and the trailer section were read: nothing more is consumed. */
  done = false
  /** Payload bytes so far. (Starts as a float so that the property never changes its representation.) */
  payload = 0.5

  /** Sees the trailer section, if there is one. */
  trailerReader: TrailerReader | undefined = undefined

  private limits: ChunkLimits = { extensions: 0, trailers: 0 }
  private state = SIZE
  /** Of the current chunk: size digits seen, bytes still to come. */
  private digits = 0
  private left = 0.5
  private extensionBytes = 0
  /** First byte of this push not yet covered by `forwards`, -1 while what is read is dropped. */
  private from = 0
  private trailers: Trailers | undefined = undefined

  reset(limits: ChunkLimits): void {
    this.limits = limits
    this.state = SIZE
    this.done = false
    this.payload = 0
    this.digits = 0
    this.left = 0
    this.extensionBytes = 0
    this.spanCount = 0
    this.forwardCount = 0
    this.trailers?.reset()
  }

  /** What follows the forwarded spans when `done`: kept trailer lines and the empty line, or nothing. */
  get tail(): Uint8Array {
    return this.trailers === undefined ? NOTHING : this.trailers.bytes
  }

  get tailLength(): number {
    return this.trailers === undefined ? 0 : this.trailers.length
  }

  /**
   * Read on. Returns the bytes consumed, `-id` of a rejection otherwise. Fewer than given are consumed only when a table is full or
   * the body is `done` (the rest belongs to the next message).
   */
  push(bytes: Uint8Array, start: number, end: number): number {
    this.spanCount = 0
    this.forwardCount = 0
    this.from = this.dropping() ? -1 : start
    let p = start
    while (p < end && this.spanCount < SPANS && this.forwardCount < SPANS) {
      if (this.state === DATA) p = this.data(p, end)
      else if (this.state <= DATA_LF) p = this.line(bytes, p, end)
      else if (this.state >= EXT_NAME_FIRST) p = this.extension(bytes, p, end)
      else if (this.state === DONE) break
      else p = this.trailer(bytes, p, end)
      if (p < 0) return p
    }
    // Whatever filled `forwards` also began to drop: there is room for this one.
    if (this.from >= 0 && !this.done) this.forward(p)
    return p - start
  }

  /** Is the byte expected next one that is not forwarded? */
  private dropping(): boolean {
    return this.state >= TRAILERS
  }

  /** `[from, to)` goes on. */
  private forward(to: number): void {
    const from = this.from
    if (to <= from) return
    this.forwards[this.forwardCount * 2] = from
    this.forwards[this.forwardCount * 2 + 1] = to
    this.forwardCount++
  }

  private data(p: number, end: number): number {
    // What is left fits an integer where it is the smaller: offsets stay integers, and nothing is boxed.
    const length = this.left > end - p ? end - p : this.left | 0
    this.spans[this.spanCount * 2] = p
    this.spans[this.spanCount * 2 + 1] = p + length
    this.spanCount++
    this.payload += length
    this.left -= length
    if (this.left === 0) this.state = DATA_CR
    return p + length
  }

  /** Size lines and the CRLF after data. Goes on while these are all there is. */
  private line(bytes: Uint8Array, start: number, end: number): number {
    let p = start
    for (; p < end; p++) {
      const c = bytes[p]!
      switch (this.state) {
        case SIZE: {
          const digit = HEX[c]!
          if (digit !== 255) {
            if (++this.digits > MAX_DIGITS) return -REJECT.chunkSizeTooLarge
            this.left = this.left * 16 + digit
            break
          }
          if (this.digits === 0 || (c !== CR && c !== SEMICOLON)) return -badByte(c, REJECT.chunkSize)
          if (this.left > Number.MAX_SAFE_INTEGER) return -REJECT.chunkSizeTooLarge
          this.digits = 0
          if (c === SEMICOLON) return this.openExtension(p)
          this.state = SIZE_LF
          break
        }
        case SIZE_LF:
          if (c !== LF) return -REJECT.bareCr
          this.state = this.left === 0 ? TRAILER_START : DATA
          return p + 1
        case DATA_CR:
          if (c !== CR) return -REJECT.chunkEnd
          this.state = DATA_LF
          break
        default: // DATA_LF
          if (c !== LF) return -REJECT.bareCr
          this.state = SIZE
      }
    }
    return p
  }

  private openExtension(p: number): number {
    this.state = EXT_NAME_FIRST
    if (++this.extensionBytes > this.limits.extensions) return -REJECT.chunkExtensionsTooLarge
    this.forward(p)
    this.from = -1
    return p + 1
  }

  private extension(bytes: Uint8Array, start: number, end: number): number {
    for (let p = start; p < end; p++) {
      const c = bytes[p]!
      const next = extensionState(this.state, c)
      if (next < 0) return next
      this.state = next
      if (next === SIZE_LF) {
        this.from = p
        return p + 1
      }
      if (++this.extensionBytes > this.limits.extensions) return -REJECT.chunkExtensionsTooLarge
    }
    return end
  }

  /** After the last chunk's line: the empty line at once is forwarded like everything; trailer lines are kept back. */
  private trailer(bytes: Uint8Array, p: number, end: number): number {
    if (this.state === TRAILER_START) {
      if (bytes[p] === CR) {
        this.state = TRAILER_LF
        return p + 1
      }
      this.forward(p)
      this.from = -1
      this.trailers ??= new Trailers()
      this.trailers.begin(this.limits.trailers, this.trailerReader)
      this.state = TRAILERS
    }
    if (this.state === TRAILER_LF) {
      if (bytes[p] !== LF) return -REJECT.bareCr
      this.forward(p + 1)
      this.state = DONE
      this.done = true
      return p + 1
    }
    const consumed = this.trailers!.push(bytes, p, end)
    if (consumed < 0) return consumed
    if (this.trailers!.done) {
      this.state = DONE
      this.done = true
    }
    return p + consumed
  }
}

const NOTHING = new Uint8Array(0)

/** `*( ";" token [ "=" ( token / quoted-string ) ] )` then CR: the state after `c`, or `-id`. */
function extensionState(state: number, c: number): number {
  if (state === EXT_QUOTED) {
    if (c === QUOTE) return EXT_END
    if (c === BACKSLASH) return EXT_ESCAPED
    return VALUE[c] === 1 ? EXT_QUOTED : -badByte(c, REJECT.chunkExtension)
  }
  if (state === EXT_ESCAPED) return VALUE[c] === 1 ? EXT_QUOTED : -badByte(c, REJECT.chunkExtension)
  if (TOKEN[c] === 1 && state !== EXT_END) {
    return state === EXT_NAME_FIRST ? EXT_NAME : state === EXT_VALUE_FIRST ? EXT_VALUE : state
  }
  if (state === EXT_VALUE_FIRST && c === QUOTE) return EXT_QUOTED
  if (state === EXT_NAME && c === EQUALS) return EXT_VALUE_FIRST
  const whole = state === EXT_NAME || state === EXT_VALUE || state === EXT_END
  if (whole && c === SEMICOLON) return EXT_NAME_FIRST
  if (whole && c === CR) return SIZE_LF
  return -badByte(c, REJECT.chunkExtension)
}
