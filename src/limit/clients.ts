import { halfSipHash } from '../base/siphash.ts'
import type { Fleet } from '../shm/fleet.ts'
import { CLIENT_KEY_WORDS, ClientKey, IPV6_PREFIX } from './client-key.ts'

/** Who counts as one client of which listener. `ipv6Prefix`: bits of an IPv6 address that tell clients apart, `IPV6_PREFIX` if not given. */
export type ClientOf = { readonly listener: number; readonly ip: string; readonly ipv6Prefix?: number }

/** A secret of the process, the same in all shards: 64 random bits as two int32. */
export type HashKey = readonly [number, number]

/**
 * Connections per client over all shards, in bounded memory whatever the number of clients: a count-min sketch (G. Cormode,
 * S. Muthukrishnan, 2005) of two rows, striped per shard so that each word has a single writer, all Atomics.
 *
 * Laws: a client's count is never too low, since its two buckets count it and perhaps others, so its limit holds (by the argument of
 * `shm/claim.ts`, bucket by bucket). It is too high by e only if both buckets hold e others: with N connections open and B buckets the
 * expected excess of a row is N / B, and the lesser of two rows counts. A client can aim for another's buckets only with the key.
 * A dead shard's stripe is zeroed by `zeroStripe`.
 */
export class ClientCounts {
  readonly #fleet: Fleet
  readonly #stripes: readonly Int32Array[]
  readonly #own: Int32Array
  readonly #buckets: number
  readonly #hashKey: HashKey
  readonly #key = new ClientKey()
  readonly #message = new Int32Array(1 + CLIENT_KEY_WORDS)
  /** Of the client looked up last. */
  #first = 0
  #second = 0

  constructor(fleet: Fleet, shard: number, hashKey: HashKey) {
    const { clientBuckets } = fleet.shape
    if (clientBuckets < 1 || clientBuckets > 65_536) throw new RangeError('clientBuckets must be 1…65,536')
    this.#fleet = fleet
    this.#stripes = fleet.stripes.map((stripe) => stripe.clients)
    this.#own = fleet.stripe(shard).clients
    this.#buckets = clientBuckets
    this.#hashKey = hashKey
  }

  /**
   * Count a connection unless `max` are open (0: no limit, but counted, so that a reload may set one). The same client, its prefix included,
   * is owed to `close`.
   */
  tryOpen(client: ClientOf, max: number): boolean {
    this.#locate(client)
    Atomics.add(this.#own, this.#first, 1)
    Atomics.add(this.#own, this.#second, 1)
    if (max === 0 || this.#estimate() <= max) return true
    this.#subtract()
    return false
  }

  /** A connection that was counted by this shard is closed. */
  close(client: ClientOf): void {
    this.#locate(client)
    this.#subtract()
  }

  /** Connections of a client, at least. */
  count(client: ClientOf): number {
    this.#locate(client)
    return this.#estimate()
  }

  /**
   * A number for the client, the same on all shards: an int32 nobody can aim for without the key. Of n others, one has the same by chance
   * with a probability of n / 2³².
   */
  idOf(client: ClientOf): number {
    return this.#hash(client) | 0
  }

  #subtract(): void {
    Atomics.sub(this.#own, this.#first, 1)
    Atomics.sub(this.#own, this.#second, 1)
  }

  #locate(client: ClientOf): void {
    const hash = this.#hash(client)
    this.#first = hash & (this.#buckets - 1)
    this.#second = this.#buckets + ((hash >>> 16) & (this.#buckets - 1))
  }

  #hash({ listener, ip, ipv6Prefix = IPV6_PREFIX }: ClientOf): number {
    this.#key.set(ip, ipv6Prefix)
    this.#message[0] = listener
    this.#message.set(this.#key.words, 1)
    return halfSipHash(this.#message, this.#message.length, this.#hashKey[0], this.#hashKey[1])
  }

  #estimate(): number {
    let first = 0
    let second = 0
    const shards = this.#fleet.shardCount
    for (let i = 0; i < shards; i++) {
      const stripe = this.#stripes[i]!
      first += Atomics.load(stripe, this.#first)
      second += Atomics.load(stripe, this.#second)
    }
    return Math.min(first, second)
  }
}
