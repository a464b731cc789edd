import { mix32 } from '../base/random.ts'
import type { Rng } from '../base/random.ts'
import type { ClusterView } from './view.ts'

/** How many times its due share of the picks a warming endpoint may get, … */
export const FLOOD_FACTOR = 2
/** … and how many picks beyond, at most: so many that picks by key, which come in no order, are declined once in 20,000 only for coming too close together. */
export const FLOOD_SLACK = 8
/** Of these, what an endpoint has as it comes: each shard may send it one request before it is due. */
export const FIRST_CREDIT = 1

const TWO_32 = 4_294_967_296

/**
 * Keeps warming endpoints from being flooded, under whatever policy: an idle newcomer is just what a policy that looks for the least
 * loaded wants (envoy #19437).
 *
 * Law: of any N picks in a row out of a view whose weights stay, an endpoint with warmth below 1 is admitted at most `FLOOD_FACTOR × N × due + FLOOD_SLACK` times,
 * its due share being its weight (base weight × warmth) over the sum of all. Each pick is worth `FLOOD_FACTOR × due` of credit, and being picked costs 1.
 *
 * Within that, the picks of a policy that does not heed weights are thinned to the share that is due: by chance, or, where picks follow the key, by the
 * key, so that as an endpoint warms up keys come to it and none leaves.
 */
export class WarmingGate {
  #warming = 0
  /** The largest warmth in the view: where all are cold, none is colder than the rest. */
  #top = 1
  #picks = 0
  #due: Float64Array = new Float64Array(0)
  #credit: Float64Array = new Float64Array(0)
  #asOf: Float64Array = new Float64Array(0)

  /** Indexes mean other endpoints; `credits` is what each has from before. */
  rebuild(view: ClusterView, credits: readonly number[]): void {
    const { size } = view
    this.#due = new Float64Array(size)
    this.#credit = Float64Array.from(credits)
    this.#asOf = new Float64Array(size).fill(this.#picks)
    this.reweigh(view)
  }

  /** Weights changed. */
  reweigh({ size, weights, warmth }: ClusterView): void {
    let sum = 0
    this.#warming = 0
    this.#top = 0
    for (let i = 0; i < size; i++) {
      this.#accrue(i)
      sum += weights[i]!
      if (warmth[i]! < 1) this.#warming++
      if (warmth[i]! > this.#top) this.#top = warmth[i]!
    }
    for (let i = 0; i < size; i++) this.#due[i] = weights[i]! / sum
  }

  /** Nobody is warming: `admits` need not be asked. */
  get idle(): boolean {
    return this.#warming === 0
  }

  /** Credit of an endpoint, to carry it over a rebuild. */
  creditOf(index: number): number {
    return this.#accrue(index)
  }

  /** A request was sent to somebody in this view. */
  picked(view: ClusterView, index: number): void {
    if (this.#warming === 0) return
    this.#picks++
    if (view.warmth[index]! < 1) this.#credit[index] = Math.max(0, this.#accrue(index) - 1)
  }

  /** It has not had more than it may have. */
  affords(view: ClusterView, index: number): boolean {
    return view.warmth[index]! >= 1 || this.#accrue(index) >= 1
  }

  /** May what a policy without an eye for weights picked be sent there? Decided by chance. */
  drawn(view: ClusterView, index: number, rng: Rng): boolean {
    const warmth = view.warmth[index]!
    return warmth >= this.#top || rng.next() * this.#top < warmth
  }

  /** … decided by the key: whoever is admitted at some warmth is at every larger one. */
  drawnByKey(view: ClusterView, index: number, key: number): boolean {
    const warmth = view.warmth[index]!
    return (
      warmth >= this.#top || (mix32(key ^ mix32(view.hashes[index]!)) >>> 0) * this.#top < warmth * TWO_32
    )
  }

  #accrue(index: number): number {
    const passed = this.#picks - this.#asOf[index]!
    if (passed === 0) return this.#credit[index]!
    this.#asOf[index] = this.#picks
    const credit = this.#credit[index]! + passed * FLOOD_FACTOR * this.#due[index]!
    return (this.#credit[index] = Math.min(FLOOD_SLACK, credit))
  }
}
