import type { Engine } from './engine.ts'

/** Between two turns while resting, and after how many turns with nothing to do that begins. */
const REST = { ms: 500, afterTurns: 20 } as const

/**
 * When a shard's next turn is due: every `granularityMs`, but seldom while there is nothing that turns are for, for each wakes a thread that sleeps. So turns are no
 * measure of time: whoever needs one in time is not at rest (`ReactorHandler.restless`).
 */
export class Turns {
  readonly #engine: Engine
  readonly #granularityMs: number
  #nextMs = 0
  /** Turns in a row with nothing to do. */
  #quiet = 0

  constructor(engine: Engine, granularityMs: number) {
    this.#engine = engine
    this.#granularityMs = granularityMs
  }

  start(): void {
    this.tickEvery(this.#granularityMs)
  }

  /** A batch at least so often. */
  tickEvery(ms: number): void {
    this.#quiet = 0
    this.#engine.tickEvery(ms)
  }

  /** Is one due? It counts as taken then. */
  due(nowMs: number): boolean {
    if (nowMs < this.#nextMs) return false
    this.#nextMs = nowMs + this.#granularityMs
    return true
  }

  /** One with nothing to do, and nothing that waits for the next. */
  quiet(): void {
    if (++this.#quiet === REST.afterTurns) this.#engine.tickEvery(REST.ms)
  }

  get atRest(): boolean {
    return this.#quiet >= REST.afterTurns
  }

  /** There is something to do. True: after a rest. */
  rouse(): boolean {
    const rested = this.atRest
    this.#quiet = 0
    if (rested) this.#engine.tickEvery(this.#granularityMs)
    return rested
  }
}
