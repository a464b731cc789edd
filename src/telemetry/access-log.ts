import { ByteOutput } from './byte-output.ts'
import type { FleetNames } from './fleet-metrics.ts'
import { JsonLine } from './log-json.ts'
import { TextLine } from './log-text.ts'
import { LogRecordView } from './log-view.ts'

/** No line is longer: all texts at their bounds, every byte escaped to six. */
export const LOG_LINE_MAX = 32_768

/** Turns the shards' binary records into lines, in a buffer of its own. What is not a record is counted and left out. */
export class AccessLogFormatter {
  /** Records that were none. */
  malformed = 0
  readonly #out: ByteOutput
  readonly #view = new LogRecordView()
  readonly #line: TextLine | JsonLine

  /** `bufferBytes`: at least `LOG_LINE_MAX`. */
  constructor(format: 'text' | 'json', names: FleetNames, bufferBytes: number = 8 * LOG_LINE_MAX) {
    if (bufferBytes < LOG_LINE_MAX) throw new RangeError(`bufferBytes must be at least ${LOG_LINE_MAX}`)
    this.#out = new ByteOutput(bufferBytes)
    this.#line = format === 'text' ? new TextLine(names) : new JsonLine(names)
  }

  /** A newer snapshot's names. */
  setNames(names: FleetNames): void {
    this.#line.names.update(names)
  }

  /** Bytes of lines waiting to be taken. */
  get pending(): number {
    return this.#out.at
  }

  /** Format the record at `bytes[start, end)`. False: no room, `take` first. */
  append(shard: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#out.bytes.length - this.#out.at < LOG_LINE_MAX) return false
    if (this.#view.load(bytes, start, end)) this.#line.write(this.#out, this.#view, shard)
    else this.malformed++
    return true
  }

  /** The whole lines made since the last time; good until the next `append`. */
  take(): Uint8Array {
    const lines = this.#out.bytes.subarray(0, this.#out.at)
    this.#out.at = 0
    return lines
  }
}
