import type { Rng } from '../base/random.ts'

/**
 * What a shard's time goes to, roughly: a request has a price, and so has a byte. Measured over loopback; only the proportion matters, for the
 * sum is known (how busy the shard is).
 */
export const costUs = (bytes: number): number => REQUEST_US + bytes * BYTE_US
const REQUEST_US = 12
const BYTE_US = 0.0008

/** Samples kept: of a shard that is all busy, the last quarter of a second. */
const KEPT = 512
/** What one sample stands for, on average. */
const STEP_US = 500
const WORDS = 2

/** A connection, and the share of the shard's load that it makes. */
export type Share = { readonly fd: number; readonly generation: number; readonly share: number }

/** How many connections share the load, as if all were alike: 1 / Σ share² (inverse participation ratio). */
export const crowdOf = (shares: readonly Share[]): number =>
  shares.length === 0 ? 0 : 1 / shares.reduce((sum, { share }) => sum + share * share, 0)

/**
 * Which connections a shard's load comes from: of all cost, about one part in `STEP_US` is drawn, and who it was kept. Heavy connections are found as often as
 * they are heavy, whoever else there is; an idle one costs nothing, a request one subtraction. The step is jittered, so that those who take
 * turns evenly are seen evenly.
 */
export class LoadSample {
  readonly #samples = new Int32Array(KEPT * WORDS)
  readonly #rng: Rng
  #at = 0
  #count = 0
  #leftUs = STEP_US

  constructor(rng: Rng) {
    this.#rng = rng
  }

  /** A connection cost so much. */
  note(fd: number, generation: number, us: number): void {
    this.#leftUs -= us
    if (this.#leftUs <= 0) this.#draw(fd, generation)
  }

  #draw(fd: number, generation: number): void {
    for (let i = 0; i < KEPT && this.#leftUs <= 0; i++) {
      this.#samples[this.#at * WORDS] = fd
      this.#samples[this.#at * WORDS + 1] = generation
      this.#at = (this.#at + 1) % KEPT
      if (this.#count < KEPT) this.#count++
      this.#leftUs += STEP_US * (0.5 + this.#rng.next())
    }
    if (this.#leftUs <= 0) this.#leftUs = STEP_US
  }

  /** The connections found, the heaviest first. */
  shares(): Share[] {
    const found = new Map<number, { readonly generation: number; count: number }>()
    for (let i = 1; i <= this.#count; i++) {
      const at = ((this.#at - i + KEPT) % KEPT) * WORDS // the latest first: it knows who has the descriptor now
      const fd = this.#samples[at]!
      const generation = this.#samples[at + 1]!
      const before = found.get(fd)
      if (before === undefined) found.set(fd, { generation, count: 1 })
      else if (before.generation === generation) before.count++
    }
    return [...found]
      .map(([fd, { generation, count }]) => ({ fd, generation, share: count / this.#count }))
      .toSorted((a, b) => b.share - a.share)
  }
}
