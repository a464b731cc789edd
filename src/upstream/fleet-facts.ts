import { meanAgeMs } from '../balance/picture.ts'
import type { SlotPicture } from '../balance/picture.ts'
import type { ClusterView } from '../balance/view.ts'
import { BELIEF, BELIEF_WIDTH } from '../shm/beliefs.ts'
import { FleetView } from '../shm/fleet-view.ts'
import type { FoldObserver } from '../shm/fleet-view.ts'
import type { Fleet } from '../shm/fleet.ts'
import { FleetVoice } from '../shm/voice.ts'
import { EndpointTotals } from './totals.ts'

/** Who wants to know what is said of an endpoint: its cluster. */
export interface Hearer {
  /** The picture of the endpoint changed. */
  heard(slot: number, nowMs: number): void
  /** All has been heard that there was. */
  heardAll(nowMs: number): void
}

/**
 * The fleet as one shard knows and tells it, by endpoint slot: what the others say, folded at the start of every batch, and this shard's own
 * voice, which speaks at the end.
 */
export class FleetFacts implements SlotPicture, FoldObserver {
  readonly view: FleetView
  readonly voice: FleetVoice
  readonly totals: EndpointTotals
  /** Age of the oldest fact that the last fold brought, ms. */
  stalenessMs = 0
  /** Records heard with the last `hear`. */
  heard = 0
  readonly #beliefs: Float64Array
  readonly #observer: FoldObserver
  readonly #hearers: (Hearer | undefined)[]
  /** Those who heard something this time. */
  readonly #listening: Hearer[] = []

  constructor(fleet: Fleet, shard: number, observer: FoldObserver) {
    this.view = new FleetView(fleet, shard, this)
    this.voice = new FleetVoice(fleet, shard, this.view)
    this.totals = new EndpointTotals(fleet)
    this.#beliefs = fleet.stripe(shard).beliefs
    this.#observer = observer
    this.#hearers = Array.from({ length: fleet.shape.endpoints }, () => undefined)
  }

  /** The endpoint is `hearer`'s from now on; costs of it decay by `decayMs`. */
  adopt(slot: number, generation: number, decayMs: number, hearer: Hearer): void {
    this.#hearers[slot] = hearer
    this.view.adopt(slot, generation, decayMs)
  }

  /** `hearer` is done with the endpoint, unless it is another's by now. */
  release(slot: number, hearer: Hearer): void {
    if (this.#hearers[slot] !== hearer) return
    this.#hearers[slot] = undefined
    this.view.forget(slot)
  }

  /** Hear what others said and pass it on: O(records) and nothing else. */
  hear(nowMs: number): void {
    const { view } = this
    this.stalenessMs = 0
    this.voice.nowMs = nowMs
    this.heard = view.fold(nowMs)
    const { dirty, dirtyCount } = view
    for (let i = 0; i < dirtyCount; i++) {
      const hearer = this.#hearers[dirty[i]!]
      if (hearer === undefined) continue
      hearer.heard(dirty[i]!, nowMs)
      if (!this.#listening.includes(hearer)) this.#listening.push(hearer)
    }
    view.clearDirty()
    while (this.#listening.length > 0) this.#listening.pop()!.heardAll(nowMs)
  }

  /** Exchanges under way at the endpoint: our own to the instant. */
  inFlight(slot: number): number {
    return this.view.inFlight[slot]! + this.voice.inFlight(slot)
  }

  /** Our own cost of it, and since when it stands; -1: we never took one. */
  ownCost(slot: number): number {
    return this.#beliefs[slot * BELIEF_WIDTH + BELIEF.cost]!
  }

  ownCostAtMs(slot: number): number {
    const atMs = this.#beliefs[slot * BELIEF_WIDTH + BELIEF.costAt]!
    return atMs > 0 ? atMs : -1
  }

  write(view: ClusterView, index: number, slot: number): void {
    const from = this.view
    view.inFlight[index] = this.inFlight(slot)
    view.cost[index] = from.cost[slot]!
    view.costAtMs[index] = from.costAtMs[slot]!
    view.utilisation[index] = from.utilisation[slot]!
    view.reportedQps[index] = from.reportedQps[slot]!
    view.reportedEps[index] = from.reportedEps[slot]!
    view.reportedAtMs[index] = from.reportedAtMs[slot]!
    view.probedRif[index] = from.probedRif[slot]!
    view.probedLatencyMs[index] = from.probedLatencyMs[slot]!
    view.probedAtMs[index] = from.probedAtMs[slot]!
    view.probeSeq[index] = from.probeSeq[slot]!
    view.succeeded[index] = this.totals.succeeded[slot]!
    view.failed[index] = this.totals.failed[slot]!
    view.latencySumMs[index] = this.totals.latencySumMs[slot]!
    this.age(view, index, slot)
  }

  age(view: ClusterView, index: number, slot: number): void {
    const startSumMs = this.view.startSum[slot]! + this.voice.startSum(slot)
    view.ageMs[index] = meanAgeMs(view.nowMs, this.inFlight(slot), startSumMs)
  }

  folded(ageUs: number): void {
    if (ageUs > this.stalenessMs * 1000) this.stalenessMs = ageUs / 1000
    this.#observer.folded(ageUs)
  }

  lapped(lost: number): void {
    this.#observer.lapped(lost)
  }
}
