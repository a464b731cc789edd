import {
  BELIEF,
  BELIEF_WIDTH,
  beliefRow,
  EARLIEST_MS,
  wholeGrain,
  writeProbe,
  writeReport,
} from './beliefs.ts'
import type { LoadReport } from './beliefs.ts'
import { BroadcastWriter } from './broadcast.ts'
import type { Fleet } from './fleet.ts'
import { GAUGE, GAUGE_WORDS } from './layout.ts'
import { OBSERVATION } from './observation.ts'

/** An answer; mutable, to be used again. */
export class Answer {
  status = 0
  /** From the attempt's start. */
  firstByteMs = 0
  totalMs = 0
  /** Cost of the endpoint after it, ms; negative: unchanged. */
  cost = -1
}

/** Is told at once what this shard believes, so that its own view need not wait for its next turn: a `FleetView`. */
export interface OwnBeliefs {
  believes(slot: number, beliefs: Float64Array, row: number): void
}

/**
 * A shard's publishing side: it says on its ring what its exchanges show, after writing it into its own columns. Nothing is allocated
 * per call, nothing throws, nobody is waited for.
 *
 * How many exchanges are under way at an endpoint is the gauge `GAUGE.inFlight` of the shard's stripe, kept by the recorder
 * (`picked`, `left`) and only read here: one truth. `began` and `ended` go with those, in either order, and `flush` ends the turn.
 */
export class FleetVoice {
  readonly #writer: BroadcastWriter
  readonly #records: Float64Array
  readonly #beliefs: Float64Array
  readonly #gauges: Int32Array
  readonly #own: OwnBeliefs | undefined
  readonly #touched: Int32Array
  readonly #isTouched: Uint8Array
  #touchedCount = 0
  #nowMs: number = EARLIEST_MS

  constructor(fleet: Fleet, shard: number, own?: OwnBeliefs) {
    const stripe = fleet.stripe(shard)
    this.#writer = new BroadcastWriter(fleet.ring(shard))
    this.#records = this.#writer.doubles
    this.#beliefs = stripe.beliefs
    this.#gauges = stripe.endpointGauges
    this.#own = own
    this.#touched = new Int32Array(fleet.shape.endpoints)
    this.#isTouched = new Uint8Array(fleet.shape.endpoints)
  }

  /** Time of what is said next, ms on the machine's monotonic clock; `began` and `flush` set it too. It never goes back. */
  get nowMs(): number {
    return this.#nowMs
  }

  set nowMs(nowMs: number) {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
  }

  /** An exchange begins at the endpoint; `ended` must be told the same time. */
  began(slot: number, generation: number, nowMs: number): void {
    this.nowMs = nowMs
    beliefRow(this.#beliefs, slot, generation)
    this.#beliefs[slot * BELIEF_WIDTH + BELIEF.startSum]! += wholeGrain(nowMs)
    this.#touch(slot)
  }

  ended(slot: number, startMs: number): void {
    this.#beliefs[slot * BELIEF_WIDTH + BELIEF.startSum]! -= wholeGrain(startMs)
    this.#touch(slot)
  }

  /** The endpoint answered an attempt of ours (`began` came before). */
  answered(slot: number, answer: Answer): void {
    const { status, cost } = answer
    const row = slot * BELIEF_WIDTH
    if (cost >= 0) this.#costs(row, cost)
    const at = this.#reserve(OBSERVATION.response | (status << 16), slot, row)
    this.#publish(at, answer.firstByteMs, answer.totalMs, cost)
    this.#own?.believes(slot, this.#beliefs, row)
  }

  /** An attempt of ours failed. `fault`: `FAULT`; `cost` after it, negative: unchanged. */
  failed(slot: number, fault: number, tookMs: number, cost: number): void {
    const row = slot * BELIEF_WIDTH
    if (cost >= 0) this.#costs(row, cost)
    const at = this.#reserve(OBSERVATION.failure | (fault << 8), slot, row)
    this.#publish(at, tookMs, 0, cost)
    this.#own?.believes(slot, this.#beliefs, row)
  }

  /** The server reported its load. `source`: `REPORT_SOURCE`. */
  report(slot: number, source: number, load: LoadReport): void {
    const row = slot * BELIEF_WIDTH
    writeReport(this.#beliefs, row, source, load)
    this.#beliefs[row + BELIEF.reportedAt] = this.#nowMs
    const at = this.#reserve(OBSERVATION.report | (source << 8), slot, row)
    this.#publish(at, load.utilisation, load.qps, load.eps)
    this.#own?.believes(slot, this.#beliefs, row)
  }

  /** The passive equal of a probe: an answer told the server's requests in flight, and its latency is known. */
  probed(slot: number, rif: number, latencyMs: number): void {
    const row = slot * BELIEF_WIDTH
    const seq = writeProbe(this.#beliefs, row, rif, latencyMs)
    this.#beliefs[row + BELIEF.probedAt] = this.#nowMs
    const at = this.#reserve(OBSERVATION.probe, slot, row)
    this.#publish(at, rif, latencyMs, seq)
    this.#own?.believes(slot, this.#beliefs, row)
  }

  /** End of the turn: say how many exchanges are under way wherever that changed. Returns records published. */
  flush(nowMs: number): number {
    this.nowMs = nowMs
    const count = this.#touchedCount
    for (let i = 0; i < count; i++) {
      const slot = this.#touched[i]!
      this.#isTouched[slot] = 0
      const row = slot * BELIEF_WIDTH
      const at = this.#reserve(OBSERVATION.inFlight, slot, row)
      this.#publish(at, this.inFlight(slot), this.#beliefs[row + BELIEF.startSum]!, 0)
    }
    this.#touchedCount = 0
    return count
  }

  /** Exchanges of this shard under way at the endpoint, to the instant. */
  inFlight(slot: number): number {
    return this.#gauges[slot * GAUGE_WORDS + GAUGE.inFlight]!
  }

  /** Σ of their start times, ms. */
  startSum(slot: number): number {
    return this.#beliefs[slot * BELIEF_WIDTH + BELIEF.startSum]!
  }

  #costs(row: number, cost: number): void {
    this.#beliefs[row + BELIEF.cost] = cost
    this.#beliefs[row + BELIEF.costAt] = this.#nowMs
  }

  #reserve(word0: number, slot: number, row: number): number {
    const at = this.#writer.reserve(word0, slot, this.#beliefs[row + BELIEF.generation]!)
    this.#records[at + 2] = this.#nowMs
    return at
  }

  #publish(at: number, a: number, b: number, c: number): void {
    const records = this.#records
    records[at + 3] = a
    records[at + 4] = b
    records[at + 5] = c
    records[at + 6] = 0
    this.#writer.publish()
  }

  #touch(slot: number): void {
    if (this.#isTouched[slot] !== 0) return
    this.#isTouched[slot] = 1
    this.#touched[this.#touchedCount++] = slot
  }
}
