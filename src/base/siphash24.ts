/** 128 bits as four 32-bit words, the lowest first. */
export type SipKey = readonly [number, number, number, number]

/**
 * SipHash-2-4 with 64 bits of output (J.-P. Aumasson, D. J. Bernstein, 2012): a MAC for short messages. Hashes `bytes[0, length)` and
 * writes the tag to `tag` as two 32-bit words, the low one first. A 64-bit word is two variables here: `l` its low half, `h` its high.
 */
export const sipHash24 = (key: SipKey, bytes: Uint8Array, length: number, tag: Int32Array): void => {
  let l0 = key[0] ^ 0x7073_6575
  let h0 = key[1] ^ 0x736f_6d65
  let l1 = key[2] ^ 0x6e64_6f6d
  let h1 = key[3] ^ 0x646f_7261
  let l2 = key[0] ^ 0x6e65_7261
  let h2 = key[1] ^ 0x6c79_6765
  let l3 = key[2] ^ 0x7974_6573
  let h3 = key[3] ^ 0x7465_6462
  // Two rounds for every block, the last of which ends in the length; then four to finish.
  const blocks = (length >>> 3) + 1
  const rounds = 2 * blocks + 4
  let low = 0
  let high = 0
  for (let round = 0; round < rounds; round++) {
    if (round < 2 * blocks) {
      if ((round & 1) === 0) {
        const at = round << 2
        low = wordAt(bytes, at, length)
        high = wordAt(bytes, at + 4, length)
        if (round === 2 * blocks - 2) high |= length << 24
        l3 ^= low
        h3 ^= high
      }
    } else if (round === 2 * blocks) l2 ^= 0xff
    let l = (l0 + l1) | 0
    h0 = (h0 + h1 + carry(l, l0)) | 0
    l0 = l
    l = (l2 + l3) | 0
    h2 = (h2 + h3 + carry(l, l2)) | 0
    l2 = l
    l = ((l1 << 13) | (h1 >>> 19)) ^ l0
    h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0
    l1 = l
    l = ((l3 << 16) | (h3 >>> 16)) ^ l2
    h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2
    l3 = l
    l = h0
    h0 = l0
    l0 = l
    l = (l2 + l1) | 0
    h2 = (h2 + h1 + carry(l, l2)) | 0
    l2 = l
    l = (l0 + l3) | 0
    h0 = (h0 + h3 + carry(l, l0)) | 0
    l0 = l
    l = ((l1 << 17) | (h1 >>> 15)) ^ l2
    h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2
    l1 = l
    l = ((l3 << 21) | (h3 >>> 11)) ^ l0
    h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0
    l3 = l
    l = h2
    h2 = l2
    l2 = l
    if ((round & 1) === 1 && round < 2 * blocks) {
      l0 ^= low
      h0 ^= high
    }
  }
  tag[0] = l0 ^ l1 ^ l2 ^ l3
  tag[1] = h0 ^ h1 ^ h2 ^ h3
}

/** Did `a + b = sum` leave 32 bits? */
const carry = (sum: number, a: number): number => (sum >>> 0 < a >>> 0 ? 1 : 0)

/** Little-endian, zero beyond the message. */
const wordAt = (bytes: Uint8Array, at: number, length: number): number => {
  let word = 0
  for (let p = Math.min(at + 4, length) - 1; p >= at; p--) word = (word << 8) | bytes[p]!
  return word
}
