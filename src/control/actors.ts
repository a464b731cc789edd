import { MessageChannel } from 'node:worker_threads'
import { codeOf, messageOf } from '../actor/errors.ts'
import { exposeActor } from '../actor/rpc.ts'
import type { ActorRef } from '../actor/rpc.ts'
import { withoutSecrets } from '../config/secrets.ts'
import { ENGINE_STATS } from '../io/engine.ts'
import type { Connections, ListenerGroup } from '../io/engine.ts'
import { allocateEngineMemory } from '../io/engine-memory.ts'
import { Reactor } from '../io/reactor.ts'
import { startThread } from '../io/thread.ts'
import type { Thread } from '../io/thread.ts'
import type { ShardControl, ShardSeed } from '../proxy/control.ts'
import { ENGINE_OPTIONS, SHARD_REACTOR } from '../proxy/shard.ts'
import { zeroStripe } from '../shm/fleet.ts'
import type { Fleet } from '../shm/fleet.ts'
import type { DiscoveryLink } from './discovery-link.ts'
import type {
  AcceptorControl,
  HealthControl,
  HealthSeed,
  MainControl,
  TelemetryControl,
  TelemetrySeed,
} from './protocol.ts'
import type { Keeper, Life } from './runner.ts'
import { ShardLink } from './shard-link.ts'
import type { Desired } from './shard-link.ts'
import { shardOf } from './tree.ts'

/** Doors of the actors, started by URL. */
export type ActorUrls = {
  readonly acceptor: URL
  readonly telemetry: URL
  readonly health: URL
  readonly discovery: URL
  readonly shard: URL
}

export type ActorsContext = {
  readonly urls: ActorUrls
  readonly fleet: Fleet
  readonly connections: Connections
  /** What all shards are given. */
  readonly shardSeed: Omit<ShardSeed, 'shard' | 'memory'>
  /** What the actors are to do now; read again for every new life. */
  readonly desired: () => Desired
  readonly main: MainControl
  readonly discovery: DiscoveryLink
  /** For the log. */
  readonly say: (line: string) => void
  /** First and every later life of telemetry: show it the view, have it serve where the admin API was. */
  readonly bringUpTelemetry: (telemetry: ActorRef<TelemetryControl>) => Promise<void>
  /** Every group of listening sockets the process holds. */
  readonly groups: () => readonly ListenerGroup[]
  /** First life of the acceptor: open what is configured. Later ones: catch up. */
  readonly bringUpAcceptor: () => Promise<void>
  readonly onChange: () => void
}

const FAREWELL_MS = 3000
/** The health actor that does not look at a snapshot for this long is late; the shards do not wait for it. */
const HEALTH_MS = 2000
/** What of the engine's counters is not history: its successor begins with none. */
const ENGINE_GAUGES = ['open', 'queuedBytes'] as const

/**
 * The living actors: what each life is given at birth and what is done behind it. Main keeps what must survive them, and the
 * numbers of the listening sockets first of all.
 */
export class Actors implements Keeper {
  readonly #context: ActorsContext
  readonly #links = new Map<number, ShardLink>()
  readonly #up = new Set<number>()
  #acceptor: ActorRef<AcceptorControl> | undefined
  #telemetry: ActorRef<TelemetryControl> | undefined
  #health: ActorRef<HealthControl> | undefined
  readonly #terminators = new Map<string, () => void>()
  /** A steering program was ever attached: from then on it must be kept in step. */
  #steered = false

  constructor(context: ActorsContext) {
    this.#context = context
  }

