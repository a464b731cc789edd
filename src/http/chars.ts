/**
 * Classes of bytes as lookup tables, index = byte, 1 = member. One load per byte beats any chain of comparisons, and the
 * grammar stands in one place.
 */
function table(member: (c: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, c) => (member(c) ? 1 : 0))
}

function among(chars: string): (c: number) => boolean {
  return (c) => c < 128 && chars.includes(String.fromCharCode(c))
}

export const isDigit = (c: number): boolean => c >= 48 && c <= 57
export const isAlpha = (c: number): boolean => (c >= 65 && c <= 90) || (c >= 97 && c <= 122)

const tokenPunctuation = among("!#$%&'*+-.^_`|~")
/** `tchar` (RFC 9110 §5.6.2): names, methods, codings, options. */
export const TOKEN: Uint8Array = table((c) => isDigit(c) || isAlpha(c) || tokenPunctuation(c))

/** What a field value or reason phrase may hold: HTAB, SP, VCHAR, obs-text (RFC 9110 §5.5). */
export const VALUE: Uint8Array = table((c) => c === 9 || (c >= 32 && c !== 127))

const targetForbidden = among('"#<>')
/**
 * What a request target may hold: visible ASCII but `"`, `<`, `>` (no URI has them, browsers encode them) and `#`
 * (a fragment is never sent). RFC 3986 is stricter: `[ ] ^ { | }`, backtick and backslash come raw from browsers, so they
 * pass here; the path refuses the backslash.
 */
export const TARGET: Uint8Array = table((c) => c > 32 && c < 127 && !targetForbidden(c))

const unreservedPunctuation = among('-._~')
/** `unreserved` (RFC 3986 §2.3): also the characters of host names we accept, see `authority.ts`. */
export const UNRESERVED: Uint8Array = table((c) => isDigit(c) || isAlpha(c) || unreservedPunctuation(c))

/** Value of a hexadecimal digit, 255 for any other byte. */
export const HEX: Uint8Array = Uint8Array.from({ length: 256 }, (_, c) => {
  if (isDigit(c)) return c - 48
  const lower = c | 32
  return c < 128 && lower >= 97 && lower <= 102 ? lower - 87 : 255
})

export const TAB = 9
export const LF = 10
export const CR = 13
export const SP = 32
export const COLON = 58
