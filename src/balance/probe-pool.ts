const FIELDS = 5

/**
 * Prequal's pool: the last few answers to probes, one per endpoint. Each may be used a few times, counts what we have sent since, and is dropped
 * when it is used up, too old, the worst, or in the way of a newer one.
 */
export class ProbePool {
  count = 0
  readonly #size: number
  /** By place: oldest first. */
  readonly index: Float64Array
  readonly rif: Float64Array
  readonly latencyMs: Float64Array
  readonly #atMs: Float64Array
  readonly #uses: Float64Array
  readonly #fields: readonly Float64Array[]

  constructor(size: number) {
    const numbers = (): Float64Array => new Float64Array(size)
    this.#size = size
    this.#fields = Array.from({ length: FIELDS }, numbers)
    const [index, rif, latencyMs, atMs, uses] = this.#fields
    this.index = index!
    this.rif = rif!
    this.latencyMs = latencyMs!
    this.#atMs = atMs!
    this.#uses = uses!
  }

  /** An answer takes the place of the same endpoint's, else of the oldest if there is no room. `write` says the rest. */
  add(index: number, uses: number): number {
    let old = 0
    while (old < this.count && this.index[old] !== index) old++
    if (old < this.count) this.drop(old)
    else if (this.count === this.#size) this.drop(0)
    const place = this.count++
    this.index[place] = index
    this.#uses[place] = uses
    return place
  }

  write(place: number, rif: number, latencyMs: number, atMs: number): void {
    this.rif[place] = rif
    this.latencyMs[place] = latencyMs
    this.#atMs[place] = atMs
  }

  drop(place: number): void {
    this.count--
    for (const field of this.#fields) field.copyWithin(place, place + 1, this.count + 1)
  }

  /** Drop what is from before `sinceMs`, or, by a clock that jumped back, from after `nowMs`. */
  age(sinceMs: number, nowMs: number): void {
    for (let place = this.count - 1; place >= 0; place--) {
      if (!(this.#atMs[place]! >= sinceMs && this.#atMs[place]! <= nowMs)) this.drop(place)
    }
  }

  /** A request goes there: it has one more, and the answer is good for one use less. */
  use(place: number): void {
    this.rif[place]!++
    this.#uses[place]!--
    if (this.#uses[place]! <= 0) this.drop(place)
  }

  /** Of those not hot (`rif` ≤ `limit`) the quickest; if all are, the one with the fewest in flight. -1 of none. */
  best(limit: number): number {
    let best = -1
    let least = Infinity
    for (let place = 0; place < this.count; place++) {
      if (this.rif[place]! <= limit && this.latencyMs[place]! < least) {
        least = this.latencyMs[place]!
        best = place
      }
    }
    if (best >= 0) return best
    for (let place = 0; place < this.count; place++) {
      if (this.rif[place]! < least) {
        least = this.rif[place]!
        best = place
      }
    }
    return best
  }

  /** The other end of the same order: of the hot the one with the most in flight, else the slowest. */
  worst(limit: number): number {
    let worst = 0
    for (let place = 1; place < this.count; place++) if (this.#isWorse(place, worst, limit)) worst = place
    return worst
  }

  #isWorse(place: number, than: number, limit: number): boolean {
    const hot = this.rif[place]! > limit
    if (hot !== this.rif[than]! > limit) return hot
    return hot ? this.rif[place]! > this.rif[than]! : this.latencyMs[place]! > this.latencyMs[than]!
  }

  /** Membership changed: `next` gives each endpoint's new index, -1 for one that left. */
  rename(next: (index: number) => number): void {
    for (let place = this.count - 1; place >= 0; place--) {
      const index = next(this.index[place]!)
      if (index < 0) this.drop(place)
      else this.index[place] = index
    }
  }

  /** Writes from `at` on; how many numbers, -1 if they do not fit. */
  save(state: Float64Array, at: number): number {
    const length = 1 + FIELDS * this.count
    if (at + length > state.length) return -1
    state[at] = this.count
    for (let field = 0; field < FIELDS; field++) {
      const values = this.#fields[field]!
      for (let place = 0; place < this.count; place++) {
        state[at + 1 + field * this.count + place] = values[place]!
      }
    }
    return length
  }

  /** How many numbers were read. */
  restore(state: Float64Array, at: number): number {
    this.count = Math.min(state[at]!, this.#size)
    for (let field = 0; field < FIELDS; field++) {
      const values = this.#fields[field]!
      for (let place = 0; place < this.count; place++) {
        values[place] = state[at + 1 + field * this.count + place]!
      }
    }
    return 1 + FIELDS * this.count
  }
}
