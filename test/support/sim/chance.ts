import { seededRng, type Rng } from '../../../src/base/random.ts'

/** Inclusive bounds. */
export type Range = readonly [low: number, high: number]

/** The simulator's only source of chance: a seed replays it. */
export class Chance {
  readonly rng: Rng

  constructor(seed: number) {
    this.rng = seededRng(seed)
  }

  /** Integer in [0, bound). */
  below(bound: number): number {
    return this.rng.below(bound)
  }

  /** No draw is spent on the certain cases, so that a calm profile consumes no randomness. */
  happens(probability: number): boolean {
    if (probability <= 0) return false
    return probability >= 1 || this.rng.next() < probability
  }

  /** A duration or another continuous quantity, uniform. */
  between([low, high]: Range): number {
    return low === high ? low : low + this.rng.next() * (high - low)
  }

  /** A size in bytes or rows, an integer ≥ 1, log-uniform: every order of magnitude is as likely as the next. */
  size([low, high]: Range): number {
    if (low === high) return low
    return Math.min(high, Math.floor(low * Math.pow((high + 1) / low, this.rng.next())))
  }

  /** In place: Fisher and Yates, as Durstenfeld wrote it. */
  shuffle(items: unknown[]): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const held = items[i]
      items[i] = items[j]
      items[j] = held
    }
  }
}
