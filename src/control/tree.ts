import { DEFAULT_BACKOFF } from '../actor/child.ts'
import type { ChildSpec } from '../actor/child.ts'

/**
 * The tree as data. Started from the left, stopped from the right; of the shards none waits for another.
 *
 * ```text
 *  main ─┬─ 0 acceptor    dies: its sockets are the process's and outlive it; its successor is handed their numbers
 *        ├─ 1 telemetry   dies: counters and rings go on in shared memory; its successor reads on
 *        ├─ 2 health      dies: its verdicts stand in shared memory, the shards go on by them; its successor reads them and goes on
 *        └─ 3 shard 0…N-1 dies: new connections go to the others, its own are reset and its gauges zeroed, then it comes back
 * ```
 */
export type ActorId = 'acceptor' | 'telemetry' | 'health' | `shard ${number}`

export function treeOf(shards: number): readonly ChildSpec[] {
  const child = (id: ActorId, stage: number): ChildSpec => ({ id, stage, backoff: DEFAULT_BACKOFF })
  const workers = Array.from({ length: shards }, (_, shard) => child(shardId(shard), 3))
  return [child('acceptor', 0), child('telemetry', 1), child('health', 2), ...workers]
}

export function shardId(shard: number): ActorId {
  return `shard ${shard}`
}

/** The index of a shard; -1 for another actor. */
export function shardOf(id: string): number {
  return id.startsWith('shard ') ? Number(id.slice('shard '.length)) : -1
}
