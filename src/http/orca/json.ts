import { text } from '../../base/bytes.ts'
import { IS_MAP, METRIC_NAMES, REFUSED_REPORT } from './metrics.ts'
import type { LoadMetrics } from './metrics.ts'
import { numberEnd, numberOf } from './number.ts'

const QUOTE = 34
const BACKSLASH = 92
const OPEN = 123
const CLOSE = 125
const COLON = 58
const COMMA = 44
const MAX_NAME = 32

/** Both spellings that the JSON form of protobuf knows. */
const NAMES: ReadonlyMap<string, number> = new Map(
  Object.entries(METRIC_NAMES).flatMap(([name, field]) => [
    [name, field],
    [name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()), field],
  ]),
)

/**
 * `{"cpu_utilization":0.7,"named_metrics":{"foo":123}}`: an object of numbers and of objects of numbers, and nothing else. Numbers may stand in quotes,
 * as protobuf's JSON has them. A name with an escape is refused: no server needs one, and two spellings could hide a duplicate.
 */
class JsonReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  readonly #into: LoadMetrics
  #at: number

  constructor(bytes: Uint8Array, start: number, end: number, into: LoadMetrics) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.#into = into
  }

  read(): number {
    const refused = this.#object(0)
    if (refused !== REFUSED_REPORT.nothing) return refused
    this.#space()
    return this.#at === this.#end ? REFUSED_REPORT.nothing : REFUSED_REPORT.malformed
  }

  /** `map`: the field whose entries these are, 0 for the report itself. */
  #object(map: number): number {
    if (!this.#takes(OPEN)) return REFUSED_REPORT.malformed
    if (this.#takes(CLOSE)) return REFUSED_REPORT.nothing
    do {
      const refused = this.#member(map)
      if (refused !== REFUSED_REPORT.nothing) return refused
    } while (this.#takes(COMMA))
    return this.#takes(CLOSE) ? REFUSED_REPORT.nothing : REFUSED_REPORT.malformed
  }

  #member(map: number): number {
    if (!this.#takes(QUOTE)) return REFUSED_REPORT.malformed
    const start = this.#at
    if (!this.#string()) return REFUSED_REPORT.malformed
    const end = this.#at - 1
    if (!this.#takes(COLON)) return REFUSED_REPORT.malformed
    if (map !== 0) return this.#into.putEntry(map, this.#bytes, [start, end], this.#number())
    const field = end - start > MAX_NAME ? undefined : NAMES.get(text(this.#bytes, start, end))
    if (field === undefined) return REFUSED_REPORT.name
    if (IS_MAP[field] !== true) return this.#into.put(field, this.#number())
    if (this.#maps.has(field)) return REFUSED_REPORT.name
    this.#maps.add(field)
    return this.#object(field)
  }

  readonly #maps = new Set<number>()

  /** NaN where there is none. */
  #number(): number {
    const quoted = this.#takes(QUOTE)
    this.#space()
    const start = this.#at
    const end = numberEnd(this.#bytes, start, this.#end)
    this.#at = end
    const value = numberOf(this.#bytes, start, end)
    return quoted && this.#bytes[this.#at++] !== QUOTE ? Number.NaN : value
  }

  /** Up to behind the closing quote. */
  #string(): boolean {
    for (; this.#at < this.#end; this.#at++) {
      const byte = this.#bytes[this.#at]!
      if (byte === BACKSLASH || byte < 32) return false
      if (byte === QUOTE) {
        this.#at++
        return true
      }
    }
    return false
  }

  #space(): void {
    const bytes = this.#bytes
    while (this.#at < this.#end && (bytes[this.#at] === 32 || bytes[this.#at] === 9)) this.#at++
  }

  #takes(byte: number): boolean {
    this.#space()
    if (this.#at >= this.#end || this.#bytes[this.#at] !== byte) return false
    this.#at++
    return true
  }
}

/** Returns `REFUSED_REPORT`. */
export const readJson = (bytes: Uint8Array, start: number, end: number, into: LoadMetrics): number =>
  new JsonReader(bytes, start, end, into).read()
