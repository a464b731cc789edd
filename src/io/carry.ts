import type { Reactor } from './reactor.ts'

/**
 * Bytes of a connection that were read but not yet understood: a head that has not arrived whole, a pipelined request.
 * They lie contiguous in a slab, taken when there are such bytes and given back when there are none: an idle connection holds nothing.
 */
export class Carry {
  start = -1
  end = -1

  get empty(): boolean {
    return this.start < 0
  }

  /**
   * Append `mem[from, to)`. Returns false when it does not fit any slab (the caller sheds the connection).
   * The bytes may be part of what is carried already.
   */
  append(reactor: Reactor, from: number, to: number): boolean {
    const at = this.#room(reactor, to - from)
    if (at < 0) return false
    reactor.mem.copyWithin(at, from, to)
    this.end = at + to - from
    return true
  }

  /** Append bytes of some other memory, likewise. */
  copyIn(reactor: Reactor, bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true
    const at = this.#room(reactor, bytes.length)
    if (at < 0) return false
    reactor.mem.set(bytes, at)
    this.end = at + bytes.length
    return true
  }

  /** Where so many bytes more fit behind what is carried, which may move for that; -1: nowhere. */
  #room(reactor: Reactor, bytes: number): number {
    const held = this.start < 0 ? 0 : this.end - this.start
    const needed = held + bytes
    if (this.start >= 0 && needed <= reactor.slabs.sizeAt(this.start)) return this.end
    const slab = reactor.slabs.take(needed)
    if (slab < 0) return -1
    if (held > 0) {
      reactor.mem.copyWithin(slab, this.start, this.end)
      reactor.release(this.start)
    }
    this.start = slab
    this.end = slab + held
    return this.end
  }

  /** Keep only `mem[from, end)` of what is carried: the bytes before were consumed. */
  keepFrom(reactor: Reactor, from: number): void {
    if (from >= this.end) {
      this.clear(reactor)
      return
    }
    if (from === this.start) return
    // A fresh slab and not a move within this one: ops of this batch may still have to send from the front of it.
    const slab = reactor.slabs.take(this.end - from)
    if (slab < 0) {
      reactor.ops.flush()
      reactor.mem.copyWithin(this.start, from, this.end)
      this.end = this.start + (this.end - from)
      return
    }
    reactor.mem.copyWithin(slab, from, this.end)
    const length = this.end - from
    reactor.release(this.start)
    this.start = slab
    this.end = slab + length
  }

  clear(reactor: Reactor): void {
    if (this.start < 0) return
    reactor.release(this.start)
    this.start = -1
    this.end = -1
  }
}
