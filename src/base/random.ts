/** The randomness port. Pure code is handed one; a seed replays it. */
export interface Rng {
  /** Uniform in [0, 1), a multiple of 2⁻⁵³. */
  next(): number
  /** Uniform integer in [0, n), exactly unbiased; n an integer in 1…2³². */
  below(n: number): number
  /** Uniform integer in [0, 2³²). */
  uint32(): number
}

const TWO_32 = 4_294_967_296
const EXACT_PRODUCT = 2_097_152 // 2²¹ · 2³² = 2⁵³: up to here x · n is exact in a double

/**
 * sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, a counter guarantees a period of at least 2³². All state is int32, which
 * V8 keeps unboxed. Not for secrets.
 */
export class Sfc32 implements Rng {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** Three words of seed; any values, all zero included, are fine. */
  constructor(a: number, b: number, c: number) {
    this.#a = a | 0
    this.#b = b | 0
    this.#c = c | 0
    for (let i = 0; i < 15; i++) this.#step()
  }

  /** Write the state, four words, to `state`. */
  save(state: Int32Array): void {
    state[0] = this.#a
    state[1] = this.#b
    state[2] = this.#c
    state[3] = this.#counter
  }

  /** Go back to what `save` wrote: from here on the same numbers come again. */
  restore(state: ArrayLike<number>): void {
    this.#a = state[0]! | 0
    this.#b = state[1]! | 0
    this.#c = state[2]! | 0
    this.#counter = state[3]! | 0
  }

  #step(): number {
    const out = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0
    return out
  }

  uint32(): number {
    return this.#step() >>> 0
  }

  next(): number {
    return ((this.#step() >>> 5) * 67_108_864 + (this.#step() >>> 6)) / 9_007_199_254_740_992
  }

  /** Multiply and reject: D. Lemire, "Fast Random Integer Generation in an Interval" (2019); above 2²¹ by masks and rejection. */
  below(n: number): number {
    if (!(n >= 1 && n <= TWO_32 && n % 1 === 0))
      throw new RangeError(`below(${n}): n must be an integer in 1…2^32`)
    if (n > EXACT_PRODUCT) return this.#belowByMask(n)
    let x = this.#step() >>> 0
    let low = Math.imul(x, n) >>> 0
    if (low < n) {
      const threshold = TWO_32 % n
      while (low < threshold) {
        x = this.#step() >>> 0
        low = Math.imul(x, n) >>> 0
      }
    }
    return (x * n - low) / TWO_32
  }

  #belowByMask(n: number): number {
    const mask = 0xffff_ffff >>> Math.clz32((n - 1) >>> 0)
    for (;;) {
      const x = (this.#step() & mask) >>> 0
      if (x < n) return x
    }
  }
}

/** A generator from one number (its integer part, 53 bits): the words are mixed, so neighbouring seeds give unrelated streams. */
export const seededRng = (seed: number): Sfc32 => {
  const whole = Math.trunc(seed)
  const low = whole | 0
  const high = Math.floor(whole / TWO_32) | 0
  return new Sfc32(mix32(low), mix32(high ^ 0x9e37_79b9), mix32(low ^ Math.imul(high, 0x85eb_ca6b)))
}

/** The finaliser of MurmurHash3: a bijection of 32 bits that spreads every input bit over all output bits. */
export const mix32 = (word: number): number => {
  let h = word | 0
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return h ^ (h >>> 16)
}
