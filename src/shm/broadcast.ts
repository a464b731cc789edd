import { LINE } from './memory.ts'
import { RECORD_BYTES, RECORD_DOUBLES, RECORD_WORDS } from './observation.ts'

/** A broadcast ring's place in shared memory: `BROADCAST_HEADER_BYTES`, then `capacity` records. */
export type BroadcastRegion = {
  readonly memory: SharedArrayBuffer
  /** Byte offset, a multiple of 128. */
  readonly offset: number
  /** Records, a power of two of at least `LEAST_RECORDS`. */
  readonly capacity: number
}

/*
 *  header, written by the producer                                             records of 64 bytes
 *  +0 int32 head (Atomics), +4 int32 lives (Atomics), +8 float64 published     …
 *
 * `head` counts records modulo 2³²: record n lies at n mod capacity and carries n. Nobody waits for anybody: the producer overwrites the
 * oldest record whether it was read or not. Only moving `head` publishes, so a producer that dies in the midst of a record has
 * said nothing, and its successor goes on from `head`. `lives` counts producers that ended (`endProducer`).
 */
export const BROADCAST_HEADER_BYTES: number = LINE
const HEAD = 0
const LIVES = 1
const PUBLISHED = 1

export const LEAST_RECORDS = 32
/** Records per actor: 1 MiB, a tenth of a second at 160,000 records/s; pages are touched as the ring first goes round. */
export const RING_RECORDS = 16_384

/** Records that a reader copies before it looks whether the producer came near. */
const CHUNK = 64

class BroadcastViews {
  readonly cursors: Int32Array
  readonly counts: Float64Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly capacity: number

  constructor(region: BroadcastRegion) {
    const { memory, offset, capacity } = region
    if (capacity < LEAST_RECORDS || (capacity & (capacity - 1)) !== 0) {
      throw new RangeError(
        `broadcast ring of ${capacity} records: must be a power of two from ${LEAST_RECORDS}`,
      )
    }
    const data = offset + BROADCAST_HEADER_BYTES
    this.cursors = new Int32Array(memory, offset, 2)
    this.counts = new Float64Array(memory, offset, 2)
    this.words = new Int32Array(memory, data, capacity * RECORD_WORDS)
    this.doubles = new Float64Array(memory, data, capacity * RECORD_DOUBLES)
    this.capacity = capacity
  }
}

/** The producing end: one per ring at a time. Allocates nothing after construction. */
export class BroadcastWriter {
  /** The records. What `reserve` returns is an index of these. */
  readonly doubles: Float64Array
  readonly #words: Int32Array
  readonly #cursors: Int32Array
  readonly #counts: Float64Array
  readonly #mask: number
  #head: number

  constructor(region: BroadcastRegion) {
    const { doubles, words, cursors, counts, capacity } = new BroadcastViews(region)
    this.doubles = doubles
    this.#words = words
    this.#cursors = cursors
    this.#counts = counts
    this.#mask = capacity - 1
    this.#head = Atomics.load(cursors, HEAD)
  }

