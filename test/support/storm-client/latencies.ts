/** Latencies in logarithmic buckets, sixteen to an octave from a microsecond on: a quantile is right within 4.5 %. */
const PER_OCTAVE = 16
const BUCKETS = 32 * PER_OCTAVE

export class Latencies {
  readonly #counts = new Float64Array(BUCKETS)
  #count = 0
  maxMs = 0

  get count(): number {
    return this.#count
  }

  add(ms: number): void {
    const bucket = Math.floor(Math.log2(Math.max(ms * 1000, 1)) * PER_OCTAVE)
    const at = Math.min(bucket, BUCKETS - 1)
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#count++
    if (ms > this.maxMs) this.maxMs = ms
  }

  /** Upper edge of the bucket, in ms; NaN of nothing. */
  quantileMs(share: number): number {
    let left = Math.ceil(share * this.#count)
    if (left === 0) return Number.NaN
    for (const [at, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0) return Math.min(2 ** ((at + 1) / PER_OCTAVE) / 1000, this.maxMs)
    }
    return this.maxMs
  }
}
