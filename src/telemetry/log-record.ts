import type { RingWriter } from '../shm/ring.ts'
import type { ExchangeRecord } from './record.ts'

/**
 * An access-log record as it lies in a shard's ring: `LOG_WORD`s of int32, then `LOG_DOUBLE`s, then the texts in the order of
 * `LOG_TEXTS`, each cut to its bound with the length before the cut kept.
 */
export const LOG_WORD = {
  listener: 0,
  cluster: 1,
  endpoint: 2,
  route: 3,
  outcome: 4,
  status: 5,
  retries: 6,
  /** Bit 0: reused upstream connection; bits 8…: minor version. */
  flags: 7,
  /** Stored length | full length (up to 65,535) << 16, one word per text. */
  lengths: 8,
} as const

export const LOG_TEXTS = ['peer', 'method', 'target', 'host', 'userAgent', 'referer', 'requestId'] as const

/** Most bytes kept of each text, in the order of `LOG_TEXTS`. */
export const LOG_TEXT_BOUNDS: readonly number[] = [64, 32, 2048, 256, 512, 1024, 128]

/** Indexes of doubles, counted from the beginning of the record; the words before fill 7½ of them. */
export const LOG_DOUBLE = {
  wallStartMs: 8,
  queueMs: 9,
  connectMs: 10,
  firstByteMs: 11,
  durationMs: 12,
  bytesFromClient: 13,
  bytesToClient: 14,
} as const

/** Where the texts begin. */
export const LOG_TEXT_START: number = 15 * 8

/** Largest record in bytes. */
export const LOG_RECORD_MAX: number = LOG_TEXT_START + LOG_TEXT_BOUNDS.reduce((sum, bound) => sum + bound, 0)

/** Up to this length a loop beats `set(subarray)`. */
const LOOP_BYTES = 64

/** Encodes records straight into a ring. One per shard; allocates only to copy texts of more than 64 bytes. */
export class LogRecordWriter {
  readonly #ring: RingWriter
  /** Of the record being written: its first word and the end of its texts. */
  #word = 0
  #at = 0

  /** Throws a RangeError if the ring could never take the largest record: at least 16 KiB, then. */
  constructor(ring: RingWriter) {
    if (ring.maxPayload < LOG_RECORD_MAX) throw new RangeError('the log ring is too small for a record')
    this.#ring = ring
  }

  /** False if the ring was full: the record is dropped, and counted there. */
  write(record: ExchangeRecord): boolean {
    const start = this.#ring.reserve(LOG_RECORD_MAX)
    if (start < 0) return false
    this.#word = start >> 2
    this.#writeNumbers(record, start)
    this.#at = start + LOG_TEXT_START
    const { mem } = record
    this.#writePeer(record.peer)
    this.#writeSpan(1, mem, record.methodStart, record.methodEnd)
    this.#writeSpan(2, mem, record.targetStart, record.targetEnd)
    this.#writeSpan(3, mem, record.hostStart, record.hostEnd)
    this.#writeSpan(4, mem, record.userAgentStart, record.userAgentEnd)
    this.#writeSpan(5, mem, record.refererStart, record.refererEnd)
    this.#writeSpan(6, mem, record.requestIdStart, record.requestIdEnd)
    this.#ring.commit(this.#at - start)
    return true
  }

  #writeNumbers(record: ExchangeRecord, start: number): void {
    const { words, doubles } = this.#ring
    const word = this.#word
    words[word + LOG_WORD.listener] = record.listener
    words[word + LOG_WORD.cluster] = record.cluster
    words[word + LOG_WORD.endpoint] = record.endpoint
    words[word + LOG_WORD.route] = record.route
    words[word + LOG_WORD.outcome] = record.outcome
    words[word + LOG_WORD.status] = record.status
    words[word + LOG_WORD.retries] = record.retries
    words[word + LOG_WORD.flags] = (record.reusedUpstream ? 1 : 0) | (record.minor << 8)
    const double = start >> 3
    doubles[double + LOG_DOUBLE.wallStartMs] = record.wallStartMs
    doubles[double + LOG_DOUBLE.queueMs] = record.queueMs
    doubles[double + LOG_DOUBLE.connectMs] = record.connectMs
    doubles[double + LOG_DOUBLE.firstByteMs] = record.firstByteMs
    doubles[double + LOG_DOUBLE.durationMs] = record.durationMs
    doubles[double + LOG_DOUBLE.bytesFromClient] = record.bytesFromClient
    doubles[double + LOG_DOUBLE.bytesToClient] = record.bytesToClient
  }

  #writePeer(peer: string): void {
    const { bytes } = this.#ring
    const length = Math.min(peer.length, LOG_TEXT_BOUNDS[0]!)
    for (let i = 0; i < length; i++) bytes[this.#at + i] = peer.charCodeAt(i)
    this.#setLength(0, length, peer.length)
  }

  #writeSpan(text: number, mem: Uint8Array, start: number, end: number): void {
    const { bytes } = this.#ring
    const full = end - start
    const length = Math.min(full, LOG_TEXT_BOUNDS[text]!)
    const at = this.#at
    if (length > LOOP_BYTES) bytes.set(mem.subarray(start, start + length), at)
    else for (let i = 0; i < length; i++) bytes[at + i] = mem[start + i]!
    this.#setLength(text, length, full)
  }

  #setLength(text: number, length: number, full: number): void {
    this.#ring.words[this.#word + LOG_WORD.lengths + text] = length | (Math.min(full, 65_535) << 16)
    this.#at += length
  }
}
