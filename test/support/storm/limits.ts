import { insist } from '../http-model/ledger.ts'
import type { SimShard } from '../sim-shard.ts'
import type { SimWorld } from '../sim/world.ts'
import type { Setting } from './scenario.ts'

/**
 * Watches every connect of every shard: when the step that made it is over (ops have run by then), the connections of all shards
 * together must be within the limits.
 */
export const connectionLimits = (
  world: SimWorld,
  shards: readonly SimShard[],
  inForce: () => readonly Setting[],
): void => {
  const check = (address: string): void => {
    const { perHost, total } = open(world, shards.length, address)
    const most = (limit: 'maxPerHost' | 'maxTotal'): number =>
      Math.max(...inForce().map(({ pool }) => (pool[limit] === 0 ? Infinity : pool[limit])))
    const [host, all] = [most('maxPerHost'), most('maxTotal')]
    insist('limits', perHost <= host, `${perHost} connections to ${address}, at most ${host} are allowed`)
    insist('limits', total <= all, `${total} connections to the cluster, at most ${all} are allowed`)
  }
  for (const { engine } of shards) {
    const connect = engine.connect.bind(engine)
    engine.connect = (address: string): number => {
      const fd = connect(address)
      if (fd >= 0) world.after(0, () => check(address))
      return fd
    }
  }
}

/** Connections made by `connect` that some shard still has a handle to. */
const open = (world: SimWorld, shards: number, address: string): { perHost: number; total: number } => {
  let perHost = 0
  let total = 0
  for (const connection of world.process.alive()) {
    if (connection.accepted || connection.owner.shard >= shards) continue
    total++
    if (connection.socket.name.startsWith(`${address}#`)) perHost++
  }
  return { perHost, total }
}
