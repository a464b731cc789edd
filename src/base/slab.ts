/**
 * Fixed-size pieces of one big buffer, in a few size classes: bytes that must outlive a batch (a request head until its
 * response begins, a head that has not arrived whole). Bounded by construction: when a class is used up the next larger
 * one serves, and when all are, `take` says -1 and the caller sheds load. Pieces are reused last in, first out, so that
 * the memory touched is what was needed at the peak.
 */

export type SlabClass = { readonly bytes: number; readonly count: number }

class SizeClass {
  readonly bytes: number
  readonly start: number
  readonly end: number
  /** Next piece that was never used. */
  #fresh: number
  readonly #free: Int32Array
  #freeCount = 0
  /** 1 = taken, per piece: a double free is a bug found here and not two owners later. */
  readonly #taken: Uint8Array

  constructor(start: number, spec: SlabClass) {
    this.bytes = spec.bytes
    this.start = start
    this.end = start + spec.bytes * spec.count
    this.#fresh = start
    this.#free = new Int32Array(spec.count)
    this.#taken = new Uint8Array(spec.count)
  }

  take(): number {
    let offset: number
    if (this.#freeCount > 0) offset = this.#free[--this.#freeCount]!
    else if (this.#fresh < this.end) {
      offset = this.#fresh
      this.#fresh += this.bytes
    } else return -1
    this.#taken[(offset - this.start) / this.bytes] = 1
    return offset
  }

  free(offset: number): void {
    const piece = (offset - this.start) / this.bytes
    if (this.#taken[piece] !== 1) throw new Error(`slab at ${offset} was not taken`)
    this.#taken[piece] = 0
    this.#free[this.#freeCount++] = offset
  }
}

export class Slabs {
  readonly #classes: readonly SizeClass[]
  /** One past the last byte used by the classes. */
  readonly end: number
  /** Pieces taken now, all classes. */
  taken = 0

  /** @param start offset of the first piece; `classes` in ascending order of size. */
  constructor(start: number, classes: readonly SlabClass[]) {
    let at = start
    const made: SizeClass[] = []
    for (const spec of classes) {
      const made1 = new SizeClass(at, spec)
      made.push(made1)
      at = made1.end
    }
    this.#classes = made
    this.end = at
  }

  static bytesOf(classes: readonly SlabClass[]): number {
    return classes.reduce((sum, spec) => sum + spec.bytes * spec.count, 0)
  }

  /** Offset of a piece of at least `bytes`, or -1 when none is left (or none is that large). */
  take(bytes: number): number {
    for (const size of this.#classes) {
      if (size.bytes < bytes) continue
      const offset = size.take()
      if (offset >= 0) {
        this.taken++
        return offset
      }
    }
    return -1
  }

  /** Size in bytes of the piece at `offset`. */
  sizeAt(offset: number): number {
    return this.#classAt(offset).bytes
  }

  free(offset: number): void {
    this.#classAt(offset).free(offset)
    this.taken--
  }

  #classAt(offset: number): SizeClass {
    for (const size of this.#classes) if (offset < size.end && offset >= size.start) return size
    throw new Error(`no slab at ${offset}`)
  }
}
