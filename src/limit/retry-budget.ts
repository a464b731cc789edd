import { RETRY_WINDOW, RETRY_WORDS } from '../shm/layout.ts'

const { slots: SLOTS, words: WORDS, second: SECOND, requests: REQUESTS, retries: RETRIES } = RETRY_WINDOW

/** How many tries beyond the first a cluster may have: a share of its requests of the last ten seconds, and so many a second besides. */
export type RetryAllowance = { readonly ratio: number; readonly perSecond: number }

/**
 * Retries and hedges as a share of requests over all shards together (Finagle's budget: 20 % and 10/s over 10 s), without a lock: each
 * shard counts into its own windows, ten seconds of a second each; a claim adds to its own first and counts as granted only
 * if the sum over all shards, read afterwards, is within the allowance. The proof is that of `shm/claim.ts`: of the claims held
 * at some moment the one added last saw all the others.
 *
 * Requests are counted by plain stores: who reads one too few allows a retry too few. Seconds outside of the last ten, those of a clock
 * that jumped back included, count for nothing; so a jump costs at most the windows it left behind.
 */
export class RetryBudget {
  readonly #stripes: readonly Int32Array[]
  readonly #own: Int32Array
  /** Where the last claim was counted. */
  #claimed = -1

  /** `stripes`: `Stripe.retries` of every shard. Writer of the own one: this shard. */
  constructor(stripes: readonly Int32Array[], shard: number) {
    this.#stripes = stripes
    this.#own = stripes[shard]!
  }

  /** A request begins. */
  request(cluster: number, nowMs: number): void {
    this.#own[this.#slot(cluster, secondOf(nowMs)) + REQUESTS]!++
  }

  /** Leave for one more try of some request, now. */
  claim(cluster: number, nowMs: number, { ratio, perSecond }: RetryAllowance): boolean {
    const second = secondOf(nowMs)
    const at = this.#slot(cluster, second) + RETRIES
    Atomics.add(this.#own, at, 1)
    const requests = sumOf(this.#stripes, cluster, second, REQUESTS)
    if (sumOf(this.#stripes, cluster, second, RETRIES) <= ratio * requests + perSecond * SLOTS) {
      this.#claimed = at
      return true
    }
    Atomics.sub(this.#own, at, 1)
    return false
  }

  /** The claim just granted is not used after all. */
  giveBack(): void {
    Atomics.sub(this.#own, this.#claimed, 1)
  }

  /** Where the shard's own window of `second` lies, turned over to it if it is not yet. */
  #slot(cluster: number, second: number): number {
    const own = this.#own
    const at = cluster * RETRY_WORDS + (second % SLOTS) * WORDS
    if (own[at] === second) return at
    Atomics.store(own, at + SECOND, 0) // whoever reads from here on reads nothing, or the new second
    Atomics.store(own, at + REQUESTS, 0)
    Atomics.store(own, at + RETRIES, 0)
    Atomics.store(own, at + SECOND, second)
    return at
  }
}

/** Of a column over all windows within the ten seconds up to `second`. */
const sumOf = (stripes: readonly Int32Array[], cluster: number, second: number, column: number): number => {
  const start = cluster * RETRY_WORDS
  let sum = 0
  for (let i = 0; i < stripes.length; i++) {
    const words = stripes[i]!
    for (let at = start; at < start + SLOTS * WORDS; at += WORDS) {
      const age = second - Atomics.load(words, at + SECOND)
      if (age >= 0 && age < SLOTS) sum += Atomics.load(words, at + column)
    }
  }
  return sum
}

/** What the budget of a cluster stands at, for whoever only looks: tries beyond the first of the last ten seconds, and how many are allowed in all. */
export const retryUsage = (
  stripes: readonly Int32Array[],
  cluster: number,
  nowMs: number,
  { ratio, perSecond }: RetryAllowance,
): { readonly used: number; readonly allowed: number } => {
  const second = secondOf(nowMs)
  const allowed = ratio * sumOf(stripes, cluster, second, REQUESTS) + perSecond * SLOTS
  return { used: sumOf(stripes, cluster, second, RETRIES), allowed }
}

/** From 1 on: 0 says that a window holds nothing. */
const secondOf = (nowMs: number): number => Math.max(1, Math.floor(nowMs / 1000))
