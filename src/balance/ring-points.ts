import { hashPair } from '../base/hash.ts'
import { inOrder } from './identity.ts'

/** Who is on a ring: identities, distinct, and how many points each has. */
export type RingFleet = { readonly identities: Uint32Array; readonly counts: Int32Array }

/** The points of a ring, ascending, and whose they are; equal points stand in the order of identity. */
export type RingPoints = { readonly hashes: Uint32Array; readonly owners: Int32Array }

/** Points changed, beyond 1 of so many, that are better laid anew with all. */
const LAY_ANEW = 4
const RANKS = 2 ** 20

/** All points anew: a counting sort by the leading bits, then each bucket by hand. */
export const layPoints = ({ identities, counts }: RingFleet): RingPoints => {
  const size = sumOf(counts)
  const shift = Math.min(31, Math.clz32(Math.max(1, size - 1)))
  const starts = new Int32Array(((2 ** 31) >>> (shift - 1)) + 1)
  const hashes = new Uint32Array(size)
  const owners = new Int32Array(size)
  let at = 0
  for (const index of inOrder(identities)) {
    const identity = identities[index]!
    for (let point = 0; point < counts[index]!; point++, at++) {
      const hash = hashPair(identity, point) >>> 0
      hashes[at] = hash
      owners[at] = index
      starts[(hash >>> shift) + 1]!++
    }
  }
  for (let bucket = 1; bucket < starts.length; bucket++) starts[bucket]! += starts[bucket - 1]!
  const ends = starts.slice()
  const sorted = { hashes: new Uint32Array(size), owners: new Int32Array(size) }
  for (let from = 0; from < size; from++) {
    const bucket = hashes[from]! >>> shift
    let to = ends[bucket]!++
    for (; to > starts[bucket]! && sorted.hashes[to - 1]! > hashes[from]!; to--) {
      sorted.hashes[to] = sorted.hashes[to - 1]!
      sorted.owners[to] = sorted.owners[to - 1]!
    }
    sorted.hashes[to] = hashes[from]!
    sorted.owners[to] = owners[from]!
  }
  return sorted
}

/** The points of `after`, made from those of `before`: the same as `layPoints(after)`, in one pass over memory if few endpoints changed. */
export const changePoints = (points: RingPoints, before: RingFleet, after: RingFleet): RingPoints => {
  const indexBefore = new Map<number, number>()
  before.identities.forEach((identity, index) => indexBefore.set(identity, index))
  const kept = new Int32Array(before.identities.length).fill(-1)
  const fresh: number[] = []
  let stays = 0
  after.identities.forEach((identity, index) => {
    const was = indexBefore.get(identity)
    if (was !== undefined && before.counts[was] === after.counts[index]) {
      kept[was] = index
      stays += after.counts[index]!
    } else fresh.push(index)
  })
  const changed = points.hashes.length - stays + sumOf(after.counts) - stays
  if (changed * LAY_ANEW > stays) return layPoints(after)
  return merge(points, kept, freshPoints(after, fresh), after)
}

/** Points of the endpoints that came. */
const freshPoints = ({ identities, counts }: RingFleet, indexes: readonly number[]): RingPoints => {
  const ranked = indexes.toSorted((a, b) => identities[a]! - identities[b]!)
  const keys: number[] = []
  ranked.forEach((index, rank) => {
    for (let point = 0; point < counts[index]!; point++) {
      keys.push((hashPair(identities[index]!, point) >>> 0) * RANKS + rank)
    }
  })
  const sorted = Float64Array.from(keys).toSorted()
  return {
    hashes: Uint32Array.from(sorted, (key) => Math.floor(key / RANKS)),
    owners: Int32Array.from(sorted, (key) => ranked[key % RANKS]!),
  }
}

/** Old points of those who are kept (old index → new, or -1) and fresh ones, in order. */
const merge = (old: RingPoints, kept: Int32Array, fresh: RingPoints, after: RingFleet): RingPoints => {
  const { identities } = after
  const size = sumOf(after.counts)
  const hashes = new Uint32Array(size)
  const owners = new Int32Array(size)
  const freshAt = (at: number): number => (at < fresh.hashes.length ? fresh.hashes[at]! : Infinity)
  let to = 0
  let next = 0
  let nextHash = freshAt(0)
  for (let from = 0; from < old.hashes.length; from++) {
    const owner = kept[old.owners[from]!]!
    if (owner < 0) continue
    const hash = old.hashes[from]!
    while (nextHash <= hash) {
      if (nextHash === hash && identities[fresh.owners[next]!]! > identities[owner]!) break
      hashes[to] = nextHash
      owners[to++] = fresh.owners[next]!
      nextHash = freshAt(++next)
    }
    hashes[to] = hash
    owners[to++] = owner
  }
  hashes.set(fresh.hashes.subarray(next), to)
  owners.set(fresh.owners.subarray(next), to)
  return { hashes, owners }
}

const sumOf = (counts: Int32Array): number => counts.reduce((sum, count) => sum + count, 0)
