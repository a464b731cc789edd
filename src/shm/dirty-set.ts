/** A set of slots as a list without repetitions. Adding is O(1) and allocates nothing. */
export class DirtySet {
  /** The slots, in the order in which they came, up to `count`. */
  readonly slots: Int32Array
  count = 0
  readonly #has: Uint8Array

  constructor(size: number) {
    this.slots = new Int32Array(size)
    this.#has = new Uint8Array(size)
  }

  add(slot: number): void {
    if (this.#has[slot] !== 0) return
    this.#has[slot] = 1
    this.slots[this.count++] = slot
  }

  clear(): void {
    for (let i = 0; i < this.count; i++) this.#has[this.slots[i]!] = 0
    this.count = 0
  }
}
