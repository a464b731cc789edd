/**
 * Rows that one actor writes and all read while it writes: a seqlock per row, whose words all go through Atomics, doubles as two of
 * them. Atomics have one order, so a reader that found the same even number before and after has what one `write` wrote, on any
 * processor. A writer that died in the midst leaves an odd number; its successor's write sets the row right.
 */
const SEQUENCE = 0
/** A writer needs well below a microsecond; one that was suspended in the midst is not waited for. */
const TRIES = 256

const half = new Float64Array(1)
const halves = new Int32Array(half.buffer)

const storeDouble = (words: Int32Array, at: number, value: number): void => {
  half[0] = value
  Atomics.store(words, at, halves[0]!)
  Atomics.store(words, at + 1, halves[1]!)
}

const loadDouble = (words: Int32Array, at: number): number => {
  halves[0] = Atomics.load(words, at)
  halves[1] = Atomics.load(words, at + 1)
  return half[0]!
}

/** What a kind of row holds: plain field by field copies between an object and the words behind the row's sequence. */
interface RowCodec<T> {
  store(words: Int32Array, at: number, row: T): void
  load(words: Int32Array, at: number, into: T): void
}

/** A table of seqlocked rows. */
class SeqlockTable<T> {
  readonly #words: Int32Array
  readonly #width: number
  readonly #codec: RowCodec<T>

  constructor(words: Int32Array, width: number, codec: RowCodec<T>) {
    this.#words = words
    this.#width = width
    this.#codec = codec
  }

  write(row: number, value: T): void {
    const at = row * this.#width
    const odd = Atomics.load(this.#words, at + SEQUENCE) | 1
    Atomics.store(this.#words, at + SEQUENCE, odd)
    this.#codec.store(this.#words, at + 1, value)
    Atomics.store(this.#words, at + SEQUENCE, (odd + 1) | 0)
  }

  /** False, and `into` means nothing, where nothing was ever written or a write is under way. */
  read(row: number, into: T): boolean {
    const at = row * this.#width
    for (let tries = 0; tries < TRIES; tries++) {
      const before = Atomics.load(this.#words, at + SEQUENCE)
      if (before === 0) return false
      if ((before & 1) !== 0) continue
      this.#codec.load(this.#words, at + 1, into)
      if (Atomics.load(this.#words, at + SEQUENCE) === before) return true
    }
    return false
  }

  /** Back to “nothing was ever written”, for a row that nobody names any more. */
  clear(row: number): void {
    const at = row * this.#width
    Atomics.store(this.#words, at + SEQUENCE, 1)
    for (let word = 1; word < this.#width; word++) Atomics.store(this.#words, at + word, 0)
    Atomics.store(this.#words, at + SEQUENCE, 0)
  }
}

/** The health actor's word on one endpoint; mutable, to be used again. */
export class Verdict {
  /** Of the slot: whom it is about. */
  generation = 0
  /** `ENDPOINT_STATE` and `HEALTH_REASON`. */
  state = 0
  reason = 0
  /** Since when it is in this state. */
  sinceMs = 0
  /** How often it was ejected, for the length of the next time. */
  ejections = 0
  /** When an ejected one may be probed back; 0: not ejected. */
  ejectedUntilMs = 0
  /** Of its weight, by agent or back-pressure, 0…1. */
  share = 1
}

export const VERDICT_WORDS = 16

const verdictCodec: RowCodec<Verdict> = {
  store(words, at, row) {
    Atomics.store(words, at, row.generation)
    Atomics.store(words, at + 1, row.state)
    Atomics.store(words, at + 2, row.reason)
    Atomics.store(words, at + 3, row.ejections)
    storeDouble(words, at + 4, row.sinceMs)
    storeDouble(words, at + 6, row.ejectedUntilMs)
    storeDouble(words, at + 8, row.share)
  },
  load(words, at, into) {
    into.generation = Atomics.load(words, at)
    into.state = Atomics.load(words, at + 1)
    into.reason = Atomics.load(words, at + 2)
    into.ejections = Atomics.load(words, at + 3)
    into.sinceMs = loadDouble(words, at + 4)
    into.ejectedUntilMs = loadDouble(words, at + 6)
    into.share = loadDouble(words, at + 8)
  },
}

/** One row per endpoint slot. Writer: the health actor (and main, which clears the rows of slots that rest). */
export class VerdictTable extends SeqlockTable<Verdict> {
  constructor(words: Int32Array) {
    super(words, VERDICT_WORDS, verdictCodec)
  }
}

/** An operator's word on one endpoint; mutable, to be used again. */
export class AdminWord {
  generation = 0
  /** Index in `ADMIN_STATES`. */
  state = 0
  /** NaN: as configured. */
  weight: number = Number.NaN
}

export const ADMIN_WORDS = 8

const adminCodec: RowCodec<AdminWord> = {
  store(words, at, row) {
    Atomics.store(words, at, row.generation)
    Atomics.store(words, at + 1, row.state)
    storeDouble(words, at + 2, row.weight)
  },
  load(words, at, into) {
    into.generation = Atomics.load(words, at)
    into.state = Atomics.load(words, at + 1)
    into.weight = loadDouble(words, at + 2)
  },
}

/** One row per endpoint slot. Writer: main. */
export class AdminTable extends SeqlockTable<AdminWord> {
  constructor(words: Int32Array) {
    super(words, ADMIN_WORDS, adminCodec)
  }
}

/** How many exchanges may be under way in a cluster. */
export class ClusterLimit {
  /** Infinity: as many as there are. */
  max: number = Infinity
}

export const LIMIT_WORDS = 4

const limitCodec: RowCodec<ClusterLimit> = {
  store(words, at, row) {
    storeDouble(words, at, row.max)
  },
  load(words, at, into) {
    into.max = loadDouble(words, at)
  },
}

/** One row per cluster slot. Writer: the health actor (and main, which clears the rows of slots that rest). */
export class LimitTable extends SeqlockTable<ClusterLimit> {
  constructor(words: Int32Array) {
    super(words, LIMIT_WORDS, limitCodec)
  }
}
