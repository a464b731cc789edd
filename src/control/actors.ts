import { MessageChannel } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { EndReason } from '../actor/news.ts'
import { codeOf, messageOf } from '../actor/errors.ts'
import type { Timers } from '../actor/timers.ts'
import { exposeActor } from '../actor/rpc.ts'
import type { ActorRef } from '../actor/rpc.ts'
import { withoutSecrets } from '../config/secrets.ts'
import type { Connections, ListenerGroup } from '../io/engine.ts'
import { startThread } from '../io/thread.ts'
import type { Thread } from '../io/thread.ts'
import type { FaultKind, ShardSeed } from '../proxy/control.ts'
import type { Fleet } from '../shm/fleet.ts'
import type { OtherActor } from '../shm/layout.ts'
import { VITAL } from '../shm/vitals.ts'
import type { DiscoveryLink } from './discovery-link.ts'
import type {
  AcceptorControl,
  AcceptorSeed,
  HealthControl,
  HealthSeed,
  MainControl,
  TelemetryControl,
  TelemetrySeed,
  WatchControl,
} from './protocol.ts'
import type { Keeper, Life } from './runner.ts'
import type { Desired, ShardLink } from './shard-link.ts'
import { Shards } from './shards.ts'
import { meaningOf, shardOf } from './tree.ts'

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
  readonly timers: Timers
  /** First and every later life of telemetry: show it the view, have it serve where the admin API was. */
  readonly bringUpTelemetry: (telemetry: ActorRef<TelemetryControl>) => Promise<void>
  /** Every group of listening sockets the process holds. */
  readonly groups: () => readonly ListenerGroup[]
  /** First life of the acceptor: open what is configured. Later ones: catch up. */
  readonly bringUpAcceptor: () => Promise<void>
  /** End a life at once: to the supervisor it died. */
  readonly kill: (id: string, why: string) => void
  readonly onChange: () => void
}

const FAREWELL_MS = 3000
/** The health actor that does not look at a snapshot for this long is late; the shards do not wait for it. */
const HEALTH_MS = 2000
/** Whoever is to fail on purpose answers before. */
const FAULT_MS = 2000

/** Objects of an actor that is no shard: eight times what telemetry keeps at most (`explain`). */
const HEAP_MB = 512

type Faulty = { fault(kind: FaultKind): void }

/**
 * The living actors: what each life is given at birth and what is done behind it. Main keeps what must survive them, and the
 * numbers of the listening sockets first of all.
 */
export class Actors implements Keeper {
  readonly shards: Shards
  readonly #context: ActorsContext
  #acceptor: ActorRef<AcceptorControl> | undefined
  #telemetry: ActorRef<TelemetryControl> | undefined
  #health: ActorRef<HealthControl> | undefined
  /** Why those are being ended that are. */
  readonly #ending = new Map<string, EndReason>()

