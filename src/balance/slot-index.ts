/** Slot → a small number of the caller's, for the slots of one cluster, which mostly lie together. Reading allocates nothing. */
export class SlotIndex {
  readonly #first: number
  readonly #entries: Int32Array

  /** -1 everywhere. */
  constructor(slots: readonly number[]) {
    let first = Infinity
    let last = -1
    for (const slot of slots) {
      first = Math.min(first, slot)
      last = Math.max(last, slot)
    }
    this.#first = last < 0 ? 0 : first
    this.#entries = new Int32Array(last < 0 ? 0 : last - first + 1).fill(-1)
  }

  /** -1: not one of them. */
  get(slot: number): number {
    const entry = this.#entries[slot - this.#first]
    return entry === undefined ? -1 : entry
  }

  set(slot: number, entry: number): void {
    this.#entries[slot - this.#first] = entry
  }
}