  /** Throws while it is being restarted. */
  acceptor(): ActorRef<AcceptorControl> {
    return present(this.#acceptor, 'the acceptor')
  }

  telemetry(): ActorRef<TelemetryControl> {
    return present(this.#telemetry, 'telemetry')
  }

  telemetryIfUp(): ActorRef<TelemetryControl> | undefined {
    return this.#telemetry
  }

  /** Shards that are in service. */
  shards(): readonly ShardLink[] {
    return [...this.#up].flatMap((shard) => this.#links.get(shard) ?? [])
  }

  /** Bring the health actor, then every living shard to what is desired: who is new and has to warm up is known before he can be picked. A shard that is stuck is ended (its successor will know); one that died needs nothing. */
  async sync(): Promise<void> {
    await this.#tellHealth()
    const turns = [...this.#links].map(async ([shard, link]) => {
      try {
        await link.sync(this.#context.desired)
      } catch (thrown) {
        if (codeOf(thrown) === 'WEIR_ACTOR_DIED') return
        this.#context.say(`shard ${shard} is ended: ${messageOf(thrown)}`)
        this.#terminators.get(`shard ${shard}`)?.()
      }
    })
    await Promise.all(turns)
  }

  /** New connections go to the shards in service. Until one was ever lost the kernel's own hash does that. */
  async steer(): Promise<void> {
    if (!this.#steered || this.#up.size === 0) return
    for (const { group } of this.#context.desired().bindings) {
      if (group.fds.length === 1) continue
      const weights = group.fds.map((_, shard) => (this.#up.has(shard) ? 1 : 0))
      try {
        await this.acceptor().call.steer(group, weights)
      } catch (thrown) {
        this.#context.say(`steering ${group.address}: ${messageOf(thrown)}`)
      }
    }
  }

  spawn(id: string): Life {
    const thread = this.#start(id)
    this.#terminators.set(id, thread.terminate)
    return thread
  }

  async bringUp(id: string): Promise<void> {
    const shard = shardOf(id)
    if (shard >= 0) return this.#bringUpShard(shard)
    const { groups, bringUpAcceptor, bringUpTelemetry } = this.#context
    if (id === 'telemetry') return bringUpTelemetry(this.telemetry())
    if (id === 'health') return this.#bringUpHealth()
    if (id === 'discovery') return this.#context.discovery.bringUp(this.#context.fleet.handle)
    await this.acceptor().call.adopt(groups())
    await bringUpAcceptor()
    await this.steer()
  }

  onEnded(id: string, reason: string, expected: boolean): void {
    if (!expected) this.#context.say(`${id} ended unexpectedly: ${reason}`)
    this.#terminators.delete(id)
    if (id === 'acceptor') this.#acceptor = undefined
    if (id === 'telemetry') this.#telemetry = undefined
    if (id === 'health') this.#health = undefined
    if (id === 'discovery') this.#context.discovery.onEnded()
    const shard = shardOf(id)
    if (shard >= 0) this.#buryShard(shard, expected)
  }

  async farewell(id: string): Promise<void> {
    if (id === 'telemetry')
      await this.telemetry()
        .within(FAREWELL_MS)
        .stop(FAREWELL_MS / 2)
    if (id === 'health') await this.#health?.within(FAREWELL_MS).stop()
  }

  onRestartIn(id: string, delayMs: number): void {
    this.#context.say(`${id} restarts in ${Math.ceil(delayMs)} ms`)
  }

  onChange(): void {
    this.#context.onChange()
  }

  #start(id: string): Thread<object> {
    const { urls, fleet } = this.#context
    const shard = shardOf(id)
    if (shard >= 0) {
      const seed: ShardSeed = {
        ...this.#context.shardSeed,
        shard,
        memory: allocateEngineMemory({ ...ENGINE_OPTIONS, ownBytes: Reactor.ownBytes(SHARD_REACTOR) }),
      }
      const thread = startThread<ShardControl>({ name: id, url: urls.shard, seed })
      this.#links.set(shard, new ShardLink(thread.ref, shard))
      return thread
    }
    if (id === 'telemetry') return this.#startTelemetry()
    if (id === 'health') return this.#startHealth()
    if (id === 'discovery') return this.#context.discovery.spawn()
    const thread = startThread<AcceptorControl>({
      name: id,
      url: urls.acceptor,
      seed: { fleet: fleet.handle },
    })
    this.#acceptor = thread.ref
    return thread
  }

  #startTelemetry(): Thread<TelemetryControl> {
    const { urls, fleet, main } = this.#context
    const { port1, port2 } = new MessageChannel()
    exposeActor(port1, 'main', main)
    port1.unref()
    const seed: TelemetrySeed = { fleet: fleet.handle, main: port2 }
    const url = urls.telemetry
    const thread = startThread<TelemetryControl>({ name: 'telemetry', url, seed, transfer: [port2] })
    this.#telemetry = thread.ref
    return thread
  }

  #startHealth(): Thread<HealthControl> {
    const { urls, fleet } = this.#context
    const seed: HealthSeed = { fleet: fleet.handle }
    const thread = startThread<HealthControl>({ name: 'health', url: urls.health, seed })
    this.#health = thread.ref
    return thread
  }

  async #bringUpHealth(): Promise<void> {
    await this.#health?.call.apply(withoutSecrets(this.#context.desired().snapshot))
  }

  async #tellHealth(): Promise<void> {
    try {
      await this.#health?.within(HEALTH_MS).apply(withoutSecrets(this.#context.desired().snapshot))
    } catch (thrown) {
      if (codeOf(thrown) !== 'WEIR_ACTOR_DIED') this.#context.say(`health: ${messageOf(thrown)}`)
    }
  }

  async #bringUpShard(shard: number): Promise<void> {
    await this.#links.get(shard)?.sync(this.#context.desired)
    this.#up.add(shard)
    await this.steer()
  }

  /** Its thread is gone, so nobody but us touches what it left: its sockets are reset, its gauges zeroed. */
  #buryShard(shard: number, expected: boolean): void {
    const { connections, fleet, say } = this.#context
    this.#links.delete(shard)
    this.#up.delete(shard)
    if (!expected) {
      this.#steered = true
      void this.steer()
    }
    const lost = connections.resetOwned(shard)
    if (lost > 0 && !expected) say(`shard ${shard} left ${lost} connections: reset`)
    zeroStripe(fleet, shard)
    const { engine } = fleet.stripe(shard)
    for (const gauge of ENGINE_GAUGES) engine[ENGINE_STATS.indexOf(gauge)] = 0
  }
}

function present<T>(actor: T | undefined, name: string): T {
  if (actor === undefined)
    throw Object.assign(new Error(`${name} is being restarted`), { code: 'WEIR_ACTOR_DIED' })
  return actor
}
