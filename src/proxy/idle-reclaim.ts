import { ClientConnection } from '../downstream/client.ts'
import type { Listener } from '../downstream/listener.ts'
import { ENGINE_STATS } from '../io/engine.ts'
import type { Reactor } from '../io/reactor.ts'
import type { ConnectionGate } from '../limit/connections.ts'
import { Crowd, Hoarders, longestIdle } from '../limit/hoarders.ts'
import type { Clientele } from './clientele.ts'
import type { Fleet } from '../shm/fleet.ts'
import { sumGauge } from '../shm/fleet.ts'
import { GAUGE, GAUGE_WORDS } from '../shm/layout.ts'
import { RECLAIMED, REFUSAL } from '../telemetry/catalogue.ts'
import type { ShardRecorder } from '../telemetry/recorder.ts'

/** A hoarded connection is idle when it was quiet for so long; the only one of a client's, and one that is closed ahead of need, for longer. */
const QUIET_MS = { hoarded: 100, only: 1000, ahead: 1000 }
/** Victims chosen at one look. */
const CHOSEN = 256
/** A choice is too old after. */
const CHOICE_MS = 500
/** Looks at all connections for want of one: not more often, and never more than some percent of the time. */
const SCAN = { leastMs: 10, clientsPerMs: 200 }
/** Looks for the sake of the scores. */
const LOOK = { everyMs: 1000, clientsPerMs: 20 }
/** Room that is made ahead of need: a twentieth of a limit, at most this. */
const HEADROOM = { share: 20, most: 64 }
/** Nobody had anything to spare: not asked again for so long ahead of need. */
const VAIN_MS = 1000

const REFUSED = ENGINE_STATS.indexOf('refusedOverLimit')
const ANY_LISTENER = -1

type Choice = {
  readonly connections: readonly ClientConnection[]
  next: number
  readonly untilMs: number
  readonly reason: number
}

export type ReclaimParts = {
  readonly reactor: Reactor
  readonly clientele: Clientele
  readonly gate: ConnectionGate
  readonly recorder: ShardRecorder
  readonly fleet: Fleet
  readonly shard: number
  /** Client connections of the whole process beyond which the engine refuses; 0: no limit. */
  readonly maxConnections: number
}

/**
 * When connections run short, idle ones make room: those of the clients that hoard most (`limit/hoarders.ts`), then, only where no shard knows of any hoard, the
 * longest idle of all. A client at its own limit gives its own. Each shard closes its own connections; how many are hoarded on each it says in
 * the fleet memory. What is closed is between two requests, and counted.
 */
export class IdleReclaim {
  readonly #parts: ReclaimParts
  readonly #hoarders = new Hoarders()
  readonly #crowd = new Crowd()
  /** The crowd's connections, in its order. */
  readonly #seen: ClientConnection[] = []
  /** Clients' ids by fd, and of which generation they are. */
  #ids = new Int32Array(1024)
  #idsOf = new Int32Array(1024)
  /** By listener. */
  readonly #choices = new Map<number, Choice>()
  #clientChoice: { readonly client: number; readonly choice: Choice } | undefined
  /** Listeners of which something is said in the fleet memory. */
  readonly #told = new Set<number>()
  #nextScanMs = 0
  #nextLookMs = 0
  #nextAheadMs = 0
  #refused: number

  constructor(parts: ReclaimParts) {
    this.#parts = parts
    this.#refused = this.#stat(REFUSED)
  }

