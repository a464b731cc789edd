/** Figures for people, short enough for a table. */
export const NOTHING = '-'

/** Three digits that count: `0.12`, `3.4`, `250`, `12,345`. */
export function number(value: number | null): string {
  if (value === null) return NOTHING
  if (value >= 100 || Number.isInteger(value)) return count(Math.round(value))
  return String(Number(value.toFixed(value < 10 ? 2 : 1)))
}

/** Grouped, and in millions and more where that would not fit. */
export function count(value: number): string {
  if (value < 1e7) return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',')
  const [unit, letter] = value < 1e9 ? [1e6, 'M'] : value < 1e12 ? [1e9, 'G'] : [1e12, 'T']
  return `${(value / unit).toFixed(1)}${letter}`
}

export function percent(share: number | undefined): string {
  return share === undefined ? NOTHING : `${Math.round(share * 100)}%`
}

/** `4 s`, `12 min`, `3 h`, `9 d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}

/** At most `width` characters. */
export function cutEnd(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

/** The same for addresses, which keep their end: it holds the port. */
export function cutStart(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(text.length - width + 1)}`
}
