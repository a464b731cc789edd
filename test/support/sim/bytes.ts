/** A FIFO of bytes that owns its chunks: what sits in a kernel buffer or in an engine's output queue. */
export class ByteQueue {
  #chunks: Uint8Array[] = []
  #first = 0
  #skip = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Takes ownership of `bytes`: the caller must not write to them afterwards. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#chunks.push(bytes)
    this.#length += bytes.length
  }

  /** Move up to `max` bytes into `target` at `offset`; returns how many. */
  shift(target: Uint8Array, offset: number, max: number): number {
    let moved = 0
    while (moved < max && this.#length > 0) {
      const piece = this.#peek(max - moved)
      target.set(piece, offset + moved)
      moved += piece.length
      this.#advance(piece.length)
    }
    return moved
  }

  drop(count: number): void {
    let left = Math.min(count, this.#length)
    while (left > 0) {
      const piece = this.#peek(left)
      left -= piece.length
      this.#advance(piece.length)
    }
  }

  clear(): void {
    this.#chunks = []
    this.#first = 0
    this.#skip = 0
    this.#length = 0
  }

  /** The oldest bytes, contiguous, at most `max` of them; valid until the queue changes. */
  peek(max: number): Uint8Array {
    return this.#length === 0 ? NOTHING : this.#peek(max)
  }

  #peek(max: number): Uint8Array {
    const chunk = this.#chunks[this.#first] ?? NOTHING
    return chunk.subarray(this.#skip, Math.min(chunk.length, this.#skip + max))
  }

  #advance(count: number): void {
    this.#length -= count
    this.#skip += count
    if (this.#skip < (this.#chunks[this.#first] ?? NOTHING).length) return
    this.#skip = 0
    this.#first += 1
    if (this.#first < 32 && this.#length > 0) return
    this.#chunks = this.#chunks.slice(this.#first)
    this.#first = 0
  }
}

const NOTHING = new Uint8Array(0)
