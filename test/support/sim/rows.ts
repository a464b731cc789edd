import { EVENT, EVENT_WORDS } from '../../../src/io/engine.ts'
import type { SimConnection } from './connection.ts'

/** An event row on its way; `connection` is null for rows that name none. */
export type SimRow = {
  readonly kind: number
  readonly connection: SimConnection | null
  readonly fd: number
  readonly generation: number
  readonly words: readonly number[]
}

/**
 * The event table. While a batch is being built rows go straight into it; otherwise (ops ran outside of a batch, the table
 * is full) they wait, and the next batch begins with them.
 */
export class EventRows {
  readonly table: Int32Array
  count = 0
  #capacity: number
  #building = false
  #waiting: SimRow[] = []

  constructor(table: Int32Array) {
    this.#capacity = table.length / EVENT_WORDS
    this.table = table
  }

  get waiting(): number {
    return this.#waiting.length
  }

  get free(): number {
    return this.#capacity - this.count
  }

  emit(row: SimRow): void {
    if (this.#building && this.#waiting.length === 0 && this.free > 0) this.#write(row)
    else this.#waiting.push(row)
  }

  /** Begin a batch with what waited, at most `limit` rows. Returns how many rows were dropped because their handle died meanwhile. */
  begin(limit: number): number {
    this.#building = true
    this.count = 0
    let dropped = 0
    let taken = 0
    for (const row of this.#waiting) {
      if (this.count >= limit) break
      taken += 1
      if (deliverable(row)) this.#write(row)
      else dropped += 1
    }
    this.#waiting.splice(0, taken)
    return dropped
  }

  finish(): number {
    this.#building = false
    return this.count
  }

  #write(row: SimRow): void {
    const at = this.count * EVENT_WORDS
    this.count += 1
    const { table } = this
    table[at] = row.kind
    table[at + 1] = row.fd
    table[at + 2] = row.generation
    for (let i = 0; i < 5; i++) table[at + 3 + i] = row.words[i] ?? 0
  }
}

/** The news of a handle's death is always delivered; other rows only while the handle lives. */
function deliverable(row: SimRow): boolean {
  if (row.connection === null || row.kind === EVENT.reset || row.kind === EVENT.connectFailed) return true
  return row.connection.generation === row.generation
}