  /**
   * Begin the next record: returns where it lies in `doubles`. The caller writes `doubles[at + 2]` (at, ms) to `doubles[at + 6]` (d),
   * all of them, since what stood there before still does. Nobody sees it before `publish`.
   */
  reserve(word0: number, slot: number, generation: number): number {
    const at = (this.#head & this.#mask) * RECORD_DOUBLES
    const word = at * 2
    const words = this.#words
    words[word] = word0
    words[word + 1] = slot
    words[word + 2] = generation
    words[word + 3] = this.#head
    return at
  }

  publish(): void {
    this.#head = (this.#head + 1) | 0
    this.#counts[PUBLISHED]!++
    Atomics.store(this.#cursors, HEAD, this.#head)
  }
}

/** Takes records. `words` and `doubles` are the reader's own copy, good until the call returns; the record begins at `doubles[at]` and `words[2 · at]`. */
export interface RecordSink {
  take(words: Int32Array, doubles: Float64Array, at: number): void
}

/** Where records are copied to before they are believed. Readers of one thread may share one. */
export class RecordScratch {
  readonly words: Int32Array
  readonly doubles: Float64Array

  constructor() {
    const buffer = new ArrayBuffer(CHUNK * RECORD_BYTES)
    this.words = new Int32Array(buffer)
    this.doubles = new Float64Array(buffer)
  }
}

/**
 * One reader's place in one producer's ring. It begins at the head: what was said before stands in the producer's columns.
 *
 * Law: no torn record is ever visited, and each is visited once, in order, or counted as lost. A chunk is copied first, then the
 * head is read again, and the copy counts only if the producer is not yet within `margin` = capacity / 8 records of overwriting the oldest
 * record of it. A margin of one record would do were memory sequentially consistent. It is not: the producer's plain stores into
 * its next records may become visible before the head's store that stands before them (arm64), and the reader's plain loads
 * may be done after the load of the head that stands behind them; both no further than a store buffer or a reorder window
 * reaches, some hundred instructions or one cache miss, in which no producer writes the eighth part of a ring.
 * The number that each record carries is checked besides.
 */
export class BroadcastReader {
  /** Records that were overwritten before the last `drain` came to them; it jumped to the head. 0: it was not lapped. */
  lost = 0
  /** The producer that wrote before the last `drain` has ended since the `drain` before: what it said of itself stands corrected in its columns. */
  renewed = false
  readonly #views: BroadcastViews
  readonly #scratch: RecordScratch
  readonly #reach: number
  readonly #chunk: number
  #cursor: number
  #lives: number

  constructor(region: BroadcastRegion, scratch: RecordScratch = new RecordScratch()) {
    const views = new BroadcastViews(region)
    this.#views = views
    this.#scratch = scratch
    this.#reach = views.capacity - views.capacity / 8
    this.#chunk = Math.min(CHUNK, views.capacity / 4)
    this.#lives = Atomics.load(views.cursors, LIVES)
    this.#cursor = Atomics.load(views.cursors, HEAD)
  }

  /** Two words that change with whatever is published, and with the producer's end. */
  get head(): Int32Array {
    return this.#views.cursors
  }

  /** Visit what was published since the last call, in order. Returns how many records that were. */
  drain(sink: RecordSink): number {
    const { cursors } = this.#views
    const lives = Atomics.load(cursors, LIVES)
    this.renewed = lives !== this.#lives
    this.#lives = lives
    this.lost = 0
    const head = Atomics.load(cursors, HEAD)
    let visited = 0
    while (this.#cursor !== head) {
      const count = Math.min(this.#chunk, (head - this.#cursor) >>> 0)
      if (!this.#copy(count)) break
      this.#cursor = (this.#cursor + count) | 0
      visited += count
      const { words, doubles } = this.#scratch
      for (let i = 0; i < count; i++) sink.take(words, doubles, i * RECORD_DOUBLES)
    }
    return visited
  }

  /** Copy the next `count` records. False: they were overwritten, and the cursor jumped to the head. */
  #copy(count: number): boolean {
    const { cursors, words, doubles, capacity } = this.#views
    const from = this.#cursor
    const scratch = this.#scratch
    let intact = true
    for (let i = 0; i < count; i++) {
      const at = ((from + i) & (capacity - 1)) * RECORD_DOUBLES
      const to = i * RECORD_DOUBLES
      for (let word = 0; word < 4; word++) scratch.words[2 * to + word] = words[2 * at + word]!
      for (let each = 2; each < RECORD_DOUBLES; each++) scratch.doubles[to + each] = doubles[at + each]!
      if (scratch.words[2 * to + 3] !== ((from + i) | 0)) intact = false
    }
    const head = Atomics.load(cursors, HEAD)
    if (intact && (head - from) >>> 0 <= this.#reach) return true
    this.lost = (head - from) >>> 0
    this.#cursor = head
    return false
  }
}

/** Records ever published on a ring. */
export const publishedOn = ({ memory, offset }: BroadcastRegion): number =>
  new Float64Array(memory, offset, 2)[PUBLISHED]!

/**
 * The ring's producer is dead and its columns are put right: every reader reads them again, behind what it had said.
 * Called by the supervisor, before a successor starts.
 */
export const endProducer = ({ memory, offset }: BroadcastRegion): void => {
  Atomics.add(new Int32Array(memory, offset, 2), LIVES, 1)
}
