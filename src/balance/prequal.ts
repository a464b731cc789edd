import type { Rng } from '../base/random.ts'
import type { OptionsOf } from './options.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import { ProbePool } from './probe-pool.ts'
import { SlidingQuantile } from './sliding-quantile.ts'
import { survivorsOf } from './survivors.ts'
import type { ClusterView } from './view.ts'

/** Recent requests in flight that hot and cold are told apart by. */
const RIF_WINDOW = 64
/** Endpoints looked over for new probes per pick; of more, each pick looks over the next ones. */
const LOOK_OVER = 128
const MAX_POOL = 64
/** δ of the paper: how much more may be used than comes in, on balance. */
const DELTA = 1
const MAX_USES = 64
/** Picks over which the rate of probes is measured. */
const RATE_OVER = 64
/** With fewer, there is no choice to speak of. */
const MIN_POOL = 2

/**
 * Prequal (B. Wydrowski et al., "Load is not what you should balance", NSDI 2024): of the endpoints whose probes lie in a pool, those with more requests in
 * flight than most have had lately are hot; of the cold the quickest is picked, if all are hot the one with the fewest in flight. Below two probes
 * it is chance. Weights are not heeded: what an endpoint can bear, its latency says.
 *
 * Probes are made by the health actor and come with the view, to all shards alike, so how many there are per pick is measured and not decided here. Of it
 * follow how often each is used, `(1 + δ) / ((1 − pool / endpoints) · probes − removed)`, and that never more than half as many are removed as come: where probes are
 * scarce, an empty pool would help nobody. The worst and the oldest are removed in turn, lest the pool fill up with what nobody wants.
 */
export class Prequal implements Policy {
  readonly #options: OptionsOf<'prequal'>
  readonly #pool: ProbePool
  readonly #poolSize: number
  readonly #rifs = new SlidingQuantile(RIF_WINDOW)
  #hashes: Uint32Array = new Uint32Array(0)
  /** `probeSeq` as taken note of. */
  #seen: Float64Array = new Float64Array(0)
  #cursor = 0
  #lookedAtMs = Number.NaN
  /** Probes per pick. */
  #rate: number
  #toRemove = 0
  #removeOldest = false
  /** How the last pick came about. */
  #last = NO_PICK
  #byChance = true

  constructor(options: OptionsOf<'prequal'>) {
    this.#options = options
    this.#poolSize = Math.min(Math.max(Math.trunc(options.pool), MIN_POOL), MAX_POOL)
    this.#pool = new ProbePool(this.#poolSize)
    this.#rate = options.probesPerRequest
  }

  rebuild(view: ClusterView): void {
    const before = this.#hashes
    const seen = this.#seen
    const old = survivorsOf(before, view.hashes)
    const next = survivorsOf(view.hashes, before)
    this.#pool.rename((index) => next[index]!)
    this.#seen = new Float64Array(view.size)
    old.forEach((was, i) => was >= 0 && (this.#seen[i] = seen[was]!))
    this.#hashes = view.hashes.slice()
    this.#cursor = 0
    this.#lookedAtMs = Number.NaN
  }

  pick(view: ClusterView, _key: number, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    this.#takeIn(view, rng)
    this.#pool.age(view.nowMs - this.#options.ageMs, view.nowMs)
    this.#remove()
    const limit = this.#rifs.at(this.#options.quantile)
    this.#byChance = this.#pool.count < MIN_POOL
    this.#last = this.#byChance ? this.#atRandom(view, rng) : this.#best(view, limit)
    return this.#last
  }

  #atRandom(view: ClusterView, rng: Rng): number {
    const index = rng.below(view.size)
    view.considered.note(index, 0)
    return index
  }

  #best({ considered }: ClusterView, limit: number): number {
    const pool = this.#pool
    const place = pool.best(limit)
    const index = pool.index[place]!
    for (let i = 0; i < pool.count; i++) {
      // Hot ones are noted as worse than any latency, in their order.
      considered.note(pool.index[i]!, pool.rif[i]! > limit ? HOT + pool.rif[i]! : pool.latencyMs[i]!)
    }
    pool.use(place)
    return index
  }

  /** Probes that are new. Within a turn there are none. */
  #takeIn(view: ClusterView, rng: Rng): void {
    let taken = 0
    if (view.nowMs !== this.#lookedAtMs || view.size > LOOK_OVER) {
      this.#lookedAtMs = view.nowMs
      const seen = this.#seen
      for (let looks = Math.min(view.size, LOOK_OVER); looks > 0; looks--) {
        const index = this.#cursor
        this.#cursor = index + 1 === view.size ? 0 : index + 1
        const seq = view.probeSeq[index]!
        if (seq === seen[index]) continue
        seen[index] = seq
        this.#add(view, index, rng)
        taken++
      }
    }
    this.#rate += (taken - this.#rate) / RATE_OVER
  }

  #add(view: ClusterView, index: number, rng: Rng): void {
    const rif = view.probedRif[index]!
    const latencyMs = view.probedLatencyMs[index]!
    if (!(rif >= 0 && latencyMs >= 0 && rif < Infinity && latencyMs < Infinity)) return
    const place = this.#pool.add(index, Math.floor(this.#usesOf(view.size) + rng.next()))
    this.#pool.write(place, rif, latencyMs, view.probedAtMs[index]!)
    this.#rifs.add(rif)
  }

  #removedPerPick(): number {
    return Math.min(this.#options.remove, this.#rate / 2)
  }

  #usesOf(size: number): number {
    const balance = (1 - this.#poolSize / size) * this.#rate - this.#removedPerPick()
    if (balance <= 0) return MAX_USES
    return Math.min(Math.max((1 + DELTA) / balance, 1), MAX_USES)
  }

  #remove(): void {
    this.#toRemove += this.#removedPerPick()
    for (; this.#toRemove >= 1; this.#toRemove--) {
      if (this.#pool.count <= MIN_POOL) continue
      this.#pool.drop(this.#removeOldest ? 0 : this.#pool.worst(this.#rifs.at(this.#options.quantile)))
      this.#removeOldest = !this.#removeOldest
    }
  }

  propensity(view: ClusterView, _key: number, index: number): number {
    if (this.#byChance) return 1 / view.size
    return index === this.#last ? 1 : 0
  }

  save(state: Float64Array): number {
    const { length } = this.#seen
    const head = HEAD + length
    if (head > state.length) return -1
    state[0] = this.#cursor
    state[1] = this.#lookedAtMs
    state[2] = this.#rate
    state[3] = this.#toRemove
    state[4] = this.#removeOldest ? 1 : 0
    state.set(this.#seen, HEAD)
    const pool = this.#pool.save(state, head)
    const rifs = pool < 0 ? -1 : this.#rifs.save(state, head + pool)
    return rifs < 0 ? -1 : head + pool + rifs
  }

  restore(state: Float64Array): void {
    const { length } = this.#seen
    this.#cursor = state[0]!
    this.#lookedAtMs = state[1]!
    this.#rate = state[2]!
    this.#toRemove = state[3]!
    this.#removeOldest = state[4] === 1
    this.#seen.set(state.subarray(HEAD, HEAD + length))
    const pool = this.#pool.restore(state, HEAD + length)
    this.#rifs.restore(state, HEAD + length + pool)
  }
}

/** Numbers before what is kept per endpoint. */
const HEAD = 5
/** Score of a hot endpoint with nothing in flight: above every latency. */
const HOT = 1e9
