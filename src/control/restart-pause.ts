import { backoffMs } from '../actor/child.ts'
import type { Backoff } from '../actor/child.ts'

/** Pauses between the deaths of one thing: none before the first restart, then by full jitter; a life that was calm begins the row anew. */
export class RestartPause {
  readonly #backoff: Backoff
  readonly #calmMs: number
  #streak = 0

  constructor(backoff: Backoff, calmMs: number) {
    this.#backoff = backoff
    this.#calmMs = calmMs
  }

  /** A life that served for `servedMs` (0: never) has ended. `random` in [0, 1). */
  next(servedMs: number, random: number): number {
    if (servedMs >= this.#calmMs) this.#streak = 0
    return this.#streak++ === 0 ? 0 : backoffMs(this.#backoff, this.#streak - 2, random)
  }

  reset(): void {
    this.#streak = 0
  }
}