  constructor(context: ActorsContext) {
    const { urls, fleet, connections, shardSeed, desired, say, timers, kill, onChange } = context
    this.#context = context
    this.shards = new Shards({
      url: urls.shard,
      fleet,
      connections,
      seed: shardSeed,
      desired,
      say,
      timers,
      onRoster: () => void this.steer(),
      kill,
      onChange,
    })
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
  links(): readonly ShardLink[] {
    return this.shards.links()
  }

  /** Bring the health actor, then every living shard to what is desired: who is new and has to warm up is known before he can be picked. */
  async sync(): Promise<void> {
    await this.#tellHealth()
    await this.shards.sync()
  }

  /** Tell the acceptor who serves; it steers by that, and watches. */
  async steer(): Promise<void> {
    try {
      await this.#acceptor?.call.serve(this.shards.roster())
    } catch (thrown) {
      if (codeOf(thrown) !== 'WEIR_ACTOR_DIED') this.#context.say(`steering: ${messageOf(thrown)}`)
    }
  }

  /** Have an actor fail on purpose. */
  async fault(id: string, kind: FaultKind): Promise<void> {
    const shard = shardOf(id)
    const refs: Readonly<Record<string, ActorRef<Faulty> | undefined>> = {
      acceptor: this.#acceptor,
      telemetry: this.#telemetry,
      health: this.#health,
      discovery: this.#context.discovery.ref(),
    }
    const ref = shard >= 0 ? this.shards.link(shard)?.ref : refs[id]
    await present<ActorRef<Faulty>>(ref, id).within(FAULT_MS).fault(kind)
  }

  spawn(id: string): Life {
    const shard = shardOf(id)
    if (shard >= 0) return this.shards.spawn(shard)
    this.#context.fleet.vitals(id as OtherActor)[VITAL.heapAlarm] = 0
    if (id === 'telemetry') return this.#startTelemetry()
    if (id === 'discovery') return this.#context.discovery.spawn()
    return id === 'health' ? this.#startHealth() : this.#startAcceptor()
  }

  async bringUp(id: string): Promise<void> {
    const shard = shardOf(id)
    if (shard >= 0) return this.shards.bringUp(shard)
    const { groups, bringUpAcceptor, bringUpTelemetry } = this.#context
    if (id === 'telemetry') return bringUpTelemetry(this.telemetry())
    if (id === 'health') return this.#bringUpHealth()
    if (id === 'discovery') return this.#context.discovery.bringUp(this.#context.fleet.handle)
    await this.acceptor().call.adopt(groups())
    await bringUpAcceptor()
    await this.steer()
  }

  onEnded(id: string, reason: string, expected: boolean): void {
    if (!expected) this.#context.say(`${id} ended unexpectedly: ${reason}\n  ${id}: ${this.#meaningOf(id)}`)
    const why = this.#ending.get(id)
    this.#ending.delete(id)
    if (id === 'acceptor') {
      this.#acceptor = undefined
      this.shards.forgetStuck()
    }
    if (id === 'telemetry') this.#telemetry = undefined
    if (id === 'health') this.#health = undefined
    if (id === 'discovery') this.#context.discovery.onEnded()
    const shard = shardOf(id)
    if (shard >= 0) this.shards.ended(shard, why)
  }

  #meaningOf(id: string): string {
    const others = this.shards.links().filter(({ shard }) => shard !== shardOf(id))
    return meaningOf(id, others.length === 0)
  }

  async farewell(id: string, why: EndReason): Promise<void> {
    this.#ending.set(id, why)
    if (id === 'telemetry')
      await this.telemetry()
        .within(FAREWELL_MS)
        .stop(FAREWELL_MS / 2)
    if (id === 'health') await this.#health?.within(FAREWELL_MS).stop()
    const shard = shardOf(id)
    if (shard < 0 || why === 'stop') return
    try {
      await this.shards.leave(shard)
    } catch (thrown) {
      this.#context.say(`shard ${shard} does not let go: ${messageOf(thrown)}`)
    }
  }

  onRestartIn(id: string, delayMs: number): void {
    this.#context.say(`${id} restarts in ${Math.ceil(delayMs)} ms`)
  }

  onChange(): void {
    this.#context.onChange()
  }

  #startAcceptor(): Thread<AcceptorControl> {
    const { fleet, urls, kill } = this.#context
    const watch: WatchControl = {
      stuck: (shard) => this.shards.stuck(shard),
      recovered: (shard) => this.shards.recovered(shard),
      heapFull: (shard) => kill(`shard ${shard}`, 'its heap is full'),
    }
    const main = doorTo('main', watch)
    const seed: AcceptorSeed = { fleet: fleet.handle, main }
    const spec = { name: 'acceptor', url: urls.acceptor, seed, transfer: [main], heapMb: HEAP_MB }
    const thread = startThread<AcceptorControl>(spec)
    this.#acceptor = thread.ref
    return thread
  }

  #startTelemetry(): Thread<TelemetryControl> {
    const { urls, fleet, main } = this.#context
    const door = doorTo('main', main)
    const seed: TelemetrySeed = { fleet: fleet.handle, main: door }
    const spec = { name: 'telemetry', url: urls.telemetry, seed, transfer: [door], heapMb: HEAP_MB }
    const thread = startThread<TelemetryControl>(spec)
    this.#telemetry = thread.ref
    return thread
  }

  #startHealth(): Thread<HealthControl> {
    const { urls, fleet } = this.#context
    const seed: HealthSeed = { fleet: fleet.handle }
    const thread = startThread<HealthControl>({ name: 'health', url: urls.health, seed, heapMb: HEAP_MB })
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
}

/** The other end of a port over which `api` is served; it keeps nobody alive. */
function doorTo(name: string, api: object): MessagePort {
  const { port1, port2 } = new MessageChannel()
  exposeActor(port1, name, api)
  port1.unref()
  return port2
}

function present<T>(actor: T | undefined, name: string): T {
  if (actor === undefined)
    throw Object.assign(new Error(`${name} is being restarted`), { code: 'WEIR_ACTOR_DIED' })
  return actor
}
