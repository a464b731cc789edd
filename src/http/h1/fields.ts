/**
 * Field lines of a head or trailer section, up to and with the empty line (RFC 9112 §5). Resumable anywhere: it remembers the
 * byte it reached, so a section that arrives byte by byte costs as much as one that arrives whole. The caller keeps the
 * section contiguous but may move it between calls: what is remembered is relative to `base`.
 */
import { COLON, CR, LF, SP, TAB, TOKEN } from '../chars.ts'
import { foldFact } from '../facts.ts'
import { FIELD_STRIDE, LINE_END, NAME_END, NAME_START, VALUE_END, VALUE_START } from '../head.ts'
import type { Head } from '../head.ts'
import { FACT, fieldId } from '../names.ts'
import { REJECT } from '../reject.ts'
import { valueEnd } from './scan.ts'

const LINE = 0
const NAME = 1
const BODY = 2

export class FieldScanner {
  private readonly head: Head
  private readonly max: number
  private readonly fold: boolean
  private state = LINE
  /** Relative to `base`: next byte to look at, start of the line, end of its name. */
  private at = 0
  private line = 0
  private nameEnd = 0

  /** Rows go to `head.fields`; with `fold` the facts are folded in (a trailer section has none). */
  constructor(head: Head, fold: boolean) {
    this.head = head
    this.fold = fold
    this.max = head.fields.length / FIELD_STRIDE
  }

  /** Begin a section at `base + at`. */
  begin(at: number): void {
    this.state = LINE
    this.at = at
  }

  /** Go on up to `stop` in `bytes`, which the head looks at already. Returns the offset after the empty line, 0 when it is not there yet, `-id` of a rejection. */
  scan(bytes: Uint8Array, base: number, stop: number): number {
    const view = this.head.view
    let p = base + this.at
    let line = base + this.line
    let nameEnd = base + this.nameEnd
    let state = this.state
    for (;;) {
      if (state === LINE) {
        if (p >= stop) break
        line = p
        if (bytes[p] === CR) {
          if (p + 1 >= stop) break
          return bytes[p + 1] === LF ? p + 2 : -REJECT.bareCr
        }
        state = NAME
      }
      if (state === NAME) {
        while (p < stop && TOKEN[bytes[p]!] !== 0) p++
        if (p >= stop) break
        if (bytes[p] !== COLON || p === line) return -nameRejection(bytes[p]!, p === line)
        nameEnd = p++
        state = BODY
      }
      p = valueEnd(view, p, stop)
      if (p >= stop) break
      if (bytes[p] !== CR) return -badByte(bytes[p]!, REJECT.controlCharacter)
      if (p + 1 >= stop) break
      if (bytes[p + 1] !== LF) return -REJECT.bareCr
      const rejected = this.row(bytes, line, nameEnd, p)
      if (rejected !== 0) return rejected
      p += 2
      state = LINE
    }
    this.state = state
    this.at = p - base
    this.line = line - base
    this.nameEnd = nameEnd - base
    return 0
  }

  /** A whole line: `[line, nameEnd)` is its name, a colon follows, `stop` is its CR. */
  private row(bytes: Uint8Array, line: number, nameEnd: number, stop: number): number {
    const head = this.head
    const index = head.count
    if (index === this.max) return -REJECT.tooManyFields
    let start = nameEnd + 1
    let end = stop
    while (start < end && (bytes[start] === SP || bytes[start] === TAB)) start++
    while (end > start && (bytes[end - 1] === SP || bytes[end - 1] === TAB)) end--
    const id = fieldId(head.view, line, nameEnd)
    const fields = head.fields
    const row = index * FIELD_STRIDE
    fields[row] = id
    fields[row + NAME_START] = line
    fields[row + NAME_END] = nameEnd
    fields[row + VALUE_START] = start
    fields[row + VALUE_END] = end
    fields[row + LINE_END] = stop + 2
    head.count = index + 1
    return FACT[id] === 0 || !this.fold ? 0 : foldFact(head, id, start, end)
  }
}

function nameRejection(c: number, first: boolean): number {
  if (c === COLON) return REJECT.emptyFieldName
  if (c === SP || c === TAB) return first ? REJECT.obsFold : REJECT.spaceBeforeColon
  return c === CR ? REJECT.colonMissing : badByte(c, REJECT.fieldName)
}

/**
 * The id for byte `c` where the grammar does not allow it: what is wrong with the byte itself if it may stand nowhere, `otherwise`
 * if it is only out of place.
 */
export function badByte(c: number, otherwise: number): number {
  if (c >= 128) return REJECT.nonAscii
  if (c > SP && c !== 127) return otherwise
  if (c === LF) return REJECT.bareLf
  if (c === 0) return REJECT.nul
  return c === CR || c === SP ? otherwise : REJECT.controlCharacter
}
