import type { ActorRef } from '../actor/rpc.ts'
import type { Fleet } from '../shm/fleet.ts'
import { Actors } from './actors.ts'
import { AdminSocket } from './admin-socket.ts'
import type { Capacity } from './capacity.ts'
import { Changes } from './changes.ts'
import { Crew } from './crew.ts'
import type { DiscoveryLink } from './discovery-link.ts'
import { Refusal } from './failure.ts'
import type { Loaded, Loader } from './load.ts'
import { Operators } from './operators.ts'
import { Orders } from './orders.ts'
import { Overseer } from './overseer.ts'
import type { ProgramContext } from './program-context.ts'
import type { MainControl, TelemetryControl } from './protocol.ts'
import { Publisher, bindProblem } from './publisher.ts'
import { Reclaimer } from './reclaim.ts'
import { TreeRunner } from './runner.ts'
import type { Succession } from './succession.ts'
import { limitsOf, treeOf } from './tree.ts'

/** The parts of a running program. */
export type Running = {
  readonly capacity: Capacity
  readonly publisher: Publisher
  readonly actors: Actors
  readonly tree: TreeRunner
  readonly changes: Changes
  readonly operators: Operators
  readonly orders: Orders
  readonly overseer: Overseer
  readonly admin: AdminSocket
  readonly fleet: Fleet
}

/** What the program itself brings. */
export type Assembly = Pick<MainControl, 'reload' | 'patch'> & {
  readonly loaded: Loaded
  readonly loader: Loader
  readonly discovery: DiscoveryLink
  readonly succession: Succession
  /** It runs: it neither starts nor drains, and nobody takes its place. */
  readonly ready: () => boolean
  readonly bringUpTelemetry: (telemetry: ActorRef<TelemetryControl>) => Promise<void>
  /** Something changed that the view shows. */
  readonly show: () => void
  /** Resolves when telemetry has seen it: whoever is answered may look at once. */
  readonly showNow: () => Promise<void>
}

/** Put the parts together. Nothing of it lives yet. They know one another in a circle, by functions that are called later. */
export function assemble(context: ProgramContext, assembly: Assembly): Running {
  const { timers, rng, say, provide, machineMs, watch } = context
  const { loader, succession, ready, show } = assembly
  const { config, snapshot } = assembly.loaded
  const { fleet, capacity } = provide(snapshot)
  const operators = new Operators(fleet, context)
  succession.restore({ fleet, operators, snapshot })
  const running = (): Running => parts
  const actors = actorsOf(context, assembly, { fleet, capacity }, running)
  const { sockets, held } = succession
  const publisher = new Publisher(actors, snapshot, say, {
    prepare: (next) => {
      operators.prepare(next)
      running().tree.configure(limitsOf(next.supervision))
    },
    sockets,
    held,
    closeFd: context.closeFd,
  })
  const limits = limitsOf(snapshot.supervision)
  const tree = new TreeRunner({ children: treeOf(snapshot.shards), limits }, actors, { timers, rng })
  const desired = () => publisher.desired()
  const line = (text: string): void => say(`weir: ${text}`)
  const orders = new Orders({ tree, actors, desired, ready, timers, rng, say: line })
  const overseer = new Overseer({
    fleet,
    watch,
    machineMs,
    supervision: () => desired().snapshot.supervision,
    children: () => tree.children(),
    kill: (id, why) => tree.kill(id, why),
    replace: async (id) => (await orders.restart(id)).ok,
    say: line,
  })
  const { duplicate, closeFd } = context
  const admin = new AdminSocket({ sockets, duplicate, closeFd, acceptor: () => actors.acceptor() })
  const moveAdmin = (address: string | undefined): Promise<void> =>
    bindAdmin(address, () => admin.move(address, actors.telemetry()))
  const crew = new Crew({ fleet, tree })
  const reclaimer = new Reclaimer(fleet)
  const changing = { loader, publisher, reclaimer, crew, timers, ready, moveAdmin, say, onChange: show }
  const changes = new Changes(changing, config)
  const parts: Running = {
    capacity,
    publisher,
    actors,
    tree,
    changes,
    operators,
    orders,
    overseer,
    admin,
    fleet,
  }
  return parts
}

function actorsOf(
  { urls, connections, say, timers }: ProgramContext,
  { discovery, succession, reload, patch, bringUpTelemetry, show, showNow }: Assembly,
  { fleet, capacity }: { readonly fleet: Fleet; readonly capacity: Capacity },
  running: () => Running,
): Actors {
  const { maxConnections } = capacity
  return new Actors({
    urls,
    fleet,
    connections,
    discovery,
    shardSeed: { fleet: fleet.handle, maxConnections, hashKey: succession.secrets.hashKey },
    desired: () => running().publisher.desired(),
    groups: () => [...running().publisher.groups(), ...running().admin.group()],
    main: {
      async restartShard(shard) {
        const result = await running().orders.restartShard(shard)
        await showNow()
        return result
      },
      restartShards: () => running().orders.restartShards(),
      fault: (actor, kind) => running().orders.fault(actor, kind),
      reload,
      patch,
    },
    say: (line) => say(`weir: ${line}`),
    timers,
    bringUpTelemetry,
    bringUpAcceptor: () => running().publisher.bringUp(),
    kill: (id, why) => running().tree.kill(id, why),
    onChange: show,
  })
}

export async function bindAdmin(address: string | undefined, bind: () => Promise<void>): Promise<void> {
  try {
    await bind()
  } catch (thrown) {
    throw new Refusal([await bindProblem('admin', address ?? '', thrown)])
  }
}
