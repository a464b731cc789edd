/**
 * The passing of time as an argument, for actors off the request path (a shard has its timing wheel). `io/clock.ts` is
 * the real one, `test/support/fake-timers.ts` the virtual one.
 */
export interface Timers {
  /** Monotonic milliseconds. */
  nowMs(): number
  /** Run `task` once after `delayMs`; the function returned cancels it (idempotent, harmless afterwards). */
  after(delayMs: number, task: () => void): () => void
}
