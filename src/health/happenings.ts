/** What shards said happened at endpoints: answers and failed attempts. */
export type Happening = {
  /** Failed attempts have a `FAULT` as `code`, answers a status. */
  failed: boolean
  slot: number
  code: number
  atMs: number
  firstByteMs: number
  totalMs: number
}

/**
 * Collects what was heard in one round, of one shard after another, and tells it in the order in which it happened; what happened at the
 * same moment in the order in which it was heard, which for one shard is its own. Rows are used again: nothing is allocated in the steady state.
 */
export class Happenings {
  readonly #rows: Happening[] = []
  readonly #order: number[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  /** A row to fill in, all of it. */
  add(): Happening {
    const known = this.#rows[this.#count]
    const row = known ?? { failed: false, slot: 0, code: 0, atMs: 0, firstByteMs: 0, totalMs: 0 }
    if (known === undefined) this.#rows.push(row)
    this.#order[this.#count] = this.#count
    this.#count++
    return row
  }

  /** Tell all of it and begin anew. */
  drain(tell: (happening: Happening) => void): void {
    const rows = this.#rows
    const order = this.#order
    order.length = this.#count
    order.sort((a, b) => rows[a]!.atMs - rows[b]!.atMs || a - b)
    for (const index of order) tell(rows[index]!)
    this.#count = 0
  }
}
