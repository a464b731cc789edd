import { mix32 } from './random.ts'

/**
 * MurmurHash3_x86_32 (Austin Appleby), seed 0 where none is given: unkeyed, the same on every machine. For spreading; what an
 * attacker must not aim for takes a keyed one (`siphash.ts`). A signed number: those of 32 bits are never boxed.
 */
export const hashBytes = (bytes: Uint8Array, start: number, end: number, seed = 0): number => {
  const length = end - start
  const wholeEnd = start + (length & ~3)
  let h = seed | 0
  for (let p = start; p < wholeEnd; p += 4) {
    h = absorb(h, bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16) | (bytes[p + 3]! << 24))
  }
  let rest = 0
  for (let p = end - 1; p >= wholeEnd; p--) rest = (rest << 8) | bytes[p]!
  return mix32(h ^ scramble(rest) ^ length)
}

const encoder = new TextEncoder()

/** Of the string's UTF-8 bytes, unsigned. Allocates: not for the path of a request. */
export const hashString = (value: string): number => {
  const bytes = encoder.encode(value)
  return hashBytes(bytes, 0, bytes.length) >>> 0
}

/** Of two 32-bit words, signed, as if their little-endian bytes were hashed. For a given `b` it is a bijection of `a`, and the other way round. */
export const hashPair = (a: number, b: number): number => finishPair(beginPair(a), scramble(b))

/** What of `hashPair` depends on `a` alone; `finishPair` takes it together with `scramble(b)`. For loops in which one of them stays. */
export const beginPair = (a: number): number => absorb(0, a)

export const finishPair = (begun: number, scrambled: number): number => {
  const h = begun ^ scrambled
  return mix32((Math.imul((h << 13) | (h >>> 19), 5) + 0xe654_6b64) ^ 8)
}

/** A word as Murmur prepares it before it goes in. */
export const scramble = (word: number): number => {
  const k = Math.imul(word, 0xcc9e_2d51)
  return Math.imul((k << 15) | (k >>> 17), 0x1b87_3593)
}

const absorb = (state: number, word: number): number => {
  const h = state ^ scramble(word)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe654_6b64) | 0
}

const TWO_32 = 4_294_967_296

/** A hash as a number in (0, 1), never an end of it. */
export const unitOf = (hash: number): number => ((hash >>> 0) + 0.5) / TWO_32
