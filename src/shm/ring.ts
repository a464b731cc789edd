import { LINE } from './memory.ts'

/** A ring's place in shared memory: `RING_HEADER_BYTES` of cursors, then `capacity` bytes of data. */
export type RingRegion = {
  readonly memory: SharedArrayBuffer
  /** Byte offset, a multiple of 128. */
  readonly offset: number
  /** Bytes of data, a power of two of at least 64. */
  readonly capacity: number
}

/*
 *  line 0, written by the producer            line 1, written by the consumer    data
 *  +0 int32 head, +8 records, +16 dropped     +0 int32 tail                      …
 *
 * Cursors count bytes modulo 2³², a multiple of the capacity; head - tail is what waits. A record is a header word (its length in bytes),
 * a spare word and the payload, padded to 8 bytes, so payloads are aligned for doubles. It never wraps: where the rest of the
 * buffer is too short, `SKIP` sends the reader to the beginning. Only moving `head` publishes, so a producer that dies in the midst
 * of a record has written nothing, and its successor goes on from `head`.
 */
export const RING_HEADER_BYTES: number = 2 * LINE
const TAIL_WORD = LINE / 4
const RECORDS = 1
const DROPPED = 2
const RECORD_HEADER = 8
const SKIP = -1

const frameBytes = (payload: number): number => (RECORD_HEADER + payload + 7) & ~7

class RingViews {
  readonly cursors: Int32Array
  readonly counts: Float64Array
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly capacity: number

  constructor(region: RingRegion) {
    const { memory, offset, capacity } = region
    if (capacity < 64 || (capacity & (capacity - 1)) !== 0) {
      throw new RangeError(`ring of ${capacity} bytes: must be a power of two`)
    }
    const data = offset + RING_HEADER_BYTES
    this.cursors = new Int32Array(memory, offset, RING_HEADER_BYTES / 4)
    this.counts = new Float64Array(memory, offset, 4)
    this.bytes = new Uint8Array(memory, data, capacity)
    this.words = new Int32Array(memory, data, capacity / 4)
    this.doubles = new Float64Array(memory, data, capacity / 8)
    this.capacity = capacity
  }
}

/** The producing end of a single-producer single-consumer ring of records of any length. Allocates nothing after construction. */
export class RingWriter {
  /** The data, to write a record's payload into at the offset `reserve` gave; three views of the same bytes. */
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  /** Largest payload that can ever be reserved: half of the ring. */
  readonly maxPayload: number
  readonly #views: RingViews
  #head: number
  #tail: number
  #payload = 0
  #reserved = -1

  constructor(region: RingRegion) {
    const views = new RingViews(region)
    this.#views = views
    this.bytes = views.bytes
    this.words = views.words
    this.doubles = views.doubles
    this.maxPayload = views.capacity / 2 - RECORD_HEADER
    this.#head = Atomics.load(views.cursors, 0)
    this.#tail = Atomics.load(views.cursors, TAIL_WORD)
  }

  /**
   * Room for a payload of up to `maxBytes`: its offset in `bytes`, a multiple of 8, or -1 if the ring is full, which counts as a
   * dropped record. Nothing is visible before `commit`; reserving again forgets the reservation before.
   */
  reserve(maxBytes: number): number {
    const { capacity } = this.#views
    const need = frameBytes(maxBytes)
    const at = (this.#head >>> 0) & (capacity - 1)
    const skipped = capacity - at < need ? capacity - at : 0
    if (maxBytes > this.maxPayload || !this.#fits(skipped + need)) {
      this.#reserved = -1
      this.#views.counts[DROPPED]!++
      return -1
    }
    if (skipped !== 0) this.words[at >> 2] = SKIP
    this.#payload = (skipped === 0 ? at : 0) + RECORD_HEADER
    this.#reserved = maxBytes
    return this.#payload
  }

  /** Publish the record: the first `length` bytes of what was reserved. */
  commit(length: number): void {
    if (length > this.#reserved || length < 0) throw new RangeError(`commit(${length}) of ${this.#reserved}`)
    const at = (this.#head >>> 0) & (this.#views.capacity - 1)
    const frame = this.#payload - RECORD_HEADER
    this.words[frame >> 2] = length
    const skipped = frame === at ? 0 : this.#views.capacity - at
    this.#head = (this.#head + skipped + frameBytes(length)) | 0
    this.#reserved = -1
    this.#views.counts[RECORDS]!++
    Atomics.store(this.#views.cursors, 0, this.#head)
  }

  /** Room as last known suffices, or does now. */
  #fits(bytes: number): boolean {
    const { capacity, cursors } = this.#views
    if (((this.#head - this.#tail) >>> 0) + bytes <= capacity) return true
    this.#tail = Atomics.load(cursors, TAIL_WORD)
    return ((this.#head - this.#tail) >>> 0) + bytes <= capacity
  }
}

/** Called with the ring's data and a record's payload `[start, end)`, good until it returns; `start` is a multiple of 8. */
export type RecordVisitor = (bytes: Uint8Array, start: number, end: number) => void

/** The consuming end. */
export class RingReader {
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly #views: RingViews

  constructor(region: RingRegion) {
    this.#views = new RingViews(region)
    this.bytes = this.#views.bytes
    this.words = this.#views.words
    this.doubles = this.#views.doubles
  }

  /** Two words that change with every record. */
  get head(): Int32Array {
    return this.#views.cursors.subarray(0, 2)
  }

  /** Visit up to `max` records in the order in which they were committed, then free their room. If `visit` throws, its record counts as visited. */
  drain(visit: RecordVisitor, max: number = Infinity): number {
    const { cursors, capacity, words } = this.#views
    const head = Atomics.load(cursors, 0)
    let tail = Atomics.load(cursors, TAIL_WORD)
    let visited = 0
    try {
      while (tail !== head && visited < max) {
        const at = (tail >>> 0) & (capacity - 1)
        const length = words[at >> 2]!
        if (length === SKIP) {
          tail = (tail + capacity - at) | 0
          continue
        }
        visited++
        tail = (tail + frameBytes(length)) | 0
        visit(this.bytes, at + RECORD_HEADER, at + RECORD_HEADER + length)
      }
    } finally {
      Atomics.store(cursors, TAIL_WORD, tail)
    }
    return visited
  }

  /** Bytes that wait, framing included. */
  get pendingBytes(): number {
    const { cursors } = this.#views
    return (Atomics.load(cursors, 0) - Atomics.load(cursors, TAIL_WORD)) >>> 0
  }
}

/** What was ever written to and refused by a ring, whoever asks. */
export const ringCounts = (region: RingRegion): { records: number; dropped: number } => {
  const counts = new Float64Array(region.memory, region.offset, 4)
  return { records: counts[RECORDS]!, dropped: counts[DROPPED]! }
}
