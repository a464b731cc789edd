/**
 * Proleptic Gregorian calendar in UTC from Unix time, without `Date`: pure code may not own a clock, and the writers of dates
 * (HTTP, access log) want numbers, not strings. Days → civil date as in Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
export class CivilTime {
  year = 1970
  /** 1…12. */
  month = 1
  /** 1…31. */
  day = 1
  /** 0 = Sunday. */
  weekday = 4
  hour = 0
  minute = 0
  second = 0

  /** Set all fields from Unix seconds (an integer, any sign). */
  set(unixSeconds: number): void {
    const days = Math.floor(unixSeconds / 86_400)
    const secondOfDay = unixSeconds - days * 86_400
    this.hour = Math.floor(secondOfDay / 3600)
    this.minute = Math.floor(secondOfDay / 60) % 60
    this.second = secondOfDay % 60
    this.weekday = (((days + 4) % 7) + 7) % 7
    this.#setDate(days)
  }

  #setDate(daysSince1970: number): void {
    const shifted = daysSince1970 + 719_468 // days since 0000-03-01
    const era = Math.floor(shifted / 146_097)
    const dayOfEra = shifted - era * 146_097
    const yearOfEra = Math.floor(
      (dayOfEra -
        Math.floor(dayOfEra / 1460) +
        Math.floor(dayOfEra / 36_524) -
        Math.floor(dayOfEra / 146_096)) /
        365,
    )
    const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
    const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
    this.day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
    this.month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    this.year = yearOfEra + era * 400 + (this.month <= 2 ? 1 : 0)
  }
}

export const DAY_NAMES = 'SunMonTueWedThuFriSat'
export const MONTH_NAMES = 'JanFebMarAprMayJunJulAugSepOctNovDec'

/** Write `value` (0…99) as two digits. */
export const writeTwoDigits = (out: Uint8Array, at: number, value: number): void => {
  const tens = (value / 10) | 0
  out[at] = 48 + tens
  out[at + 1] = 48 + value - tens * 10
}

/** Write three letters of a table of three-letter names. */
export const writeName = (out: Uint8Array, at: number, names: string, index: number): void => {
  for (let i = 0; i < 3; i++) out[at + i] = names.charCodeAt(index * 3 + i)
}
