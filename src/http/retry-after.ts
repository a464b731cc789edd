import { MONTH_NAMES } from '../base/calendar.ts'
import { text } from '../base/bytes.ts'

/** Ten digits of seconds are three centuries. */
const MAX_DIGITS = 10
/** The longest of the three forms of a date, and some room. */
const MAX_BYTES = 40

const SECONDS = /^\d+$/
/** IMF-fixdate, and the two obsolete forms that must be understood (RFC 9110 §5.6.7). */
const IMF = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/
const RFC850 = /^[A-Z][a-z]{5,8}, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/
const ASCTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/

/** How long `Retry-After` (RFC 9110 §10.2.3), `[start, end)`, asks to wait from `wallMs` on, ms; 0 if it does not, or is none. */
export const retryAfterMs = (bytes: Uint8Array, start: number, end: number, wallMs: number): number => {
  if (end - start > MAX_BYTES) return 0
  const value = text(bytes, start, end)
  if (SECONDS.test(value)) return value.length > MAX_DIGITS ? 0 : Number(value) * 1000
  const at = dateMs(value, wallMs)
  return at > wallMs ? at - wallMs : 0
}

/** Unix ms of an HTTP date; NaN if it is none. */
const dateMs = (value: string, wallMs: number): number => {
  const asctime = ASCTIME.exec(value)
  if (asctime !== null) {
    const [, month, day, hour, minute, second, year] = asctime
    return unixMs({ year: Number(year), month: month!, day: Number(day) }, [hour!, minute!, second!])
  }
  const found = IMF.exec(value) ?? RFC850.exec(value)
  if (found === null) return Number.NaN
  const [, day, month, year, hour, minute, second] = found
  const full = year!.length === 4 ? Number(year) : fullYear(Number(year), wallMs)
  return unixMs({ year: full, month: month!, day: Number(day) }, [hour!, minute!, second!])
}

const YEAR_MS = 31_556_952_000

/** Two digits that seem more than 50 years ahead are of the past (RFC 9110 §5.6.7). */
const fullYear = (year: number, wallMs: number): number => {
  const now = 1970 + Math.floor(wallMs / YEAR_MS)
  const candidate = now - (now % 100) + year
  return candidate > now + 50 ? candidate - 100 : candidate
}

const DAY_MS = 86_400_000
const MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const

const unixMs = (
  date: { readonly year: number; readonly month: string; readonly day: number },
  [hour, minute, second]: readonly [string, string, string],
): number => {
  const month = MONTH_NAMES.indexOf(date.month) / 3
  const clock = Number(hour) * 3600 + Number(minute) * 60 + Number(second)
  if (!Number.isInteger(month) || month < 0 || date.day < 1 || date.day > MONTHS[month]!) return Number.NaN
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return Number.NaN
  return daysFromCivil(date.year, month + 1, date.day) * DAY_MS + clock * 1000
}

/** Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
const daysFromCivil = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}
