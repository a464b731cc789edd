import type { ChildSpec, RestartLimits } from '../actor/child.ts'
import type { SupervisionSpec } from '../config/lifecycle.ts'

/**
 * The tree as data. Started from the left, stopped from the right; of the shards none waits for another.
 *
 * ```text
 *  master ── data plane: main ─┬─ 0 acceptor    what its death means is said below
 *                              ├─ 1 telemetry
 *                              ├─ 2 health, discovery
 *                              └─ 3 shard 0…N-1
 * ```
 *
 * All is one-for-one: what an actor knows that others need stands in shared memory or is the process's, and outlives it, so nobody has to be
 * ended because another was.
 */
const ACTORS = {
  acceptor: {
    stage: 0,
    death:
      'its sockets are the process’s and stay open, steering stays as it was; a successor is handed their numbers. No request fails',
  },
  telemetry: {
    stage: 1,
    death: 'counters and rings go on in shared memory, a successor reads on. No request fails',
  },
  health: {
    stage: 2,
    death:
      'its verdicts stand in shared memory, the shards go on by them; a successor reads them and goes on. No request fails',
  },
  discovery: {
    stage: 2,
    death: 'the last answers stand, main keeps them; a successor asks for all names anew. No request fails',
  },
} as const

const SHARDS = {
  stage: 3,
  death:
    'others serve its sockets at once and inherit its connections; what was in mid-response is reset; its gauges are zeroed; a successor takes its place',
  lastDeath:
    'nobody else serves now: new connections wait for its successor, which inherits the others; what was in mid-response is reset; its gauges are zeroed',
} as const

type NamedActor = keyof typeof ACTORS
export type ActorId = NamedActor | `shard ${number}`

const NAMED = Object.keys(ACTORS) as readonly NamedActor[]

export function treeOf(shards: number): readonly ChildSpec[] {
  const named = NAMED.map((id) => childOf(id, ACTORS[id].stage))
  return [...named, ...Array.from({ length: shards }, (_, shard) => shardSpec(shard))]
}

export function shardSpec(shard: number): ChildSpec {
  return childOf(shardId(shard), SHARDS.stage)
}

/** What the death of an actor means, for people. `alone`: no other shard is in service. */
export function meaningOf(id: string, alone: boolean): string {
  if (NAMED.some((name) => name === id)) return ACTORS[id as NamedActor].death
  return alone ? SHARDS.lastDeath : SHARDS.death
}

export function limitsOf({ maxRestarts, withinMs, backoff }: SupervisionSpec): RestartLimits {
  return { maxRestarts, withinMs, backoff }
}

export function shardId(shard: number): ActorId {
  return `shard ${shard}`
}

/** The index of a shard; -1 for another actor. */
export function shardOf(id: string): number {
  return id.startsWith('shard ') ? Number(id.slice('shard '.length)) : -1
}

function childOf(id: ActorId, stage: number): ChildSpec {
  return { id, stage, restart: 'permanent', group: 'actors' }
}
