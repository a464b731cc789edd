import { sumGauge } from '../../../src/shm/fleet.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import { GAUGE } from '../../../src/shm/layout.ts'
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

/**
 * Looks at the gauges again and again: exchanges under way, as the recorders count them, must be within the limits. A try more per hedge counts
 * in the cluster, and a limit that was lowered holds for those who come in from then on.
 */
export const exchangeLimits = (
  world: SimWorld,
  fleet: Fleet,
  settings: readonly Setting[],
  over: () => boolean,
): void => {
  const most = (of: (setting: Setting) => number): number =>
    Math.max(...settings.map(of).map((limit) => limit || Infinity))
  const hedges = Math.max(...settings.map(({ hedge }) => hedge?.attempts ?? 0))
  const inCluster = most(({ limits }) => limits.inFlight) * (1 + hedges)
  const atEndpoint = most(({ limits }) => limits.inFlightPerEndpoint)
  const look = (): void => {
    const cluster = sumGauge(fleet, 'clusterGauges', 0, GAUGE.inFlight)
    insist(
      'limits',
      cluster <= inCluster,
      `${cluster} exchanges in the cluster, at most ${inCluster} are allowed`,
    )
    for (let endpoint = 0; endpoint < fleet.shape.endpoints; endpoint++) {
      const count = sumGauge(fleet, 'endpointGauges', endpoint, GAUGE.inFlight)
      insist(
        'limits',
        count <= atEndpoint,
        `${count} exchanges at endpoint ${endpoint}, at most ${atEndpoint} are allowed`,
      )
    }
    if (!over()) world.after(LOOK_MS, look)
  }
  if (Math.min(inCluster, atEndpoint) < Infinity) world.after(LOOK_MS, look)
}

const LOOK_MS = 7

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
