import type { Cpu } from '../io/cpus.ts'

/**
 * Which CPU each shard stays on (`cores.pin`): first one of every physical core, by turns over the memory nodes, then the other threads of the cores; with more
 * shards than CPUs, from the beginning again. A shard that is pinned before it touches its memory gets that memory on its own node (first touch).
 * Returns a CPU per shard; none if the CPUs are not known.
 */
export function pinning(cpus: readonly Cpu[], shards: number): readonly number[] {
  const order = cpuOrder(cpus)
  if (order.length === 0) return []
  return Array.from({ length: shards }, (_, shard) => order[shard % order.length]!)
}

function cpuOrder(cpus: readonly Cpu[]): readonly number[] {
  /** By how many CPUs of its core come before it, then by how many of its node do among those. */
  const seenOfCore = new Map<number, number>()
  const ranked = cpus.map((cpu) => ({ cpu, thread: count(seenOfCore, cpu.core) }))
  const seenOfNode = new Map<string, number>()
  return ranked
    .map(({ cpu, thread }) => ({ id: cpu.id, thread, turn: count(seenOfNode, `${thread} ${cpu.node}`) }))
    .toSorted((a, b) => a.thread - b.thread || a.turn - b.turn || a.id - b.id)
    .map(({ id }) => id)
}

/** How often `key` was counted before. */
function count<K>(seen: Map<K, number>, key: K): number {
  const before = seen.get(key) ?? 0
  seen.set(key, before + 1)
  return before
}
