/**
 * HalfSipHash-1-3 with 32 bits of output (J.-P. Aumasson, D. J. Bernstein; as in Linux' hsiphash) over whole 32-bit words, as if their
 * little-endian bytes were hashed. A keyed hash for tables: who does not know the key cannot aim for collisions. Not for secrets.
 */
export const halfSipHash = (words: Int32Array, count: number, key0: number, key1: number): number => {
  let v0 = key0
  let v1 = key1
  let v2 = 0x6c79_6765 ^ key0
  let v3 = 0x7465_6462 ^ key1
  // words, the length block, three finishing rounds
  for (let i = 0; i < count + 4; i++) {
    const word = i < count ? words[i]! : i === count ? count << 26 : 0
    if (i === count + 1) v2 ^= 0xff
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return (v1 ^ v3) >>> 0
}
