/**
 * base64url (RFC 4648 §5) of whole groups of three bytes, so without padding and without a second spelling of anything.
 */
const ALPHABET = Uint8Array.from(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
  (letter) => letter.charCodeAt(0),
)
const OTHER = 64
const VALUE: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = ALPHABET.indexOf(byte)
  return value < 0 ? OTHER : value
})

/** Write `from`, whose length is a multiple of 3; returns the end. */
export const writeBase64Url = (bytes: Uint8Array, at: number, from: Uint8Array): number => {
  let end = at
  for (let i = 0; i < from.length; i += 3) {
    const group = (from[i]! << 16) | (from[i + 1]! << 8) | from[i + 2]!
    bytes[end++] = ALPHABET[group >>> 18]!
    bytes[end++] = ALPHABET[(group >>> 12) & 63]!
    bytes[end++] = ALPHABET[(group >>> 6) & 63]!
    bytes[end++] = ALPHABET[group & 63]!
  }
  return end
}

/** Read what fills `to`, whose length is a multiple of 3, from `start` on. False at a letter that is none of the alphabet. */
export const readBase64Url = (bytes: Uint8Array, start: number, to: Uint8Array): boolean => {
  let at = start
  for (let i = 0; i < to.length; i += 3) {
    let group = 0
    for (const last = at + 4; at < last; at++) {
      const value = VALUE[bytes[at]!]!
      if (value === OTHER) return false
      group = (group << 6) | value
    }
    to[i] = group >>> 16
    to[i + 1] = group >>> 8
    to[i + 2] = group
  }
  return true
}
