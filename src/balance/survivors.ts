/**
 * For each endpoint of a new membership its index in the old one, -1 for a newcomer: what a policy learned about those that stay goes on
 * with them. Identities are as in `ClusterView.hashes`.
 */
export const survivorsOf = (before: Uint32Array, after: Uint32Array): Int32Array => {
  const at = new Map<number, number>()
  for (let i = 0; i < before.length; i++) at.set(before[i]!, i)
  const old = new Int32Array(after.length)
  for (let i = 0; i < after.length; i++) old[i] = at.get(after[i]!) ?? -1
  return old
}
