/** How far the busiest may be above the mean before anything is done, and below which it is done with. */
const ENTER = 1.15
const LEAVE = 1.05
/** Below this mean share of the time nobody is busy. */
const LEAST_BUSY = 0.05
/** How much of what is above the mean is taken off the share of new connections. */
const GAIN = 3
/** Nobody in service starves: a share of new connections that stays, and tells whether things changed. */
const FLOOR = 0.1
const CEILING = 2
/** Weight of the newest measurement. With `GAIN` · the movable part of the load it must stay below 2, or the loop would swing. */
const ALPHA = 0.25
/** A weight that moved less is not worth a new program. */
const LEAST_CHANGE = 0.1

/**
 * Shares of new connections by the time shards have: who is busier than the mean gets fewer, in proportion to how much; nobody gets none but who is not
 * in service. Proportional control of what only arrivals and departures move: where all connections cost alike it ends even, where some
 * stay for long it leans against them. Pure: measurements in, weights out.
 *
 * Laws (properties/steering.test.ts): weight 0 exactly for those not in service; converges; stands still when it has.
 */
export class Steering {
  /** By shard: what the kernel is to be told. */
  readonly weights: Float64Array
  readonly #busy: Float64Array
  readonly #isKnown: Uint8Array
  readonly #wanted: Float64Array
  #isLeaning = false

  constructor(size: number) {
    this.weights = new Float64Array(size)
    this.#wanted = new Float64Array(size)
    this.#busy = new Float64Array(size)
    this.#isKnown = new Uint8Array(size)
  }

  /** A measurement: the share of the time a shard was busy since the last one, 0…1. */
  measure(shard: number, busy: number): void {
    const alpha = this.#isKnown[shard] === 1 ? ALPHA : 1
    this.#busy[shard]! += alpha * (busy - this.#busy[shard]!)
    this.#isKnown[shard] = 1
  }

  /** A new life of a shard: what was measured of the one before is not of it. */
  forget(shard: number): void {
    this.#busy[shard] = 0
    this.#isKnown[shard] = 0
  }

  /** Work out the weights for those who serve. True if they are so different from those in force that the kernel should know. */
  decide(serving: readonly number[], byBusyTime: boolean): boolean {
    const wanted = this.#wanted
    wanted.fill(0)
    const mean = this.#lean(serving, byBusyTime)
    for (const shard of serving) {
      const above = mean === 0 ? 0 : this.#busy[shard]! / mean - 1
      wanted[shard] = Math.min(CEILING, Math.max(FLOOR, 1 - GAIN * above))
    }
    if (!this.#differs()) return false
    this.weights.set(wanted)
    return true
  }

  /** Everybody in service gets the same. */
  get isEven(): boolean {
    return this.weights.every((weight) => weight === 0 || weight === 1)
  }

  /** The mean to lean against; 0: all get the same. */
  #lean(serving: readonly number[], byBusyTime: boolean): number {
    let sum = 0
    let most = 0
    for (const shard of serving) {
      sum += this.#busy[shard]!
      most = Math.max(most, this.#busy[shard]!)
    }
    const mean = sum / Math.max(1, serving.length)
    const isWorth = byBusyTime && serving.length > 1 && mean >= LEAST_BUSY
    this.#isLeaning = isWorth && most > mean * (this.#isLeaning ? LEAVE : ENTER)
    return this.#isLeaning ? mean : 0
  }

  #differs(): boolean {
    for (let shard = 0; shard < this.#wanted.length; shard++) {
      const wanted = this.#wanted[shard]!
      const inForce = this.weights[shard]!
      if ((wanted === 0) !== (inForce === 0) || Math.abs(wanted - inForce) > LEAST_CHANGE) return true
    }
    return !this.#isLeaning && !this.isEven
  }
}