  /** A newcomer was refused: close an idle connection in its favour. Whether one was: then it may try again. */
  makeRoom(listener: Listener, peer: string, refusal: number): boolean {
    const { gate, reactor } = this.#parts
    const { id, limits } = listener.spec
    if (refusal === REFUSAL.limit) return this.#closeOne(this.#choiceFor(id, QUIET_MS.hoarded, true))
    if (refusal !== REFUSAL.clientLimit) return false
    const client = gate.idOf(id, peer, limits)
    const known = this.#clientChoice
    if (known?.client === client && reactor.nowMs < known.choice.untilMs && this.#closeOne(known.choice))
      return true
    if (!this.#mayScan()) return false
    this.#gather(id)
    const chosen = longestIdle(onlyOf(this.#crowd, client), CHOSEN, QUIET_MS.hoarded)
    const choice = this.#choose(chosen, RECLAIMED.own)
    this.#clientChoice = { client, choice }
    return this.#closeOne(choice)
  }

  /** Once per turn: the scores, and room ahead of need. */
  onTurn(nowMs: number): void {
    if (nowMs >= this.#nextLookMs) this.#look(nowMs)
    if (this.#clientChoice !== undefined && nowMs >= this.#clientChoice.choice.untilMs)
      this.#clientChoice = undefined
    for (const [id, { untilMs }] of this.#choices) if (nowMs >= untilMs) this.#choices.delete(id)
    const { clientele, fleet, maxConnections, gate } = this.#parts
    const refused = this.#stat(REFUSED) - this.#refused
    this.#refused += refused
    if (nowMs < this.#nextAheadMs) return
    let open = 0
    for (const { spec } of clientele.listeners.values()) {
      const here = gate.open(spec.id)
      open += here
      this.#makeAhead(spec.id, missing(here, spec.limits.connections), fleet.shardCount)
    }
    this.#makeAhead(ANY_LISTENER, Math.max(refused, missing(open, maxConnections)), fleet.shardCount)
  }

  #stat(index: number): number {
    return this.#parts.fleet.stripe(this.#parts.shard).engine[index] ?? 0
  }

  #makeAhead(listener: number, count: number, shards: number): void {
    if (count <= 0) return
    const choice = this.#choiceFor(listener, QUIET_MS.ahead, false)
    // What lingers still counts for the whole process.
    const lingerMs = listener === ANY_LISTENER ? 0 : undefined
    let closed = 0
    for (let left = Math.ceil(count / Math.max(1, shards)); left > 0; left--) {
      if (!this.#closeOne(choice, lingerMs)) break
      closed++
    }
    if (closed === 0) this.#nextAheadMs = this.#parts.reactor.nowMs + VAIN_MS
  }

  #choiceFor(listener: number, quietMs: number, anybody: boolean): Choice | undefined {
    const { nowMs } = this.#parts.reactor
    const known = this.#choices.get(listener)
    if (known !== undefined && nowMs < known.untilMs && known.next < known.connections.length) return known
    if (!this.#mayScan()) return undefined
    this.#gather(listener)
    let choice = this.#choose(this.#hoarders.choose(this.#crowd, CHOSEN, quietMs), RECLAIMED.hoarded)
    if (anybody && choice.connections.length === 0 && !this.#hoardsElsewhere(listener))
      choice = this.#choose(longestIdle(this.#crowd, CHOSEN, QUIET_MS.only), RECLAIMED.longestIdle)
    this.#choices.set(listener, choice)
    return choice
  }

  #choose(indices: readonly number[], reason: number): Choice {
    const untilMs = this.#parts.reactor.nowMs + CHOICE_MS
    const connections = indices.map((index) => this.#seen[index]!)
    return { connections, next: 0, untilMs, reason }
  }

  /** `lingerMs`: as `ClientConnection.closeGracefully`. */
  #closeOne(choice: Choice | undefined, lingerMs?: number): boolean {
    if (choice === undefined) return false
    while (choice.next < choice.connections.length) {
      const connection = choice.connections[choice.next++]!
      if (this.#idleMs(connection) < QUIET_MS.hoarded) continue
      this.#parts.recorder.connectionReclaimed(connection.listener.spec.id, choice.reason)
      connection.closeGracefully(lingerMs)
      return true
    }
    return false
  }

  #mayScan(): boolean {
    const { nowMs } = this.#parts.reactor
    if (nowMs < this.#nextScanMs) return false
    this.#nextScanMs = nowMs + Math.max(SCAN.leastMs, this.#seen.length / SCAN.clientsPerMs)
    return true
  }

  #look(nowMs: number): void {
    this.#gather(ANY_LISTENER)
    this.#hoarders.look(this.#crowd, nowMs)
    this.#nextLookMs = nowMs + Math.max(LOOK.everyMs, this.#seen.length / LOOK.clientsPerMs)
    const { fleet, shard, clientele } = this.#parts
    const gauges = fleet.stripe(shard).listenerGauges
    const { listeners } = clientele
    for (const id of listeners.keys()) {
      const surplus =
        listeners.size === 1 ? this.#hoarders.surplus(this.#crowd, QUIET_MS.only) : this.#surplusOf(id)
      gauges[id * GAUGE_WORDS + GAUGE.hoarded] = surplus
      this.#told.add(id)
    }
    for (const id of this.#told) {
      if (listeners.has(id)) continue
      gauges[id * GAUGE_WORDS + GAUGE.hoarded] = 0 // it left the configuration
      this.#told.delete(id)
    }
  }

  #surplusOf(listener: number): number {
    this.#gather(listener)
    return this.#hoarders.surplus(this.#crowd, QUIET_MS.only)
  }

  #hoardsElsewhere(listener: number): boolean {
    const { fleet, shard } = this.#parts
    const own = fleet.stripe(shard).listenerGauges[listener * GAUGE_WORDS + GAUGE.hoarded] ?? 0
    return sumGauge(fleet, 'listenerGauges', listener, GAUGE.hoarded) > own
  }

  /** Take down everybody as they are now. */
  #gather(listener: number): void {
    this.#crowd.clear()
    this.#seen.length = 0
    for (const connection of this.#parts.reactor.connections()) {
      if (!(connection instanceof ClientConnection)) continue
      if (listener !== ANY_LISTENER && connection.listener.spec.id !== listener) continue
      this.#crowd.add(this.#idOf(connection), this.#idleMs(connection))
      this.#seen.push(connection)
    }
  }

  #idleMs(connection: ClientConnection): number {
    if (connection.dead || !connection.idle || connection.blocked) return -1
    return Math.max(0, this.#parts.reactor.nowMs - connection.lastActiveMs)
  }

  #idOf({ fd, generation, listener, peer }: ClientConnection): number {
    if (fd >= this.#ids.length) this.#grow(fd)
    if (this.#idsOf[fd] !== generation) {
      this.#idsOf[fd] = generation
      this.#ids[fd] = this.#parts.gate.idOf(listener.spec.id, peer, listener.spec.limits)
    }
    return this.#ids[fd]!
  }

  #grow(fd: number): void {
    const [ids, idsOf] = [this.#ids, this.#idsOf]
    const length = 2 ** Math.ceil(Math.log2(fd + 1))
    this.#ids = new Int32Array(length)
    this.#idsOf = new Int32Array(length)
    this.#ids.set(ids)
    this.#idsOf.set(idsOf)
  }
}

/** Connections too many for there to be headroom under a limit (0: none). */
function missing(open: number, limit: number): number {
  if (limit === 0) return 0
  return open - (limit - Math.min(HEADROOM.most, Math.floor(limit / HEADROOM.share)))
}

/** The same crowd, in which everybody but one client is at work. */
function onlyOf(crowd: Crowd, client: number): Crowd {
  const only = new Crowd()
  for (let i = 0; i < crowd.count; i++)
    only.add(crowd.clients[i]!, crowd.clients[i] === client ? crowd.idleMs[i]! : -1)
  return only
}
