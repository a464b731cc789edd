import { writeDecimal } from '../base/bytes.ts'

const HEX = '0123456789abcdef'
const BACKSLASH = 92
const QUOTE = 34

/** What a byte needs in a place of the log. */
const PLAIN = 0
const BACKSLASHED = 1
const HEXED = 2

const escapes = (isPlain: (byte: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) => {
    if (byte === BACKSLASH || byte === QUOTE) return BACKSLASHED
    return isPlain(byte) ? PLAIN : HEXED
  })

/** Inside double quotes: printable ASCII and the space stand for themselves. */
export const QUOTED: Uint8Array = escapes((byte) => byte >= 0x20 && byte < 0x7f)
/** Bare words: a space would end them. */
export const BARE: Uint8Array = escapes((byte) => byte > 0x20 && byte < 0x7f)

/**
 * Writes text into bytes, for lines that are made by the ten thousand: no strings, no growth, no checks of room, which is
 * the caller's to ask for before. `at` moves on.
 */
export class ByteOutput {
  readonly bytes: Uint8Array
  at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
  }

  byte(value: number): void {
    this.bytes[this.at++] = value
  }

  /** ASCII, as it is. */
  ascii(text: string): void {
    const { bytes } = this
    let { at } = this
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i)
    this.at = at
  }

  raw(from: Uint8Array, start: number, end: number): void {
    const { bytes } = this
    let { at } = this
    for (let i = start; i < end; i++) bytes[at++] = from[i]!
    this.at = at
  }

  /** Hostile bytes: quotes and backslashes get a backslash, what `table` does not hold plain becomes `\xHH`. At most 4 bytes for one. */
  escaped(from: Uint8Array, span: { readonly start: number; readonly end: number }, table: Uint8Array): void {
    const { bytes } = this
    let { at } = this
    for (let i = span.start; i < span.end; i++) {
      const byte = from[i]!
      const kind = table[byte]!
      if (kind !== PLAIN) bytes[at++] = BACKSLASH
      if (kind !== HEXED) bytes[at++] = byte
      else {
        bytes[at++] = 120 // x
        bytes[at++] = HEX.charCodeAt(byte >> 4)
        bytes[at++] = HEX.charCodeAt(byte & 15)
      }
    }
    this.at = at
  }

  /** The inside of a JSON string (RFC 8259 §7), each byte taken as the code point of its value. At most 6 bytes for one. */
  jsonEscaped(from: Uint8Array, span: { readonly start: number; readonly end: number }): void {
    const { bytes } = this
    let { at } = this
    for (let i = span.start; i < span.end; i++) {
      const byte = from[i]!
      const kind = QUOTED[byte]!
      if (kind !== PLAIN) bytes[at++] = BACKSLASH
      if (kind !== HEXED) bytes[at++] = byte
      else {
        bytes[at++] = 117 // u
        bytes[at++] = 48
        bytes[at++] = 48
        bytes[at++] = HEX.charCodeAt(byte >> 4)
        bytes[at++] = HEX.charCodeAt(byte & 15)
      }
    }
    this.at = at
  }

  /** A whole number in 0…2⁵³; what is out of range is 0, fractions are cut off. */
  integer(value: number): void {
    const whole = value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.floor(value) : 0
    this.at = writeDecimal(this.bytes, this.at, whole)
  }

  /** A number that is not negative, rounded to three decimals. */
  thousandths(value: number): void {
    const scaled = Math.round(value * 1000)
    const whole = Math.floor(scaled / 1000)
    this.integer(whole)
    this.byte(46)
    this.padded(scaled - whole * 1000, 3)
  }

  /** `digits` digits, at most 9, with leading zeros. */
  padded(value: number, digits: number): void {
    let rest = value | 0
    for (let at = this.at + digits - 1; at >= this.at; at--) {
      const quotient = (rest / 10) | 0
      this.bytes[at] = 48 + rest - quotient * 10
      rest = quotient
    }
    this.at += digits
  }
}
