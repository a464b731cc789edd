import { CivilTime, DAY_NAMES, MONTH_NAMES, writeName, writeTwoDigits } from './calendar.ts'

/** The clock port. Pure code is handed one (or just the readings); only `io` owns a real one. */
export interface Clock {
  /** Milliseconds, fractional, never going back; the origin means nothing. */
  monotonicMs(): number
  /** Unix time in milliseconds; may jump. */
  wallMs(): number
}

/** Length of an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`. */
export const HTTP_DATE_BYTES = 29

/** Writes IMF-fixdate (RFC 9110 §5.6.7), formatted once per second and copied from then on. */
export class HttpDate {
  /** The date last formatted. */
  readonly bytes: Uint8Array = new Uint8Array(HTTP_DATE_BYTES)
  readonly #civil = new CivilTime()
  #second = Number.NaN

  /** The date of `wallMs`; the bytes are the formatter's own and good until the next call. */
  at(wallMs: number): Uint8Array {
    const second = Math.floor(wallMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#format(second)
    }
    return this.bytes
  }

  /** Write the date of `wallMs` at `out[offset]`; returns the offset behind it. */
  writeTo(out: Uint8Array, offset: number, wallMs: number): number {
    const bytes = this.at(wallMs)
    for (let i = 0; i < HTTP_DATE_BYTES; i++) out[offset + i] = bytes[i]!
    return offset + HTTP_DATE_BYTES
  }

  #format(second: number): void {
    const { bytes } = this
    const civil = this.#civil
    civil.set(second)
    for (let i = 0; i < TEMPLATE.length; i++) bytes[i] = TEMPLATE.charCodeAt(i)
    writeName(bytes, 0, DAY_NAMES, civil.weekday)
    writeTwoDigits(bytes, 5, civil.day)
    writeName(bytes, 8, MONTH_NAMES, civil.month - 1)
    writeTwoDigits(bytes, 12, Math.floor(civil.year / 100))
    writeTwoDigits(bytes, 14, civil.year % 100)
    writeTwoDigits(bytes, 17, civil.hour)
    writeTwoDigits(bytes, 20, civil.minute)
    writeTwoDigits(bytes, 23, civil.second)
  }
}

const TEMPLATE = '---, -- --- ---- --:--:-- GMT'
