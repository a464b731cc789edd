import type { CostModel } from '../balance/cost.ts'
import { NO_PICK } from '../balance/policy.ts'
import type { Policy } from '../balance/policy.ts'
import { ClusterView } from '../balance/view.ts'
import { mix32, seededRng } from '../base/random.ts'
import type { Rng } from '../base/random.ts'
import { EventQueue } from './event-queue.ts'
import { FleetModel } from './fleet-model.ts'
import type { EndpointModel } from './fleet-model.ts'

export type SimulationParts = {
  readonly endpoints: readonly EndpointModel[]
  /** Of the endpoints; all 1 if absent. */
  readonly weights?: readonly number[]
  readonly shards: number
  /** Shards know what the others do, as of the start of their tick; else each knows its own part only. */
  readonly sharing: boolean
  /** Between two looks at what the others do, ms. */
  readonly tickMs: number
  /** Requests per second over all shards: they come as a Poisson process and each to a shard at random. */
  readonly perSecond: number
  readonly policy: () => Policy
  readonly cost: CostModel
  readonly seed: number
}

type Shard = {
  readonly view: ClusterView
  readonly policy: Policy
  readonly rng: Rng
  nextTickMs: number
}

const SHARD_LIMIT = 256
const ENDPOINT_LIMIT = 16_384

/**
 * A fleet under a policy in virtual time: the very policies that run live, on views as shards have them. What a shard does itself it sees at
 * once, what others do with the next tick. Deterministic by its seed.
 */
export class Simulation {
  nowMs = 0
  /** Exchanges under way per endpoint, all shards together: the truth that views are late about. */
  readonly inFlight: Float64Array
  /** Picks per endpoint so far. */
  readonly picks: Float64Array
  latencySumMs = 0
  answered = 0
  failed = 0
  readonly #parts: SimulationParts
  readonly #model: FleetModel
  readonly #rng: Rng
  readonly #shards: readonly Shard[]
  readonly #departures = new EventQueue()
  readonly #begun = new Map<number, number>()
  readonly #statistics: ClusterView
  #nextArrivalMs = 0
  #serial = 0

  constructor(parts: SimulationParts) {
    const size = parts.endpoints.length
    if (!(parts.shards >= 1 && parts.shards <= SHARD_LIMIT)) throw new RangeError(`${parts.shards} shards`)
    this.#parts = parts
    this.#rng = seededRng(parts.seed)
    this.#model = new FleetModel(parts.endpoints, seededRng(parts.seed + 1))
    this.inFlight = new Float64Array(size)
    this.picks = new Float64Array(size)
    this.#statistics = viewOf(size, parts.weights)
    this.#shards = Array.from({ length: parts.shards }, (_, shard) => this.#makeShard(shard))
  }

  /** Let time pass; `onSample` is called every `everyMs`. */
  run(durationMs: number, everyMs: number = Infinity, onSample: (simulation: this) => void = ignore): void {
    const endMs = this.nowMs + durationMs
    let sampleMs = this.nowMs + everyMs
    for (;;) {
      const nextMs = Math.min(this.#nextArrivalMs, this.#departures.nextMs)
      while (sampleMs <= nextMs && sampleMs <= endMs) {
        this.nowMs = sampleMs
        onSample(this)
        sampleMs += everyMs
      }
      if (nextMs > endMs) break
      this.nowMs = nextMs
      if (this.#departures.nextMs <= this.#nextArrivalMs) this.#depart()
      else this.#arrive()
    }
    this.nowMs = endMs
  }

  #makeShard(index: number): Shard {
    const { weights, endpoints, policy, seed, tickMs } = this.#parts
    const rng = seededRng(seed * 1000 + index + 7)
    const view = viewOf(endpoints.length, weights)
    const made = policy()
    made.rebuild(view, rng)
    return { view, policy: made, rng, nextTickMs: rng.next() * tickMs }
  }

  #arrive(): void {
    const { shards, perSecond } = this.#parts
    this.#nextArrivalMs += (-Math.log(1 - this.#rng.next()) * 1000) / perSecond
    const at = this.#rng.below(shards)
    const shard = this.#shards[at]!
    this.#look(shard)
    shard.view.considered.clear()
    const key = this.#rng.uint32()
    const index = shard.policy.pick(shard.view, key, shard.rng)
    if (index === NO_PICK) return
    this.picks[index]!++
    this.inFlight[index]!++
    shard.view.inFlight[index]!++
    const doneMs = this.#model.arrive(index, this.nowMs)
    const serial = ++this.#serial
    this.#begun.set(serial, this.nowMs)
    const failed = this.#model.failed ? 1 : 0
    this.#departures.push(doneMs, ((serial * ENDPOINT_LIMIT + index) * SHARD_LIMIT + at) * 2 + failed)
  }

  #depart(): void {
    let payload = this.#departures.pop()
    const failed = payload % 2 === 1
    payload = Math.floor(payload / 2)
    const shard = this.#shards[payload % SHARD_LIMIT]!
    payload = Math.floor(payload / SHARD_LIMIT)
    const index = payload % ENDPOINT_LIMIT
    const serial = Math.floor(payload / ENDPOINT_LIMIT)
    const tookMs = this.nowMs - this.#begun.get(serial)!
    this.#begun.delete(serial)
    this.inFlight[index]!--
    this.#look(shard)
    shard.view.inFlight[index]!--
    this.#observe(this.#parts.sharing ? this.#statistics : shard.view, index, tookMs, failed)
    if (this.#parts.sharing) copyStatistics(this.#statistics, shard.view, index)
    this.latencySumMs += tookMs
    if (failed) this.failed++
    else this.answered++
  }

  #observe(view: ClusterView, index: number, tookMs: number, failed: boolean): void {
    const { cost } = this.#parts
    const before = view.cost[index]!
    const atMs = view.costAtMs[index]!
    view.cost[index] = failed
      ? cost.afterFailure(before, atMs, this.nowMs, tookMs, 0)
      : cost.after(before, atMs, this.nowMs, tookMs)
    view.costAtMs[index] = this.nowMs
    if (failed) view.failed[index]!++
    else {
      view.succeeded[index]!++
      view.latencySumMs[index]! += tookMs
    }
  }

  /** The start of a shard's tick, if one is due: it learns what the others did. */
  #look(shard: Shard): void {
    const { view } = shard
    view.nowMs = this.nowMs
    if (this.nowMs < shard.nextTickMs) return
    shard.nextTickMs = this.nowMs + this.#parts.tickMs
    if (!this.#parts.sharing) return
    for (let i = 0; i < view.size; i++) {
      view.inFlight[i] = this.inFlight[i]!
      copyStatistics(this.#statistics, view, i)
    }
  }
}

const viewOf = (size: number, weights: readonly number[] | undefined): ClusterView => {
  const view = new ClusterView(size)
  for (let i = 0; i < size; i++) {
    view.hashes[i] = mix32(i + 1)
    view.baseWeights[i] = weights?.[i] ?? 1
    view.weights[i] = view.baseWeights[i]!
  }
  return view
}

const copyStatistics = (from: ClusterView, to: ClusterView, i: number): void => {
  to.cost[i] = from.cost[i]!
  to.costAtMs[i] = from.costAtMs[i]!
  to.succeeded[i] = from.succeeded[i]!
  to.failed[i] = from.failed[i]!
  to.latencySumMs[i] = from.latencySumMs[i]!
}

const ignore = (): void => {}
