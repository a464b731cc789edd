import type { Rng } from '../base/random.ts'
import { ClientConnection } from '../downstream/client.ts'
import { HOLD } from '../io/connection.ts'
import type { Handle } from '../io/engine.ts'
import type { Reactor } from '../io/reactor.ts'
import type { Fleet } from '../shm/fleet.ts'
import { VITAL } from '../shm/vitals.ts'
import type { Clientele } from './clientele.ts'
import { SILENT_MS } from './core-sharing.ts'
import type { Clusters } from './routing.ts'
import type { ProxyService } from './service.ts'
import { Tunnel } from './tunnel.ts'

/** What a handover needs of its shard. */
export type HandoverPorts = {
  readonly reactor: Reactor
  readonly clientele: Clientele
  readonly clusters: Clusters
  readonly service: ProxyService
  readonly fleet: Fleet
  readonly rng: Rng
}

/**
 * A shard leaves and no client notices: those between two requests go to other shards at once, the others when their request is done, those that still come as
 * soon as they are there; idle connections to endpoints likewise. Given only when the rows of a batch are through, for one of them may be of the connection.
 */
export class Handover {
  readonly #ports: HandoverPorts
  #heirs: readonly number[] = []
  #hardEndMs = Infinity
  readonly #offered: ClientConnection[] = []
  /** Came this turn, from another shard or back from an heir that is gone. */
  readonly #returned = new Set<ClientConnection>()
  #resolve: (() => void) | undefined
  #promise: Promise<void> | undefined

  constructor(ports: HandoverPorts) {
    this.#ports = ports
  }

  /** A second one changes the heirs, and can only bring the end forward. */
  begin(heirs: readonly number[], hardMs: number): Promise<void> {
    const { reactor, service } = this.#ports
    this.#heirs = heirs
    this.#hardEndMs = Math.min(this.#hardEndMs, reactor.nowMs + hardMs)
    this.#promise ??= new Promise((resolve) => {
      this.#resolve = resolve
    })
    service.onRests = (client): void => this.joined(client)
    this.onTurn(reactor.nowMs)
    reactor.flush()
    return this.#promise
  }

  /** A new client, or one whose response is complete. */
  joined(client: ClientConnection): void {
    if (this.#resolve !== undefined) this.#offered.push(client)
  }

  /** This one was given to us: if its heir is gone, it would come back at once and for ever. It is offered again with the next turn, and served until then. */
  cameBack(handle: Handle): void {
    if (this.#resolve === undefined) return
    const connection = this.#ports.reactor.find(handle)
    if (connection instanceof ClientConnection) this.#returned.add(connection)
  }

  onBatchEnd(): void {
    if (this.#offered.length === 0) return
    for (const client of this.#offered) if (!this.#returned.has(client)) this.#letGo(client)
    this.#offered.length = 0
  }

  get isUnderWay(): boolean {
    return this.#resolve !== undefined
  }

  onTurn(nowMs: number): void {
    if (this.#resolve === undefined) return
    this.#returned.clear()
    this.#giveAll()
    if (nowMs < this.#hardEndMs && this.#busy()) return
    this.#resolve()
    this.#resolve = undefined
  }

  #giveAll(): void {
    const { reactor, clusters } = this.#ports
    for (const connection of reactor.connections()) {
      if (connection instanceof ClientConnection) this.#letGo(connection)
    }
    if (this.#heirs.length > 0) clusters.giveIdle(() => this.#choose())
  }

  /** With nobody to give it to, an idle one is not read from any more, or it would ask again and again: it is for the estate. */
  #letGo(client: ClientConnection): void {
    if (client.dead || !client.idle) return
    if (this.#heirs.length === 0) {
      client.hold(HOLD.leaving)
      this.#ports.reactor.wheel.disarm(client) // what it may have sent meanwhile is unread: it is not idle for too long
    } else this.#ports.clientele.give(client, this.#choose())
  }

  /** Somebody is left whose turn is still to come. Tunnels and heads that are half here are for the estate; with nobody to give to, all who wait for no response. */
  #busy(): boolean {
    for (const connection of this.#ports.reactor.connections()) {
      if (!(connection instanceof ClientConnection) || connection.handler instanceof Tunnel) continue
      if (connection.handler !== undefined || (connection.idle && this.#heirs.length > 0)) return true
    }
    return false
  }

  /** The less busy of two, drawn at random (M. Mitzenmacher, The Power of Two Choices, 2001). */
  #choose(): number {
    const heirs = this.#heirs
    const { rng } = this.#ports
    if (heirs.length === 1) return heirs[0]!
    const first = rng.below(heirs.length)
    const other = rng.below(heirs.length - 1)
    const [one, two] = [heirs[first]!, heirs[other < first ? other : other + 1]!]
    return this.#load(one) <= this.#load(two) ? one : two
  }

  #load(shard: number): number {
    const { fleet, reactor } = this.#ports
    const { lastBeatMs } = fleet.actor(shard)
    const silent = lastBeatMs > 0 && reactor.nowMs - lastBeatMs > SILENT_MS
    return silent ? Infinity : fleet.vitals(shard)[VITAL.busy]!
  }
}
