/** Thread: reads all rings until their producers finished and nothing is left, and checks every record it sees. */
import { parentPort, workerData } from 'node:worker_threads'
import { BroadcastReader } from '../../../src/shm/broadcast.ts'
import type { BroadcastRegion, RecordSink } from '../../../src/shm/broadcast.ts'

export type BroadcastReaderData = {
  readonly regions: readonly BroadcastRegion[]
  readonly witness: Int32Array
  /** Sleep between drains, ms; 0: never. */
  readonly pauseMs: number
}

/** Of each ring: records seen and lost, times lapped, and the first thing that was wrong. */
export type ReaderTally = { seen: number; lost: number; laps: number; wrong: string }

class Checker implements RecordSink {
  readonly tally: ReaderTally = { seen: 0, lost: 0, laps: 0, wrong: '' }
  readonly #reader: BroadcastReader
  #next = 0

  constructor(region: BroadcastRegion) {
    this.#reader = new BroadcastReader(region)
  }

  drain(): void {
    this.#reader.drain(this)
    const { lost } = this.#reader
    if (lost === 0) return
    this.#next += lost
    this.tally.lost += lost
    this.tally.laps++
  }

  take(words: Int32Array, doubles: Float64Array, at: number): void {
    const n = doubles[at + 2]!
    const word = 2 * at
    const whole =
      words[word] === (n | 0) &&
      words[word + 1] === ~n &&
      words[word + 2] === ((n * 31) | 0) &&
      words[word + 3] === (n | 0) &&
      doubles[at + 3] === n + 0.5 &&
      doubles[at + 4] === -n &&
      doubles[at + 5] === n * 1e9 &&
      doubles[at + 6] === n ** 2 + n
    if (!whole) this.tally.wrong ||= `record ${this.#next} is torn`
    if (n !== this.#next) this.tally.wrong ||= `record ${n} came where ${this.#next} was due`
    this.#next = n + 1
    this.tally.seen++
  }
}

const { regions, witness, pauseMs } = workerData as BroadcastReaderData
const checkers = regions.map((region) => new Checker(region))
Atomics.add(witness, 0, 1)
Atomics.notify(witness, 0)
const nap = new Int32Array(new SharedArrayBuffer(4))
for (let last = false; !last;) {
  last = Atomics.load(witness, 1) === regions.length
  for (const checker of checkers) checker.drain()
  if (pauseMs > 0 && !last) Atomics.wait(nap, 0, 0, pauseMs)
}
// who was lapped in its last drain stands at the head; the others have read to the head
for (const checker of checkers) checker.drain()
parentPort!.postMessage(checkers.map(({ tally }) => tally))
