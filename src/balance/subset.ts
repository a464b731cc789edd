import { hashPair } from '../base/hash.ts'

export type SubsetMember = {
  /** `endpointHash(address)`. */
  readonly hash: number
  readonly priority: number
}

/**
 * Deterministic subsetting: the endpoints that this proxy uses, `size` of every priority (so that none is left without its backups), as ascending
 * indexes; all if `size` is 0. They are the first by rendezvous with `seed` (an integer; gRPC A68): when an endpoint comes or goes, at most
 * one of the subset changes; over proxies with different seeds each endpoint is used alike.
 */
export const subsetOf = (
  members: readonly SubsetMember[],
  { size, seed }: { readonly size: number; readonly seed: number },
): readonly number[] => {
  const indexes = members.map((_, index) => index)
  if (size === 0) return indexes
  const mixed = hashPair(seed % 2 ** 32, Math.floor(seed / 2 ** 32))
  const draws = members.map(({ hash }) => hashPair(hash, mixed))
  const byPriority = Map.groupBy(indexes, (index) => members[index]!.priority)
  const chosen = [...byPriority.values()].flatMap((level) =>
    level.toSorted((a, b) => draws[a]! - draws[b]! || a - b).slice(0, size),
  )
  return chosen.toSorted((a, b) => a - b)
}
