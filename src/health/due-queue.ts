type Entry = { readonly id: number; readonly dueMs: number; readonly order: number }

/**
 * Ids by when they are due, the earliest first, those of the same moment in the order in which they came: a binary heap. An id is in it
 * once; setting it anew moves it (the entry left behind is skipped when it comes up).
 */
export class DueQueue {
  readonly #heap: Entry[] = []
  readonly #live = new Map<number, Entry>()
  #births = 0

  get size(): number {
    return this.#live.size
  }

  set(id: number, dueMs: number): void {
    const entry = { id, dueMs, order: this.#births++ }
    this.#live.set(id, entry)
    this.#heap.push(entry)
    this.#rise(this.#heap.length - 1)
  }

  delete(id: number): void {
    this.#live.delete(id)
  }

  /** When the first is due; Infinity if there is none. */
  firstDueMs(): number {
    this.#skip()
    return this.#heap[0]?.dueMs ?? Infinity
  }

  /** Take out the first; -1 if there is none. */
  take(): number {
    this.#skip()
    const first = this.#heap[0]
    if (first === undefined) return -1
    this.#live.delete(first.id)
    this.#drop()
    return first.id
  }

  /** Forget what was set anew or deleted, as far as it lies on top. */
  #skip(): void {
    for (let top = this.#heap[0]; top !== undefined && this.#live.get(top.id) !== top; top = this.#heap[0])
      this.#drop()
  }

  #drop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink()
  }

  #rise(from: number): void {
    const heap = this.#heap
    const entry = heap[from]!
    let at = from
    while (at > 0) {
      const up = (at - 1) >> 1
      if (!before(entry, heap[up]!)) break
      heap[at] = heap[up]!
      at = up
    }
    heap[at] = entry
  }

  #sink(): void {
    const heap = this.#heap
    const entry = heap[0]!
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      if (down >= heap.length) break
      if (down + 1 < heap.length && before(heap[down + 1]!, heap[down]!)) down++
      if (!before(heap[down]!, entry)) break
      heap[at] = heap[down]!
      at = down
    }
    heap[at] = entry
  }
}

const before = (a: Entry, b: Entry): boolean =>
  a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
