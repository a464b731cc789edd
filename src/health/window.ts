/** Buckets of a window: what is told of it is exact to a thirtieth of its length. */
export const WINDOW_BUCKETS = 30

/**
 * Count and sum over a sliding window, in buckets by time. Law: the totals at `nowMs` are those of what was added with a time in the
 * present bucket or one of the 29 before it; what comes late is put where it belongs, what is older than the window nowhere.
 */
export class SlidingWindow {
  readonly bucketMs: number
  readonly #numbers: Float64Array = new Float64Array(WINDOW_BUCKETS).fill(-Infinity)
  readonly #counts: Float64Array = new Float64Array(WINDOW_BUCKETS)
  readonly #sums: Float64Array = new Float64Array(WINDOW_BUCKETS)
  /** Of the last `total`. */
  count = 0
  sum = 0

  constructor(windowMs: number) {
    this.bucketMs = Math.max(1, windowMs) / WINDOW_BUCKETS
  }

  add(atMs: number, value: number): void {
    const number = Math.floor(atMs / this.bucketMs)
    const index = ((number % WINDOW_BUCKETS) + WINDOW_BUCKETS) % WINDOW_BUCKETS
    const present = this.#numbers[index]!
    if (present > number) return
    if (present < number) {
      this.#numbers[index] = number
      this.#counts[index] = 0
      this.#sums[index] = 0
    }
    this.#counts[index]!++
    this.#sums[index]! += value
  }

  /** Set `count` and `sum` to those of the window that ends at `nowMs`. */
  total(nowMs: number): void {
    const last = Math.floor(nowMs / this.bucketMs)
    this.count = 0
    this.sum = 0
    for (let i = 0; i < WINDOW_BUCKETS; i++) {
      const number = this.#numbers[i]!
      if (number > last || number <= last - WINDOW_BUCKETS) continue
      this.count += this.#counts[i]!
      this.sum += this.#sums[i]!
    }
  }

  clear(): void {
    this.#numbers.fill(-Infinity)
    this.count = 0
    this.sum = 0
  }
}
