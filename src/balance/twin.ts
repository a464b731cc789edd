import { columnsOf } from './columns.ts'
import type { ViewColumn } from './columns.ts'
import { ClusterView, MAX_CONSIDERED } from './view.ts'
import type { Considered } from './view.ts'

/**
 * A view of its own for a policy that is not ours: whatever it writes there, the live view, from which the others pick, stays true. Kept
 * alike by copying every row that changes. The arrays are held here too, because the policy can replace those of its view.
 */
export class ViewTwin {
  readonly view: ClusterView
  readonly #source: ClusterView
  readonly #columns: readonly ViewColumn[]
  readonly #live: readonly ViewColumn[]
  readonly #considered: Considered
  readonly #indexes: Int32Array
  readonly #scores: Float64Array

  constructor(live: ClusterView) {
    this.view = new ClusterView(live.size)
    this.view.epoch = live.epoch
    this.#source = live
    this.#columns = columnsOf(this.view)
    this.#live = columnsOf(live)
    this.#considered = this.view.considered
    this.#indexes = this.#considered.indexes
    this.#scores = this.#considered.scores
    this.copyAll()
  }

  copyAll(): void {
    this.view.nowMs = this.#source.nowMs
    for (let c = 0; c < this.#columns.length; c++) this.#columns[c]!.set(this.#live[c]!)
  }

  copyRow(index: number): void {
    const columns = this.#columns
    const live = this.#live
    for (let c = 0; c < columns.length; c++) columns[c]![index] = live[c]![index]!
  }

  /** What the policy notes here goes to the live view, as far as it makes sense. */
  forwardConsidered(to: Considered): void {
    const noted = this.#considered
    const count = Math.min(MAX_CONSIDERED, noted.count >>> 0)
    for (let i = 0; i < count; i++) {
      const index = this.#indexes[i]!
      if (index >= 0 && index < this.view.size) to.note(index, Number(this.#scores[i]))
    }
    to.looked = Math.max(to.count, noted.looked >>> 0)
    noted.count = 0
    noted.looked = 0
  }
}
