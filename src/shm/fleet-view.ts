import { BELIEF, BELIEF_WIDTH } from './beliefs.ts'
import { BroadcastReader, RecordScratch } from './broadcast.ts'
import type { RecordSink } from './broadcast.ts'
import { DirtySet } from './dirty-set.ts'
import type { Fleet } from './fleet.ts'
import { GAUGE, GAUGE_WORDS, OTHER_ACTORS } from './layout.ts'
import type { OtherActor } from './layout.ts'
import { OBSERVATION } from './observation.ts'
import { FleetPicture } from './picture.ts'
import { AdminWord, ClusterLimit, Verdict } from './tables.ts'
import type { OwnBeliefs } from './voice.ts'

/**
 * Sees each record about a tenant that the view has adopted, in the order of its producer, behind the fold of that record.
 * Producers: shards by index, then `OTHER_ACTORS`.
 */
export interface FoldVisitor {
  record(producer: number, words: Int32Array, doubles: Float64Array, at: number): void
  /** `lost` records of the producer were never seen; the view itself is whole again. */
  lapped(producer: number, lost: number): void
}

/** Counts what folds do. */
export interface FoldObserver {
  /** A record was folded, so many whole µs after it was said (some 35 minutes at most). */
  folded(ageUs: number): void
  lapped(lost: number): void
}

/** Actors besides the shards that say anything. */
const SPEAKERS = ['main', 'health'] as const satisfies readonly OtherActor[]
const LONG_US = 2 ** 31 - 1
/** Generation of a slot that is not adopted. */
const NOBODY = -1

/**
 * One actor's picture of the fleet, brought up to date by `fold` at the start of a turn from what was said on the rings, and by a
 * shard's own voice at once.
 *
 * Law: the picture is a pure function of the last word of each producer about each slot (`merge.ts`). So it is the same on every actor that
 * heard the same, however the words of different producers interleaved; and a reader that was lapped, came late or outlived a
 * shard reads the last words in the producer's columns (`beliefs.ts`, `tables.ts`) and has lost nothing but the way there. Words that
 * stand in the columns already and are still to come in the ring end where the columns were: with the last.
 */
export class FleetView extends FleetPicture implements RecordSink, OwnBeliefs {
  readonly #fleet: Fleet
  readonly #shards: number
  /** A shard's own index among the producers. */
  readonly #self: number
  /** In the order in which they are heard: shards come last, by index. */
  readonly #producers: readonly number[]
  readonly #readers: readonly BroadcastReader[]
  readonly #observer: FoldObserver | undefined
  readonly #generations: Int32Array
  /** Above the highest slot ever adopted. */
  #end = 0
  readonly #dirty: DirtySet
  readonly #dirtyClusters: DirtySet
  readonly #verdict: Verdict = new Verdict()
  readonly #word: AdminWord = new AdminWord()
  readonly #clusterLimit: ClusterLimit = new ClusterLimit()
  #nowMs = 0
  #producer = 0
  /** Shards that were there at the last fold. */
  #heard = 0
  /** Its index among those who hold beliefs: shards, then health. */
  #believer = 0
  #visitor: FoldVisitor | undefined

  /** `actor`: whose picture it is. A shard's own voice feeds it at once, so it does not read its own ring; other actors do. */
  constructor(fleet: Fleet, actor: number | OtherActor, observer?: FoldObserver) {
    const { shape } = fleet
    super(shape, shape.shards + 1)
    const index = (who: OtherActor): number => shape.shards + OTHER_ACTORS.indexOf(who)
    const everybody = [...SPEAKERS.map(index), ...Array.from({ length: shape.shards }, (_, shard) => shard)]
    const scratch = new RecordScratch()
    this.#fleet = fleet
    this.#shards = shape.shards
    this.#self = typeof actor === 'number' ? actor : NOBODY
    this.#producers = everybody.filter((producer) => producer !== this.#self)
    this.#readers = this.#producers.map((producer) => new BroadcastReader(fleet.ring(producer), scratch))
    this.#observer = observer
    this.#generations = new Int32Array(shape.endpoints).fill(NOBODY)
    this.#dirty = new DirtySet(shape.endpoints)
    this.#dirtyClusters = new DirtySet(shape.clusters)
  }

  /** The first words of all rings it hears: they change with whatever is published, and with a producer's end. */
  get heads(): readonly Int32Array[] {
    return this.#readers.map(({ head }) => head)
  }

