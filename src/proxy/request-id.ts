import type { Rng } from '../base/random.ts'

/** Bytes of a request id: 128 random bits in hexadecimal. */
export const REQUEST_ID_BYTES = 32

/** Two hex digits per byte value. */
const DIGITS = Uint8Array.from({ length: 512 }, (_, i) =>
  (i >> 1)
    .toString(16)
    .padStart(2, '0')
    .charCodeAt(i & 1),
)

/** Write a fresh request id at `at`; returns the next offset. Unique by size, not secret: the generator can be predicted from its output. */
export const writeRequestId = (bytes: Uint8Array, at: number, rng: Rng): number => {
  let p = at
  for (let word = 0; word < 4; word++) {
    const bits = rng.uint32()
    for (let shift = 24; shift >= 0; shift -= 8) {
      const pair = ((bits >>> shift) & 255) << 1
      bytes[p] = DIGITS[pair]!
      bytes[p + 1] = DIGITS[pair + 1]!
      p += 2
    }
  }
  return p
}
