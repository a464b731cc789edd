import { hashPair } from '../base/hash.ts'
import { mix32 } from '../base/random.ts'
import type { Rng } from '../base/random.ts'
import { identitiesOf, inOrder, keyOrAny } from './identity.ts'
import type { OptionsOf } from './options.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import { TurnQueue } from './turn-queue.ts'
import type { ClusterView } from './view.ts'

const FREE = -1

/**
 * Maglev hashing (D. Eisenbud et al., NSDI 2016, §3.4): a table of places, which the endpoints take in turns, each in an order of its own;
 * a key is one load. Turns come in proportion to weight: the k-th of an endpoint is due at k / weight, so each has a place at least, and
 * beyond these a share within one place of its due. When an endpoint goes its keys move, and a few of the others' too:
 * `properties/balance-hash.test.ts` holds the bound.
 */
export class Maglev implements Policy {
  readonly followsKey = true
  readonly reads = 'noted'
  readonly #leastSize: number
  #table: Int32Array = new Int32Array(0)

  constructor({ tableSize }: Pick<OptionsOf<'maglev'>, 'tableSize'>) {
    this.#leastSize = tableSize
  }

  rebuild(view: ClusterView): void {
    const size = primeFrom(Math.max(this.#leastSize, view.size))
    if (this.#table.length !== size) this.#table = new Int32Array(size)
    this.#table.fill(FREE)
    if (view.size > 0) this.#fill(view)
  }

  #fill(view: ClusterView): void {
    const table = this.#table
    const size = table.length
    const identities = identitiesOf(view)
    const turns = new TurnQueue(inOrder(identities), view.baseWeights)
    const places = Int32Array.from(identities, (identity) => (hashPair(identity, 1) >>> 0) % size)
    const strides = Int32Array.from(
      identities,
      (identity) => ((hashPair(identity, 2) >>> 0) % (size - 1)) + 1,
    )
    for (let taken = 0; taken < size; taken++) {
      const index = turns.next()
      const stride = strides[index]!
      let place = places[index]!
      while (table[place] !== FREE) {
        place += stride
        if (place >= size) place -= size
      }
      table[place] = index
      places[index] = place
    }
  }

  pick(view: ClusterView, key: number, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    const index = this.#table[this.#placeOf(keyOrAny(key, rng))]!
    view.considered.note(index, 0)
    return index
  }

  #placeOf(key: number): number {
    return (mix32(key) >>> 0) % this.#table.length
  }

  /** Of a key: certain. Of no key: its share of the table. */
  propensity(_view: ClusterView, key: number, index: number): number {
    if (key !== 0) return this.#table[this.#placeOf(key)] === index ? 1 : 0
    let places = 0
    for (const owner of this.#table) if (owner === index) places++
    return places / this.#table.length
  }
}

/** The least prime from `least` up: strides reach every place of no other size. */
const primeFrom = (least: number): number => {
  for (let n = Math.max(3, least); ; n++) if (isPrime(n)) return n
}

const isPrime = (n: number): boolean => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return true
}
