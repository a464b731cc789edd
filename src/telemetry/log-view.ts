import {
  LOG_DOUBLE,
  LOG_RECORD_MAX,
  LOG_TEXT_BOUNDS,
  LOG_TEXT_START,
  LOG_TEXTS,
  LOG_WORD,
} from './log-record.ts'

/** One text of a record: a span of the view's `bytes`, and how many bytes it had before it was cut. */
export class LogSpan {
  start = 0
  end = 0
  full = 0

  get empty(): boolean {
    return this.end === this.start
  }

  /** Bytes that were cut off. */
  get cut(): number {
    return this.full - (this.end - this.start)
  }
}

/** Reads the records `LogRecordWriter` writes; one view for all, each record copied out of its ring first. */
export class LogRecordView {
  readonly bytes: Uint8Array
  readonly #words: Int32Array
  readonly #doubles: Float64Array
  readonly peer: LogSpan = new LogSpan()
  readonly method: LogSpan = new LogSpan()
  readonly target: LogSpan = new LogSpan()
  readonly host: LogSpan = new LogSpan()
  readonly userAgent: LogSpan = new LogSpan()
  readonly referer: LogSpan = new LogSpan()
  readonly requestId: LogSpan = new LogSpan()
  readonly #spans: readonly LogSpan[]

  constructor() {
    const memory = new ArrayBuffer(Math.ceil(LOG_RECORD_MAX / 8) * 8)
    this.bytes = new Uint8Array(memory)
    this.#words = new Int32Array(memory)
    this.#doubles = new Float64Array(memory)
    this.#spans = LOG_TEXTS.map((text) => this[text])
  }

  /** Take over the record at `[start, end)`. False: that is no record. */
  load(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < LOG_TEXT_START || end - start > LOG_RECORD_MAX) return false
    this.bytes.set(bytes.subarray(start, end))
    let at = LOG_TEXT_START
    for (let i = 0; i < this.#spans.length; i++) {
      const lengths = this.#words[LOG_WORD.lengths + i]!
      const span = this.#spans[i]!
      const length = lengths & 0xffff
      if (length > LOG_TEXT_BOUNDS[i]!) return false
      span.start = at
      at += length
      span.end = at
      span.full = lengths >>> 16
    }
    return at === end - start
  }

  /** An integer: index from `LOG_WORD`. */
  word(index: number): number {
    return this.#words[index]!
  }

  get minor(): number {
    return this.#words[LOG_WORD.flags]! >> 8
  }

  get reused(): boolean {
    return (this.#words[LOG_WORD.flags]! & 1) !== 0
  }

  /** Milliseconds or bytes: index from `LOG_DOUBLE`. */
  double(index: number): number {
    return this.#doubles[index]!
  }

  get wallStartMs(): number {
    return this.#doubles[LOG_DOUBLE.wallStartMs]!
  }
}
