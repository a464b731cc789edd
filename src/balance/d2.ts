import type { Rng } from '../base/random.ts'
import type { OptionsOf } from './options.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import { survivorsOf } from './survivors.ts'
import type { ClusterView } from './view.ts'
import { WeightedDraw } from './weighted-draw.ts'

const MIN_INTERVAL_MS = 10
/** Numbers that are kept per endpoint. */
const KEPT = 5

/** What is kept per endpoint, index-aligned with the view. */
class Standing {
  /** 0 < health ≤ 1: the share of its weight that it gets. */
  readonly health: Float64Array
  /** 1 while it is in slow start, else 0. */
  readonly starting: Float64Array
  /** Totals of the view at the end of the last interval. */
  readonly succeeded: Float64Array
  readonly failed: Float64Array
  readonly latencySumMs: Float64Array
  readonly columns: readonly Float64Array[]

  constructor(size: number) {
    this.health = new Float64Array(size).fill(1)
    this.starting = new Float64Array(size)
    this.succeeded = new Float64Array(size)
    this.failed = new Float64Array(size)
    this.latencySumMs = new Float64Array(size)
    this.columns = [this.health, this.starting, this.succeeded, this.failed, this.latencySumMs]
  }

  inherit(index: number, from: Standing, was: number): void {
    for (let column = 0; column < KEPT; column++) {
      this.columns[column]![index] = from.columns[column]![was]!
    }
  }

  /** From here on the interval's counts begin. */
  mark(view: ClusterView, index: number): void {
    this.succeeded[index] = view.succeeded[index]!
    this.failed[index] = view.failed[index]!
    this.latencySumMs[index] = view.latencySumMs[index]!
  }
}

/**
 * Relative degradation (LinkedIn's D2, RelativeLoadBalancerStrategy): every interval each endpoint is compared with the cluster. Latency of `high` times the
 * cluster's or an error ratio of `errorRatio` takes `down` from its health, latency of at most `low` times gives `up` back, in between it
 * stays. Requests are drawn by weight · health.
 *
 * Latency counts what is still under way, with its age: an endpoint that hangs answers nothing slowly. One with fewer than `minRequests` is not judged but
 * recovers: nobody stays down for want of requests. Health never falls below `initial`, at which newcomers to a running cluster begin;
 * they double per interval until they are whole or found bad.
 */
export class RelativeDegradation implements Policy {
  readonly heedsWeights = true
  readonly #options: OptionsOf<'d2'>
  readonly #intervalMs: number
  readonly #line = new WeightedDraw()
  #hashes: Uint32Array = new Uint32Array(0)
  #standing: Standing = new Standing(0)
  /** The view's weights, and those times health. */
  #base: Float64Array = new Float64Array(0)
  #weights: Float64Array = new Float64Array(0)
  #judgedAtMs = Number.NaN
  /** Of the interval, per endpoint: mean latency, ms, and how many requests that is of. */
  #latency: Float64Array = new Float64Array(0)
  #requests: Float64Array = new Float64Array(0)

  constructor(options: OptionsOf<'d2'>) {
    this.#options = options
    this.#intervalMs = Math.max(options.intervalMs, MIN_INTERVAL_MS)
  }

  rebuild(view: ClusterView): void {
    const before = this.#standing
    const old = survivorsOf(this.#hashes, view.hashes)
    const next = new Standing(view.size)
    const running = old.some((was) => was >= 0)
    old.forEach((was, i) => {
      if (was >= 0) return next.inherit(i, before, was)
      next.mark(view, i)
      if (!running) return
      next.health[i] = this.#options.initial
      next.starting[i] = 1
    })
    this.#standing = next
    this.#hashes = view.hashes.slice()
    this.#weights = new Float64Array(view.size)
    this.#latency = new Float64Array(view.size)
    this.#requests = new Float64Array(view.size)
    if (!running) this.#judgedAtMs = view.nowMs
    this.reweigh(view)
  }

  reweigh(view: ClusterView): void {
    this.#base = view.weights
    this.#draw()
  }

  #draw(): void {
    for (let i = 0; i < this.#base.length; i++) this.#weights[i] = this.#base[i]! * this.#standing.health[i]!
    this.#line.rebuild(this.#weights)
  }

  pick(view: ClusterView, _key: number, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    const since = view.nowMs - this.#judgedAtMs
    if (!(since >= 0 && since < this.#intervalMs)) this.#judge(view)
    const index = this.#line.draw(rng)
    view.considered.note(index, 1 - this.#standing.health[index]!)
    return index
  }

  #judge(view: ClusterView): void {
    this.#judgedAtMs = view.nowMs
    let latency = 0
    let requests = 0
    for (let i = 0; i < view.size; i++) {
      this.#measure(view, i)
      latency += this.#latency[i]! * this.#requests[i]!
      requests += this.#requests[i]!
    }
    const typical = requests > 0 ? latency / requests : 0
    for (let i = 0; i < view.size; i++) {
      this.#degrade(view, i, typical)
      this.#standing.mark(view, i)
    }
    this.#draw()
  }

  /** The mean of what was answered and what is under way; what began just now does not make it look faster. Totals that fell count as none. */
  #measure(view: ClusterView, index: number): void {
    const { succeeded, latencySumMs } = this.#standing
    const answers = Math.max(view.succeeded[index]! - succeeded[index]!, 0)
    const sum = Math.max(view.latencySumMs[index]! - latencySumMs[index]!, 0)
    const waiting = Math.max(view.inFlight[index]!, 0)
    const requests = answers + waiting
    const answered = answers > 0 ? sum / answers : 0
    const withWaiting = requests > 0 ? (sum + waiting * view.ageMs[index]!) / requests : 0
    this.#latency[index] = Math.max(answered, withWaiting)
    this.#requests[index] = requests
  }

  #degrade(view: ClusterView, index: number, typicalMs: number): void {
    const { high, low, down, up, initial, errorRatio, minRequests } = this.#options
    const { health, starting, succeeded, failed } = this.#standing
    const errors = Math.max(view.failed[index]! - failed[index]!, 0)
    const ended = errors + Math.max(view.succeeded[index]! - succeeded[index]!, 0)
    const latency = this.#latency[index]!
    const judged = this.#requests[index]! + errors >= minRequests
    const failing = ended > 0 && errors / ended >= errorRatio
    const slow = typicalMs > 0 && latency >= high * typicalMs
    if (judged && (failing || slow)) {
      starting[index] = 0
      health[index] = Math.max(health[index]! - down, initial)
    } else if (!judged || latency <= low * typicalMs) {
      health[index] = Math.min(starting[index] === 1 ? health[index]! * 2 : health[index]! + up, 1)
    }
    if (health[index] === 1) starting[index] = 0
  }

  propensity(_view: ClusterView, _key: number, index: number): number {
    return this.#line.share(index)
  }

  save(state: Float64Array): number {
    const { columns, health } = this.#standing
    const length = 1 + KEPT * health.length
    if (length > state.length) return -1
    state[0] = this.#judgedAtMs
    for (let column = 0; column < KEPT; column++) state.set(columns[column]!, 1 + column * health.length)
    return length
  }

  restore(state: Float64Array): void {
    const { columns, health } = this.#standing
    const { length } = health
    this.#judgedAtMs = state[0]!
    for (let column = 0; column < KEPT; column++) {
      columns[column]!.set(state.subarray(1 + column * length, 1 + (column + 1) * length))
    }
    this.#draw()
  }
}
