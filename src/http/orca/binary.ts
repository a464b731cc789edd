import { IS_MAP, METRIC, REFUSED_REPORT } from './metrics.ts'
import type { LoadMetrics } from './metrics.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const NO_LETTER = 64
const VALUE: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = LETTERS.indexOf(String.fromCharCode(byte))
  return value < 0 ? NO_LETTER : value
})
const PAD = 61

/** Wire types. */
const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5

/** Base64 (RFC 4648 §4), padded or not, into `out`: bytes written, -1 if it is none. `out` has room for all. */
export const decodeBase64 = (bytes: Uint8Array, start: number, end: number, out: Uint8Array): number => {
  let stop = end
  if ((end - start) % 4 === 0) while (stop > start && end - stop < 2 && bytes[stop - 1] === PAD) stop--
  if ((stop - start) % 4 === 1) return -1
  let length = 0
  let group = 0
  for (let at = start; at < stop; at++) {
    const value = VALUE[bytes[at]!]!
    if (value === NO_LETTER) return -1
    group = ((group << 6) | value) & 0xff_ffff
    const letters = (at - start) & 3
    if (letters > 0) out[length++] = group >> (6 - 2 * letters)
  }
  return length
}

/**
 * `xds.data.orca.v3.OrcaLoadReport` as protobuf. Fields that we do not know are passed over, as protobuf demands; what is there twice is
 * refused.
 */
class MessageReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at: number
  #end: number

  constructor(bytes: Uint8Array, end: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = 0
    this.#end = end
  }

  report(into: LoadMetrics): number {
    while (this.#at < this.#end) {
      const tag = this.#varint()
      const field = Math.floor(tag / 8)
      const type = tag % 8
      const refused = this.#field(field, type, into)
      if (refused !== REFUSED_REPORT.nothing) return refused
    }
    return this.#at === this.#end ? REFUSED_REPORT.nothing : REFUSED_REPORT.malformed
  }

  #field(field: number, type: number, into: LoadMetrics): number {
    if (!(field >= 1)) return REFUSED_REPORT.malformed
    if (field > METRIC.application) return this.#skip(type)
    if (IS_MAP[field] === true) return type === LENGTH ? this.#entry(field, into) : REFUSED_REPORT.malformed
    if (type !== (field === METRIC.rps ? VARINT : FIXED64)) return REFUSED_REPORT.malformed
    const value = type === VARINT ? this.#varint() : this.#double()
    return this.#at > this.#end ? REFUSED_REPORT.malformed : into.put(field, value)
  }

  /** An entry of a map: a message of a name and a number. */
  #entry(field: number, into: LoadMetrics): number {
    const outer = this.#end
    const stop = this.#varint() + this.#at
    if (!(stop <= outer)) return REFUSED_REPORT.malformed
    this.#end = stop
    let start = 0
    let end = 0
    let value = 0
    while (this.#at < stop) {
      const tag = this.#varint()
      if (tag === (1 << 3) + LENGTH) {
        const length = this.#varint()
        start = this.#at
        end = start + length
        this.#at = end
      } else if (tag === (2 << 3) + FIXED64) value = this.#double()
      else if (!(tag >= 8) || this.#skip(tag % 8) !== REFUSED_REPORT.nothing) return REFUSED_REPORT.malformed
      if (!(this.#at <= stop)) return REFUSED_REPORT.malformed
    }
    this.#end = outer
    return into.putEntry(field, this.#bytes, [start, end], value)
  }

  #skip(type: number): number {
    if (type === VARINT) this.#varint()
    else if (type === FIXED64) this.#at += 8
    else if (type === FIXED32) this.#at += 4
    else if (type === LENGTH) this.#at = this.#varint() + this.#at
    else return REFUSED_REPORT.malformed
    return this.#at <= this.#end ? REFUSED_REPORT.nothing : REFUSED_REPORT.malformed
  }

  /** Unsigned; NaN, and the reader past its end, where there is none. */
  #varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10 && this.#at < this.#end; i++) {
      const byte = this.#bytes[this.#at++]!
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
    }
    this.#at = Infinity
    return Number.NaN
  }

  #double(): number {
    const at = this.#at
    this.#at += 8
    return this.#at <= this.#end ? this.#view.getFloat64(at, true) : Number.NaN
  }
}

/** `bytes[0, length)`. Returns `REFUSED_REPORT`. */
export const readMessage = (bytes: Uint8Array, length: number, into: LoadMetrics): number =>
  new MessageReader(bytes, length).report(into)