  /** Slots whose picture changed since `clearDirty`, each once, up to `dirtyCount`. */
  get dirty(): Int32Array {
    return this.#dirty.slots
  }

  get dirtyCount(): number {
    return this.#dirty.count
  }

  /** Clusters whose limit changed since `clearDirty`, each once, up to `dirtyClusterCount`. */
  get dirtyClusters(): Int32Array {
    return this.#dirtyClusters.slots
  }

  get dirtyClusterCount(): number {
    return this.#dirtyClusters.count
  }

  clearDirty(): void {
    this.#dirty.clear()
    this.#dirtyClusters.clear()
  }

  /**
   * A tenant came to the slot (or is there still, after a reload): whatever was known of earlier ones is forgotten, what everybody
   * knows of this one is read. `decayMs`: of its costs.
   */
  adopt(slot: number, generation: number, decayMs: number): void {
    this.#generations[slot] = generation
    this.#end = Math.max(this.#end, slot + 1)
    this.blank(slot, decayMs)
    for (let believer = 0; believer <= this.#shards; believer++) this.#readBeliefs(believer, slot)
    this.#readVerdict(slot)
    this.#readAdmin(slot)
    this.#dirty.add(slot)
  }

  /** A cluster came to the slot, or is there still. */
  adoptCluster(cluster: number): void {
    this.limit[cluster] = Infinity
    this.#readLimit(cluster)
    this.#dirtyClusters.add(cluster)
  }

  /** Nobody is in the slot any more: what is still said of it is not heard. */
  forget(slot: number): void {
    this.#generations[slot] = NOBODY
  }

  /** Hear what was said since the last time. Returns how many records that were. */
  fold(nowMs: number, visitor?: FoldVisitor): number {
    this.#nowMs = nowMs
    this.#visitor = visitor
    let records = 0
    // Those that went are heard once more: their last word is that they hold nothing.
    const shards = this.#fleet.shardCount
    const heard = Math.max(shards, this.#heard)
    this.#heard = shards
    for (let i = 0; i < this.#readers.length; i++) {
      const reader = this.#readers[i]!
      const producer = this.#producers[i]!
      if (producer >= heard && producer < this.#shards) break
      this.#producer = producer
      this.#believer = Math.min(this.#producer, this.#shards)
      records += reader.drain(this)
      if (reader.lost === 0 && !reader.renewed) continue
      this.#readColumns(this.#producer)
      if (reader.lost === 0) continue
      this.#observer?.lapped(reader.lost)
      visitor?.lapped(this.#producer, reader.lost)
    }
    this.#visitor = undefined
    return records
  }

  /** A record of the ring that is being drained. */
  take(words: Int32Array, doubles: Float64Array, at: number): void {
    this.#observer?.folded(Math.min(LONG_US, (this.#nowMs - doubles[at + 2]!) * 1000) | 0)
    const word0 = words[2 * at]!
    const slot = words[2 * at + 1]!
    if ((word0 & 255) === OBSERVATION.limit) {
      this.limit[slot] = doubles[at + 3]!
      this.#dirtyClusters.add(slot)
      return
    }
    if (this.#generations[slot] !== words[2 * at + 2]) return
    this.#hear(word0, slot, doubles, at)
    this.#dirty.add(slot)
    this.#visitor?.record(this.#producer, words, doubles, at)
  }

  /** This shard's own word, from its voice. */
  believes(slot: number, beliefs: Float64Array, row: number): void {
    if (this.#generations[slot] !== beliefs[row + BELIEF.generation]) return
    this.#believe(this.#self, slot, beliefs, row)
    this.#dirty.add(slot)
  }

  #hear(word0: number, slot: number, doubles: Float64Array, at: number): void {
    const said = at + 2
    switch (word0 & 255) {
      case OBSERVATION.inFlight:
        this.inFlights.set(slot, this.#believer, doubles[at + 3]! | 0)
        this.startSums.take(slot, this.#believer, doubles, at + 4)
        break
      case OBSERVATION.response:
      case OBSERVATION.failure:
      case OBSERVATION.gaveUp:
        if (doubles[at + 5]! >= 0) this.costs.take(slot, this.#believer, doubles, said)
        break
      case OBSERVATION.report:
        if (this.#hearReport(slot, this.#believer, doubles, said))
          this.reportSource[slot] = (word0 >>> 8) & 255
        break
      case OBSERVATION.probe:
        this.#hearProbe(slot, this.#believer, doubles, said)
        break
      case OBSERVATION.verdict:
        this.state[slot] = (word0 >>> 8) & 255
        this.reason[slot] = word0 >>> 16
        this.sinceMs[slot] = doubles[at + 3]!
        this.share[slot] = doubles[at + 4]!
        this.ejections[slot] = doubles[at + 5]!
        this.ejectedUntilMs[slot] = doubles[at + 6]!
        break
      case OBSERVATION.admin:
        this.admin[slot] = (word0 >>> 8) & 255
        this.adminWeight[slot] = doubles[at + 3]!
        break
    }
  }

  #hearReport(slot: number, believer: number, words: Float64Array, from: number): boolean {
    if (!this.reports.wins(slot, believer, words, from)) return false
    this.utilisation[slot] = words[from + 1]!
    this.reportedQps[slot] = words[from + 2]!
    this.reportedEps[slot] = words[from + 3]!
    return true
  }

  #hearProbe(slot: number, believer: number, words: Float64Array, from: number): void {
    this.probeSeqs.set(slot, believer, words[from + 3]! | 0)
    if (!this.probes.wins(slot, believer, words, from)) return
    this.probedRif[slot] = words[from + 1]!
    this.probedLatencyMs[slot] = words[from + 2]!
  }

  /** All that the producer's columns say of the tenants adopted. */
  #readColumns(producer: number): void {
    const isMain = producer === this.#shards + OTHER_ACTORS.indexOf('main')
    const isHealth = producer === this.#shards + OTHER_ACTORS.indexOf('health')
    for (let slot = 0; slot < this.#end; slot++) {
      if (this.#generations[slot] === NOBODY) continue
      if (isMain) this.#readAdmin(slot)
      else this.#readBeliefs(this.#believer, slot)
      if (isHealth) this.#readVerdict(slot)
      this.#dirty.add(slot)
    }
    if (!isHealth) return
    for (let cluster = 0; cluster < this.limit.length; cluster++) this.#readLimit(cluster)
  }

  #readBeliefs(believer: number, slot: number): void {
    const stripe = this.#fleet.stripes[believer]
    const beliefs = stripe === undefined ? this.#fleet.healthBeliefs : stripe.beliefs
    const row = slot * BELIEF_WIDTH
    if (beliefs[row + BELIEF.generation] !== this.#generations[slot]) return
    if (stripe !== undefined && believer !== this.#self) {
      this.inFlights.set(slot, believer, stripe.endpointGauges[slot * GAUGE_WORDS + GAUGE.inFlight]!)
      this.startSums.take(slot, believer, beliefs, row + BELIEF.startSum)
    }
    this.#believe(believer, slot, beliefs, row)
  }

  /** Costs, reports and probes of a row. */
  #believe(believer: number, slot: number, beliefs: Float64Array, row: number): void {
    if (beliefs[row + BELIEF.costAt]! > 0) this.costs.take(slot, believer, beliefs, row + BELIEF.costAt)
    if (this.#hearReport(slot, believer, beliefs, row + BELIEF.reportedAt))
      this.reportSource[slot] = beliefs[row + BELIEF.source]!
    this.#hearProbe(slot, believer, beliefs, row + BELIEF.probedAt)
  }

  #readVerdict(slot: number): void {
    const verdict = this.#verdict
    if (!this.#fleet.verdicts.read(slot, verdict)) return
    if (verdict.generation !== this.#generations[slot]) return
    this.state[slot] = verdict.state
    this.reason[slot] = verdict.reason
    this.sinceMs[slot] = verdict.sinceMs
    this.share[slot] = verdict.share
    this.ejections[slot] = verdict.ejections
    this.ejectedUntilMs[slot] = verdict.ejectedUntilMs
  }

  #readAdmin(slot: number): void {
    const word = this.#word
    if (!this.#fleet.admin.read(slot, word) || word.generation !== this.#generations[slot]) return
    this.admin[slot] = word.state
    this.adminWeight[slot] = word.weight
  }

  #readLimit(cluster: number): void {
    if (!this.#fleet.limits.read(cluster, this.#clusterLimit)) return
    if (this.limit[cluster] === this.#clusterLimit.max) return
    this.limit[cluster] = this.#clusterLimit.max
    this.#dirtyClusters.add(cluster)
  }
}
