import type { Rng } from '../base/random.ts'
import type { Share } from './load-sample.ts'

/** One connection to hand over to another shard between two requests. */
export type Give = { readonly fd: number; readonly generation: number; readonly to: number }

/** Time constant of the busy shares looked at (`VITAL.busy`): what was moved shows that slowly. */
export const SMOOTHING_MS = 2000
/** A difference of busy shares that is worth acting on, and, while acting, one that is not any more. */
const BEGIN = 0.12
const REST = 0.06
/** Of the difference, so much may move with one connection: half would make both even, and much more would turn it round. */
const FITS = 0.6
/** From here on a shard is all busy: how much more it should do does not show. */
const FULL = 0.95
/** By so much the busy shares of two that are all busy may differ all the same: they are measured. */
const MEASURED = 0.03
/** From here on it is worth knowing how many connections share a shard. */
export const CROWDED = 0.75
/** What is lighter is left to where new connections go. */
const LEAST = 0.01
/** Connections handed over per look, and ms between looks, from … to: four a second at most. */
const MOVES = 2
const LOOK_MS = { least: 500, more: 500 } as const
/** A connection that came stays for so long at least, up to twice that. */
const STAY_MS = 10_000

/**
 * Decides, on each shard for itself, which of its clients another shard should have. Seen are only the busy shares of all, smoothed; so
 *
 * - what was given and does not show yet is reckoned with: it fades as the smoothing lets it show;
 * - nothing is done about less than `BEGIN`, and once begun, it is done down to `REST`;
 * - of a shard that is all busy and one that is nearly so, those who share each of them are counted instead: six heavy connections here and two there are not even, though the shards are;
 * - the receiver is the less busy of two others at random: hot shards do not all find the same cold one;
 * - no connection moves that would only turn the difference round, none twice within `STAY_MS`, and no more than `MOVES` per look.
 *
 * Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (1996); the fading is what "How Useful Is Old Information?" (1997) asks for.
 */
export class EvenCores {
  readonly #shard: number
  readonly #rng: Rng
  /** Busy shares as last looked at, Infinity: takes nobody; and what we gave each of late. Of ourselves: what we have given. */
  #busy: Float64Array
  #given: Float64Array
  #crowd: Float64Array
  #acting = false
  #lookedMs = 0
  #nextLookMs = 0
  /** When the connections that came from elsewhere may move on, by fd. */
  readonly #settled = new Map<number, { readonly generation: number; readonly atMs: number }>()

  constructor(shard: number, shards: number, rng: Rng) {
    this.#shard = shard
    this.#rng = rng
    this.#busy = new Float64Array(shards).fill(Infinity)
    this.#given = new Float64Array(shards)
    this.#crowd = new Float64Array(shards)
  }

  /** Is it time to `look` again? */
  due(nowMs: number): boolean {
    return nowMs >= this.#nextLookMs
  }

  /**
   * `busy`: share of its time that each shard was busy, smoothed over `SMOOTHING_MS`; Infinity: it takes nobody (it stops, it is stuck, it is not there).
   * `crowd`: of those that are all busy, how many connections share them (`crowdOf`). `shares`: our connections, the heaviest first; asked for only if
   * something is to be done.
   */
  look(
    nowMs: number,
    { busy, crowd }: { readonly busy: ArrayLike<number>; readonly crowd: ArrayLike<number> },
    shares: () => readonly Share[],
  ): readonly Give[] {
    this.#nextLookMs = nowMs + LOOK_MS.least + this.#rng.next() * LOOK_MS.more
    this.#fade(nowMs)
    this.#busy.set(busy)
    this.#crowd.set(crowd)
    const to = this.#lessBusyOfTwo()
    const gap = to < 0 ? 0 : this.#gap(to)
    this.#acting = gap >= (this.#acting ? REST : BEGIN)
    return this.#acting ? this.#choose(nowMs, to, shares()) : []
  }

  /** Who is to have a connection that was just accepted: us, or a shard at random that is less busy, the likelier the greater the difference. */
  place(): number {
    const other = this.#another(-1)
    if (other < 0) return this.#shard
    const gap = this.#gap(other)
    return gap >= BEGIN && this.#rng.next() * this.#load(this.#shard) < gap ? other : this.#shard
  }

  /** A connection came from another shard. */
  came(fd: number, generation: number, nowMs: number): void {
    this.#settled.set(fd, { generation, atMs: nowMs + STAY_MS * (1 + this.#rng.next()) })
  }

  #choose(nowMs: number, to: number, shares: readonly Share[]): readonly Give[] {
    const gives: Give[] = []
    const whole = this.#whole(to)
    for (const { fd, generation, share } of shares) {
      const load = share * whole
      if (load < LEAST || gives.length === MOVES) break
      const gap = this.#gap(to)
      if (gap < REST) break
      if (load > FITS * gap || !this.#mayLeave(fd, generation, nowMs)) continue
      gives.push({ fd, generation, to })
      this.#given[this.#shard]! -= load
      this.#given[to]! += load
    }
    return gives
  }

  #mayLeave(fd: number, generation: number, nowMs: number): boolean {
    const settled = this.#settled.get(fd)
    return settled === undefined || settled.generation !== generation || nowMs >= settled.atMs
  }

  /** How much more we have to do than another; of one that is to have no load, nothing is known. */
  #gap(other: number): number {
    const me = this.#shard
    if (this.#busy[me] === Infinity) return 0
    const given = this.#given[me]! - this.#given[other]!
    return given + (this.#counts(other) ? 2 * this.#part(other) - 1 : this.#busy[me]! - this.#busy[other]!)
  }

  /** What all our connections together weigh in that difference. */
  #whole(other: number): number {
    return this.#counts(other) ? this.#part(other) : this.#busy[this.#shard]!
  }

  /** Do the connections tell more than the busy shares? We are all busy, the other is nearly so and no busier, and more share us. */
  #counts(other: number): boolean {
    const [mine, its] = [this.#busy[this.#shard]!, this.#busy[other]!]
    if (mine < FULL || its < CROWDED || its > mine + MEASURED) return false
    return this.#crowd[this.#shard]! > 0 && this.#crowd[other]! > 0 && 2 * this.#part(other) - 1 > mine - its
  }

  /** Of those who share the two of us, the part that shares us. */
  #part(other: number): number {
    const ours = this.#crowd[this.#shard]!
    return ours / (ours + this.#crowd[other]!)
  }

  #load(shard: number): number {
    return this.#busy[shard]! + this.#given[shard]!
  }

  #fade(nowMs: number): void {
    const left = Math.exp((this.#lookedMs - nowMs) / SMOOTHING_MS)
    this.#lookedMs = nowMs
    for (let i = 0; i < this.#given.length; i++) this.#given[i]! *= left
    for (const [fd, { atMs }] of this.#settled) if (nowMs >= atMs) this.#settled.delete(fd)
  }

  #lessBusyOfTwo(): number {
    const one = this.#another(-1)
    const two = one < 0 ? -1 : this.#another(one)
    if (two < 0) return one
    return this.#load(two) < this.#load(one) ? two : one
  }

  /** One of the others that take somebody, at random; -1: there is none. */
  #another(except: number): number {
    let chosen = -1
    let seen = 0
    for (let shard = 0; shard < this.#busy.length; shard++) {
      if (shard === this.#shard || shard === except || this.#busy[shard] === Infinity) continue
      if (this.#rng.below(++seen) === 0) chosen = shard
    }
    return chosen
  }
}
