import type { Fleet } from '../shm/fleet.ts'
import type { FoldObserver } from '../shm/fleet-view.ts'
import { SHARD_TABLE, STALENESS } from './catalogue.ts'
import { observe } from './histogram.ts'

const S = SHARD_TABLE.column

/** Counts in a shard's stripe what its view's folds do, and how old each fact was by then. */
export class FoldRecorder implements FoldObserver {
  readonly #counters: Float64Array

  constructor(fleet: Fleet, shard: number) {
    this.#counters = fleet.stripe(shard).counters
  }

  folded(ageUs: number): void {
    this.#counters[S.factsFolded]!++
    observe(this.#counters, STALENESS, ageUs)
  }

  lapped(lost: number): void {
    this.#counters[S.ringsLapped]!++
    this.#counters[S.factsLost]! += lost
  }
}
