import { BELIEF, BELIEF_WIDTH, beliefRow, EARLIEST_MS, keepRecord, wholeGrain } from './beliefs.ts'
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
 * (a fraction handed over as an argument aside, where the caller is not compiled into one with this), nothing throws, nobody is waited for.
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
    const at = this.#reserve(OBSERVATION.response | (answer.status << 16), slot)
    const records = this.#records
    records[at + 3] = answer.firstByteMs
    records[at + 4] = answer.totalMs
    records[at + 5] = answer.cost
    if (answer.cost >= 0) this.#keep(at, slot, BELIEF.costAt)
    this.#publish(slot)
  }

  /** An attempt of ours failed. `fault`: `FAULT`; `cost` after it, negative: unchanged. */
  failed(slot: number, fault: number, tookMs: number, cost: number): void {
    const at = this.#reserve(OBSERVATION.failure | (fault << 8), slot)
    const records = this.#records
    records[at + 3] = tookMs
    records[at + 4] = 0
    records[at + 5] = cost
    if (cost >= 0) this.#keep(at, slot, BELIEF.costAt)
    this.#publish(slot)
  }

  /** An attempt of ours was given up after so long: it would have taken longer still. */
  gaveUp(slot: number, tookMs: number, cost: number): void {
    const at = this.#reserve(OBSERVATION.gaveUp, slot)
    const records = this.#records
    records[at + 3] = tookMs
    records[at + 4] = 0
    records[at + 5] = cost
    this.#keep(at, slot, BELIEF.costAt)
    this.#publish(slot)
  }

  /** The server reported its load. `source`: `REPORT_SOURCE`. */
  report(slot: number, source: number, load: LoadReport): void {
    const at = this.#reserve(OBSERVATION.report | (source << 8), slot)
    const records = this.#records
    records[at + 3] = load.utilisation
    records[at + 4] = load.qps
    records[at + 5] = load.eps
    this.#beliefs[slot * BELIEF_WIDTH + BELIEF.source] = source
    this.#keep(at, slot, BELIEF.reportedAt)
    this.#publish(slot)
  }

  /** The passive equal of a probe: an answer told the server's requests in flight, and its latency is known. */
  probed(slot: number, rif: number, latencyMs: number): void {
    const at = this.#reserve(OBSERVATION.probe, slot)
    const records = this.#records
    records[at + 3] = rif
    records[at + 4] = latencyMs
    records[at + 5] = this.#beliefs[slot * BELIEF_WIDTH + BELIEF.probeSeq]! + 1
    this.#keep(at, slot, BELIEF.probedAt)
    this.#publish(slot)
  }

  /** End of the turn: say how many exchanges are under way wherever that changed. Returns records published. */
  flush(nowMs: number): number {
    this.nowMs = nowMs
    const count = this.#touchedCount
    for (let i = 0; i < count; i++) {
      const slot = this.#touched[i]!
      this.#isTouched[slot] = 0
      const at = this.#reserve(OBSERVATION.inFlight, slot)
      const records = this.#records
      records[at + 3] = this.#gauges[slot * GAUGE_WORDS + GAUGE.inFlight]!
      records[at + 4] = this.#beliefs[slot * BELIEF_WIDTH + BELIEF.startSum]!
      records[at + 5] = 0
      this.#writer.publish()
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

  /** Begin a record now, its d 0. */
  #reserve(word0: number, slot: number): number {
    const at = this.#writer.reserve(word0, slot, this.#beliefs[slot * BELIEF_WIDTH + BELIEF.generation]!)
    this.#records[at + 2] = this.#nowMs
    this.#records[at + 6] = 0
    return at
  }

  /** Time and a…c of the record go into the row at `column`: the columns are never behind the ring. */
  #keep(at: number, slot: number, column: number): void {
    keepRecord(this.#records, at, this.#beliefs, slot * BELIEF_WIDTH + column)
  }

  #publish(slot: number): void {
    this.#writer.publish()
    this.#own?.believes(slot, this.#beliefs, slot * BELIEF_WIDTH)
  }

  #touch(slot: number): void {
    if (this.#isTouched[slot] !== 0) return
    this.#isTouched[slot] = 1
    this.#touched[this.#touchedCount++] = slot
  }
}
