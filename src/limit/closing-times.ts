import type { Rng } from '../base/random.ts'

/**
 * When each of many connections is closed that must all be gone at the end of a window, so that those who come back do not come together.
 *
 * Who is there at the beginning is dealt times by stratified sampling: the window is cut into as many equal parts as there are connections, each part
 * gets one time, evenly at random within it, and the parts are dealt out in random order. Each connection's time is uniform over the window and says
 * nothing of its place in line; yet the number of times in any stretch of `lengthMs` is at most
 *
 *     count · lengthMs / windowMs + 2
 *
 * for certain. Independent draws ("balls into bins") only keep to mean + √(2 · mean · ln bins) or so, with high probability: Raab and Steger,
 * "Balls into Bins: A Simple and Tight Analysis" (RANDOM 1998).
 *
 * Who comes later (accepted, or handed over, when it has begun) gets a time that is uniform over what is left.
 */
export class ClosingTimes {
  readonly beginMs: number
  readonly endMs: number
  readonly #rng: Rng

  constructor(nowMs: number, windowMs: number, rng: Rng) {
    this.beginMs = nowMs
    this.endMs = nowMs + windowMs
    this.#rng = rng
  }

  /** Times for all who are there at the beginning, the earliest first. They are shuffled: the one now at `i` has time `i`. */
  deal(connections: unknown[]): Float64Array {
    const rng = this.#rng
    const count = connections.length
    const times = new Float64Array(count)
    const part = (this.endMs - this.beginMs) / count
    for (let i = 0; i < count; i++) {
      times[i] = this.beginMs + (i + rng.next()) * part
      const other = i + rng.below(count - i) // Fisher and Yates
      const moved = connections[i]
      connections[i] = connections[other]
      connections[other] = moved
    }
    return times
  }

  /** A time for one who comes now. */
  draw(nowMs: number): number {
    return nowMs + this.#rng.next() * Math.max(0, this.endMs - nowMs)
  }
}

/** Share by which limits of a connection's life are spread, both ways. */
const JITTER = 0.1

/** `limit`, up to a tenth more or less: so that what began together does not end together. */
export const jittered = (limit: number, rng: Rng): number => limit * (1 + JITTER * (2 * rng.next() - 1))
