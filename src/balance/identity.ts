import { hashPair, hashString } from '../base/hash.ts'
import type { Rng } from '../base/random.ts'
import type { ClusterView } from './view.ts'

/** `ClusterView.hashes` of an endpoint: of its address as connected to, the same on every shard, process and machine. 31 bits: never boxed. */
export const endpointHash = (address: string): number => hashString(address) >>> 1

/**
 * What hashing policies know endpoints by: their hashes, made distinct. Among thousands two addresses may share one (10,000: once in 40
 * fleets), and the second would never be found; it goes by another. Only who of two such is the second depends on the view's order.
 */
export const identitiesOf = (view: ClusterView): Uint32Array => {
  const identities = view.hashes.slice()
  const taken = new Set<number>()
  for (let i = 0; i < identities.length; i++) {
    for (let again = 1; taken.has(identities[i]!); again++) {
      identities[i] = hashPair(view.hashes[i]!, again)
    }
    taken.add(identities[i]!)
  }
  return identities
}

/** Indexes in the order of identity: what tables are built in, so that they do not depend on the order of the view. */
export const inOrder = (identities: Uint32Array): Int32Array => {
  const ascending = Uint32Array.from(identities).toSorted()
  const indexOf = new Map<number, number>()
  identities.forEach((identity, index) => indexOf.set(identity, index))
  return Int32Array.from(ascending, (identity) => indexOf.get(identity) ?? 0)
}

/** The key to pick by: the request's, or for one that has none (0) any; of 31 bits, which are never boxed. */
export const keyOrAny = (key: number, rng: Rng): number => (key === 0 ? 1 + rng.below(ANY_KEYS) : key)

const ANY_KEYS = 2 ** 31 - 1
