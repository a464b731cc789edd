import { LIVE, OP, OP_WORDS } from './engine.ts'
import type { Engine } from './engine.ts'

/** Whatever names a connection: `fd` and `generation`, read at the call. */
export type Target = { readonly fd: number; readonly generation: number }

/**
 * Fills the op table of one batch and hands out scratch space for what is sent. Both run full only under bursts; then the
 * rows so far are flushed and both start over: a span is free again as soon as its op ran.
 *
 * A row counts once all its words are written (`LIVE.ops`): what counts is done, even if this thread ends before the engine hears of it.
 */
export class OpWriter {
  readonly #engine: Engine
  readonly #ops: Int32Array
  readonly #live: Int32Array
  readonly #capacity: number
  readonly #scratchStart: number
  readonly #scratchEnd: number
  #at: number
  rows = 0

  constructor(engine: Engine, scratchStart: number, scratchEnd: number) {
    this.#engine = engine
    this.#ops = engine.ops
    this.#live = engine.live
    this.#capacity = Math.floor(engine.ops.length / OP_WORDS)
    this.#scratchStart = scratchStart
    this.#scratchEnd = scratchEnd
    this.#at = scratchStart
  }

  /** Rows for the engine to run at the end of a batch; the writer starts over. */
  take(): number {
    const rows = this.rows
    this.rows = 0
    this.#at = this.#scratchStart
    return rows
  }

  /** Run what was written so far. Called by itself when full, and by whoever acts outside of a batch. */
  flush(): void {
    const rows = this.take()
    if (rows > 0) this.#engine.flush(rows)
  }

  /** Offset of `bytes` free scratch bytes, valid until the op that sends them ran. Follow with `wrote`. At most `scratchBytes`. */
  reserve(bytes: number): number {
    if (this.#at + bytes > this.#scratchEnd) {
      this.flush()
      if (this.#at + bytes > this.#scratchEnd) throw new RangeError(`no scratch space of ${bytes} bytes`)
    }
    return this.#at
  }

  /** What was reserved is used up to `end`. */
  wrote(end: number): void {
    this.#at = end
  }

  send(to: Target, start: number, end: number): void {
    if (end <= start) return
    const at = this.#row(OP.send, to)
    this.#ops[at + 3] = start
    this.#ops[at + 4] = end - start
    this.#written()
  }

  pause(target: Target): void {
    this.#row(OP.pause, target)
    this.#written()
  }

  resume(target: Target): void {
    this.#row(OP.resume, target)
    this.#written()
  }

  shutdown(target: Target): void {
    this.#row(OP.shutdown, target)
    this.#written()
  }

  close(target: Target, lingerMs: number): void {
    this.#ops[this.#row(OP.close, target) + 3] = lingerMs
    this.#written()
  }

  reset(target: Target): void {
    this.#row(OP.reset, target)
    this.#written()
  }

  /** Move `bytes` (-1: until the source ends) from one connection to another without waking us. */
  relay(from: Target, to: Target, bytes: number): void {
    const at = this.#row(OP.relay, from)
    const ops = this.#ops
    ops[at + 3] = to.fd
    ops[at + 4] = to.generation
    ops[at + 5] = bytes < 0 ? -1 : bytes | 0
    ops[at + 6] = bytes < 0 ? -1 : Math.floor(bytes / 4294967296)
    this.#written()
  }

  relayStop(from: Target): void {
    this.#row(OP.relayStop, from)
    this.#written()
  }

  handover(target: Target, shard: number, tag: number): void {
    const at = this.#row(OP.handover, target)
    this.#ops[at + 3] = shard
    this.#ops[at + 4] = tag
    this.#written()
  }

  #written(): void {
    this.#live[LIVE.ops] = this.rows
  }

  #row(op: number, target: Target): number {
    if (this.rows === this.#capacity) {
      // Only the rows are flushed: scratch reserved and not yet sent must stay where it is.
      this.#engine.flush(this.rows)
      this.rows = 0
    }
    const at = this.rows++ * OP_WORDS
    const ops = this.#ops
    ops[at] = op
    ops[at + 1] = target.fd
    ops[at + 2] = target.generation
    return at
  }
}
