/**
 * The head of a message: a table of offsets into the bytes it was read from, and the facts every proxy needs of it, folded
 * in while parsing. Neutral to the version of the protocol: whatever reads a head fills this in, whatever writes one reads it.
 *
 * All offsets index `bytes`. The head owns no bytes: it is valid as long as they stay where they are; after moving them,
 * `rebase` says where to. One instance is reused for many messages; reading one message clears the facts of the last.
 */
import { equalsIgnoreCase, LOWER } from '../base/bytes.ts'
import { METHOD } from './methods.ts'

/** Words per row of `Head.fields`. */
export const FIELD_STRIDE = 6
/** Words of a row: id (names.ts, 0 = unknown), name span, value span without surrounding white space, end of line after CRLF. */
export const NAME_ID = 0
export const NAME_START = 1
export const NAME_END = 2
export const VALUE_START = 3
export const VALUE_END = 4
export const LINE_END = 5

/** Connection options other than those of the protocol that one head may carry. Bounds `namedByConnection`. */
export const MAX_OPTIONS = 16

const NOTHING = new Uint8Array(0)

export class Head {
  bytes: Uint8Array = NOTHING
  /** The same bytes, to be read by words. */
  view: DataView = new DataView(NOTHING.buffer)
  /** The whole head, start line to empty line. */
  start = 0
  end = 0
  /** HTTP/1.`minor`: 0 or 1. */
  minor = 1

  // Request line. `method` is an id of methods.ts.
  method: number = METHOD.other
  methodStart = 0
  methodEnd = 0
  targetStart = 0
  targetEnd = 0

  // Status line. `status` is 0 in the head of a request.
  status = 0
  reasonStart = 0
  reasonEnd = 0

  /** Rows of `fields` in use, in the order received. Field lines are adjacent: row i+1 starts where row i ends. */
  count = 0
  readonly fields: Int32Array

  /** Value of Content-Length, -1 when absent. (Starts as a float so that the property never changes its representation.) */
  contentLength = 0.5
  transferEncoding = false
  /** The body is chunked. With strict parsing the same as `transferEncoding`. */
  chunked = false
  /** Options of Connection. */
  connectionClose = false
  connectionKeepAlive = false
  connectionUpgrade = false
  /** Connection names fields beyond those in `HOP_BY_HOP`: ask `namedByConnection` of every field before forwarding it. */
  connectionNames = false
  /** An Upgrade field stands in the head. */
  upgradeField = false
  /** Both are there and the version is 1.1: a switch of protocols is asked for or granted (RFC 9110 §7.8). */
  upgrade = false
  /** Expect: 100-continue in an HTTP/1.1 request. */
  expectContinue = false
  /** Host: the value with its port, -1 when absent. `hostNameEnd` is where the port's colon stands, or `hostEnd`. */
  hostStart = -1
  hostEnd = -1
  hostNameEnd = -1

  private optionCount = 0
  private readonly options: Int32Array

  /** `maxFields` bounds the rows of `fields`. */
  constructor(maxFields: number) {
    this.fields = new Int32Array(maxFields * FIELD_STRIDE)
    this.options = new Int32Array(MAX_OPTIONS * 2)
    this.clear()
  }

  clear(): void {
    this.method = METHOD.other
    this.status = 0
    this.count = 0
    this.contentLength = -1
    this.transferEncoding = false
    this.chunked = false
    this.connectionClose = false
    this.connectionKeepAlive = false
    this.connectionUpgrade = false
    this.connectionNames = false
    this.upgradeField = false
    this.upgrade = false
    this.expectContinue = false
    this.hostStart = -1
    this.hostEnd = -1
    this.hostNameEnd = -1
    this.optionCount = 0
  }

  /** Whatever is read next is in this array. */
  look(bytes: Uint8Array): void {
    if (bytes === this.bytes) return
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** The same content stands at `start` of `bytes` now. */
  rebase(bytes: Uint8Array, start: number): void {
    const by = start - this.start
    this.look(bytes)
    if (by === 0) return
    this.start += by
    this.end += by
    this.methodStart += by
    this.methodEnd += by
    this.targetStart += by
    this.targetEnd += by
    this.reasonStart += by
    this.reasonEnd += by
    if (this.hostStart >= 0) {
      this.hostStart += by
      this.hostEnd += by
      this.hostNameEnd += by
    }
    const words = this.count * FIELD_STRIDE
    for (let i = 0; i < words; i++) if (i % FIELD_STRIDE !== NAME_ID) this.fields[i]! += by
    for (let i = 0; i < this.optionCount * 2; i++) this.options[i]! += by
  }

  /** Index of the first field with this id at or after `from`, -1 if there is none. */
  find(id: number, from = 0): number {
    const fields = this.fields
    const count = this.count
    for (let i = from; i < count; i++) if (fields[i * FIELD_STRIDE] === id) return i
    return -1
  }

  /** Index of the first field with this name (lower case), for names that are not interned. -1 if there is none. */
  findName(lower: Uint8Array): number {
    for (let i = 0; i < this.count; i++) {
      const row = i * FIELD_STRIDE
      const start = this.fields[row + NAME_START]!
      if (equalsIgnoreCase(this.bytes, start, this.fields[row + NAME_END]!, lower)) return i
    }
    return -1
  }

  /** Remember a Connection option that is no protocol keyword. False when there are too many. */
  addOption(start: number, end: number): boolean {
    if (this.optionCount === MAX_OPTIONS) return false
    this.options[this.optionCount * 2] = start
    this.options[this.optionCount * 2 + 1] = end
    this.optionCount++
    this.connectionNames = true
    return true
  }

  /** Does Connection name field `index`? Only worth asking when `connectionNames`; at most MAX_OPTIONS comparisons. */
  namedByConnection(index: number): boolean {
    const row = index * FIELD_STRIDE
    const start = this.fields[row + NAME_START]!
    const length = this.fields[row + NAME_END]! - start
    for (let i = 0; i < this.optionCount; i++) {
      const at = this.options[i * 2]!
      if (this.options[i * 2 + 1]! - at === length && this.sameLetters(start, at, length)) return true
    }
    return false
  }

  private sameLetters(a: number, b: number, length: number): boolean {
    const bytes = this.bytes
    for (let i = 0; i < length; i++) if (LOWER[bytes[a + i]!] !== LOWER[bytes[b + i]!]) return false
    return true
  }
}
