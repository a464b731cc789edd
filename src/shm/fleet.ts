import { BELIEF, BELIEF_WIDTH } from './beliefs.ts'
import { endProducer } from './broadcast.ts'
import type { BroadcastRegion } from './broadcast.ts'
import {
  actorCount,
  CLIENT_ROWS,
  fleetLayout,
  GAUGE_WORDS,
  HEALTH_COUNTERS,
  OTHER_ACTORS,
  RETRY_WORDS,
  SHARD_COUNT_WORD,
  stripeLayout,
} from './layout.ts'
import type { FleetHandle, FleetLayout, FleetShape, OtherActor, StripeLayout } from './layout.ts'
import { LINE } from './memory.ts'
import { ConnectionNotes, NOTE_WORDS } from './notes.ts'
import type { RingRegion } from './ring.ts'
import { ADMIN_WORDS, AdminTable, LIMIT_WORDS, LimitTable, VERDICT_WORDS, VerdictTable } from './tables.ts'
import { VITAL, VITALS_WORDS } from './vitals.ts'

const STATE_WORD = 16 // second cache line of the pair: the heartbeat is written all the time, the state hardly ever

/** One actor's line. Writer: the actor; of the heartbeat whoever hears it, too (`Host.hear`). Readers: supervisor, telemetry. */
export class ActorLine {
  readonly #heartbeat: Float64Array
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer, index: number) {
    this.#heartbeat = new Float64Array(memory, index * LINE, 1)
    this.#words = new Int32Array(memory, index * LINE, LINE / 4)
  }

  /** "I live": the monotonic clock in ms. A plain store. */
  beat(nowMs: number): void {
    this.#heartbeat[0] = nowMs
  }

  /** When it was last known to live, monotonic ms; 0: never. */
  get lastBeatMs(): number {
    return this.#heartbeat[0]!
  }

  get state(): number {
    return Atomics.load(this.#words, STATE_WORD)
  }

  set state(state: number) {
    Atomics.store(this.#words, STATE_WORD, state)
  }
}

/**
 * One shard's part of the fleet memory. Single writer: that shard, by plain stores (aligned 64-bit words are never torn on x64 and
 * arm64). Rows are whole: what one exchange touches of a cluster or endpoint lies together. Row r of a table begins at r × its width.
 */
export class Stripe {
  readonly shard: number
  /** The engine's own counters, in its order. */
  readonly engine: Float64Array
  /** Totals of the shard. */
  readonly counters: Float64Array
  readonly listeners: Float64Array
  readonly clusters: Float64Array
  readonly histograms: Float64Array
  readonly endpoints: Float64Array
  /** Rows of `GAUGE_WORDS`; what is claimed goes through Atomics only (`claim.ts`). */
  readonly listenerGauges: Int32Array
  readonly clusterGauges: Int32Array
  readonly endpointGauges: Int32Array
  /** Rows of the client table (`limit/clients.ts`), Atomics only. */
  readonly clients: Int32Array
  /** Rows of `BELIEF_WIDTH` per endpoint (`beliefs.ts`). */
  readonly beliefs: Float64Array
  /** Rows of `RETRY_WORDS` per cluster (`RETRY_WINDOW`), Atomics only. */
  readonly retries: Int32Array
  /** The access log's ring: this shard writes, telemetry reads. Capacity 0: there is none. */
  readonly log: RingRegion
  /** Decision records as JSON text (`telemetry/explain-record.ts`): this shard writes, telemetry reads. Capacity 0: there is none. */
  readonly explain: RingRegion

  constructor(handle: FleetHandle, layout: StripeLayout, shard: number) {
    const { memory, shape } = handle
    const base = fleetLayout(shape).stripes + shard * layout.bytes
    const doubles = (offset: number, length: number): Float64Array =>
      new Float64Array(memory, base + offset, length)
    const words = (offset: number, length: number): Int32Array =>
      new Int32Array(memory, base + offset, length)
    const { widths } = shape
    this.shard = shard
    this.engine = doubles(layout.engine, widths.engine)
    this.counters = doubles(layout.counters, widths.shard)
    this.listeners = doubles(layout.listeners, shape.listeners * widths.listener)
    this.clusters = doubles(layout.clusters, shape.clusters * widths.cluster)
    this.histograms = doubles(layout.histograms, shape.clusters * widths.histograms)
    this.endpoints = doubles(layout.endpoints, shape.endpoints * widths.endpoint)
    this.listenerGauges = words(layout.listenerGauges, shape.listeners * GAUGE_WORDS)
    this.clusterGauges = words(layout.clusterGauges, shape.clusters * GAUGE_WORDS)
    this.endpointGauges = words(layout.endpointGauges, shape.endpoints * GAUGE_WORDS)
    this.clients = words(layout.clients, CLIENT_ROWS * shape.clientBuckets)
    this.beliefs = doubles(layout.beliefs, shape.endpoints * BELIEF_WIDTH)
    this.retries = words(layout.retries, shape.clusters * RETRY_WORDS)
    this.log = { memory, offset: base + layout.log, capacity: shape.logBytes }
    this.explain = { memory, offset: base + layout.explain, capacity: shape.explainBytes }
  }
}

/** Views of a fleet's memory, made once per thread. */
export class Fleet {
  readonly handle: FleetHandle
  readonly shape: FleetShape
  readonly stripes: readonly Stripe[]
  readonly verdicts: VerdictTable
  readonly admin: AdminTable
  readonly limits: LimitTable
  /** What the health actor believes, rows as in `Stripe.beliefs`. */
  readonly healthBeliefs: Float64Array
  /** Writer: the health actor. Readers: telemetry. */
  readonly healthCounters: Float64Array
  /** What connections were doing, by fd. */
  readonly notes: ConnectionNotes
  readonly #actors: readonly ActorLine[]
  readonly #layout: FleetLayout
  /** Main's line: its words beside the state are the program's. */
  readonly #words: Int32Array

  constructor(handle: FleetHandle) {
    const { shape } = handle
    const layout = stripeLayout(shape)
    this.handle = handle
    this.shape = shape
    this.stripes = Array.from({ length: shape.shards }, (_, shard) => new Stripe(handle, layout, shard))
    this.#actors = Array.from(
      { length: actorCount(shape) },
      (_, index) => new ActorLine(handle.memory, index),
    )
    const { memory } = handle
    this.#words = new Int32Array(memory, this.#indexOf('main') * LINE, LINE / 4)
    const regions = fleetLayout(shape)
    this.#layout = regions
    this.verdicts = new VerdictTable(
      new Int32Array(memory, regions.verdicts, shape.endpoints * VERDICT_WORDS),
    )
    this.admin = new AdminTable(new Int32Array(memory, regions.admin, shape.endpoints * ADMIN_WORDS))
    this.limits = new LimitTable(new Int32Array(memory, regions.limits, shape.clusters * LIMIT_WORDS))
    this.healthBeliefs = new Float64Array(memory, regions.healthBeliefs, shape.endpoints * BELIEF_WIDTH)
    this.notes = new ConnectionNotes(new Int32Array(memory, regions.notes, shape.fds * NOTE_WORDS))
    this.healthCounters = new Float64Array(memory, regions.healthCounters, HEALTH_COUNTERS)
  }

  stripe(shard: number): Stripe {
    const stripe = this.stripes[shard]
    if (stripe === undefined) throw new RangeError(`no shard ${shard}`)
    return stripe
  }

  /** Of the shards that may live now. History of those that went is in `stripes`. */
  get live(): readonly Stripe[] {
    return this.stripes.slice(0, this.shardCount)
  }

  /** The line of a shard (by index) or of another actor (by name). */
  actor(who: number | OtherActor): ActorLine {
    const line = this.#actors[this.#indexOf(who)]
    if (line === undefined) throw new RangeError(`no actor ${who}`)
    return line
  }

  /**
   * Shards with an index below this may live: who counts over all shards counts these. Writer: main, before the first of more shards starts and after the last of fewer ended.
   */
  get shardCount(): number {
    return Atomics.load(this.#words, SHARD_COUNT_WORD)
  }

  set shardCount(count: number) {
    Atomics.store(this.#words, SHARD_COUNT_WORD, count)
  }

  /** How an actor's thread does (`VITAL`). */
  vitals(who: number | OtherActor): Float64Array {
    const at = this.#layout.vitals + this.#indexOf(who) * VITALS_WORDS * 8
    return new Float64Array(this.handle.memory, at, VITALS_WORDS)
  }

  /** The word that `Host.guardHeap` wants. */
  heapAlarm(who: number | OtherActor): Float64Array {
    return this.vitals(who).subarray(VITAL.heapAlarm, VITAL.heapAlarm + 1)
  }

  /** The three words of how busy an actor is, as `Host.attend` wants them. */
  busy(who: number | OtherActor): Float64Array {
    return this.vitals(who).subarray(VITAL.busy, VITAL.busyAt + 1)
  }

  /** The word that `EngineOptions.heartbeat` and `Host.attend` want: of an actor's line, written natively. */
  heartbeat(who: number | OtherActor): Float64Array {
    return new Float64Array(this.handle.memory, this.#indexOf(who) * LINE, 1)
  }

  /** The broadcast ring of a shard or of another actor: that actor writes, everybody reads. */
  ring(who: number | OtherActor): BroadcastRegion {
    const index = this.#indexOf(who)
    if (this.#actors[index] === undefined) throw new RangeError(`no actor ${who}`)
    const { rings, ringBytes } = this.#layout
    return {
      memory: this.handle.memory,
      offset: rings + index * ringBytes,
      capacity: this.shape.ringRecords,
    }
  }

  #indexOf(who: number | OtherActor): number {
    return typeof who === 'number' ? who : this.shape.shards + OTHER_ACTORS.indexOf(who)
  }
}

export const openFleet = (handle: FleetHandle): Fleet => new Fleet(handle)

/**
 * A shard died: what it held counts no more. Gauges, the client table and the start times of its exchanges go to zero; totals stay,
 * they are history, and so does what it believed of the endpoints. Then every reader of its ring reads its columns again. Writer: the supervisor, only between the shard's end and its successor's start.
 */
export const zeroStripe = (fleet: Fleet, shard: number): void => {
  const stripe = fleet.stripe(shard)
  const gauges = [stripe.listenerGauges, stripe.clusterGauges, stripe.endpointGauges, stripe.clients]
  for (const words of gauges) {
    for (let i = 0; i < words.length; i++) Atomics.store(words, i, 0)
  }
  const { beliefs } = stripe
  for (let at: number = BELIEF.startSum; at < beliefs.length; at += BELIEF_WIDTH) {
    if (beliefs[at] !== 0) beliefs[at] = 0
  }
  endProducer(fleet.ring(shard))
}

/** Sum over all shards of one gauge of one row. A moment's picture, not a snapshot. */
export const sumGauge = (
  fleet: Fleet,
  table: 'listenerGauges' | 'clusterGauges' | 'endpointGauges',
  row: number,
  gauge: number,
): number => {
  let sum = 0
  for (const stripe of fleet.live) sum += Atomics.load(stripe[table], row * GAUGE_WORDS + gauge)
  return sum
}
