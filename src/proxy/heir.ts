import type { ClientConnection } from '../downstream/client.ts'
import type { Reactor } from '../io/reactor.ts'
import { ConnectionNotes, NOTE, NOTE_FLAG, NOTE_WORDS, RESCUES_AT, ROLE } from '../shm/notes.ts'
import type { EndpointPool } from '../upstream/pool.ts'
import type { Clientele } from './clientele.ts'
import { BEQUEST, BEQUEST_WORDS } from './control.ts'
import type { Estate, EstateResult } from './control.ts'
import { Rescue } from './rescue.ts'
import { destinationOf } from './routing.ts'
import type { Clusters } from './routing.ts'
import type { ProxyService } from './service.ts'

/** What an heir needs of its shard. */
export type HeirPorts = {
  readonly reactor: Reactor
  readonly clientele: Clientele
  readonly clusters: Clusters
  readonly service: ProxyService
  readonly onError: (error: unknown) => void
}

/** One connection of a dead shard, taken: from here on it is ours. */
type Legacy = {
  readonly fd: number
  /** Ours. */
  readonly generation: number
  /** The note that was left of it: a copy, for ours takes its place. */
  readonly note: Int32Array
  /** Listener it was accepted from, unless it was seen before; else -1. */
  readonly fresh: number
  /** Bytes that were read from it and seen by nobody. */
  readonly unread: Uint8Array
  readonly ended: boolean
  readonly blocked: boolean
}

/** Of `Engine.flagsOf`. */
const FIN_READ = 1
const QUEUED = 2

/** `closed`: in good order, where there is nothing to go on with; counted as a reset. */
type Fate = keyof EstateResult | 'closed'

type Tally = { -readonly [Key in keyof EstateResult]: number }

/**
 * Goes on with connections of other shards: those that a dead one left (`inherit`), and those that a living one gives away (`takenOver`). What a
 * connection was doing its note tells (`shm/notes.ts`); the bytes lie in the dead shard's memory.
 */
export class Heir {
  readonly #ports: HeirPorts
  readonly #notes: ConnectionNotes
  readonly #rescue: Rescue

  constructor(ports: HeirPorts) {
    this.#ports = ports
    this.#notes = new ConnectionNotes(ports.reactor.notes)
    this.#rescue = new Rescue(ports.reactor, ports.service)
  }

  /** Each connection by itself: what goes wrong with one is said, ends that one, and the others go on. */
  inherit({ memory, rows }: Estate): EstateResult {
    const tally: Tally = { adopted: 0, rescued: 0, answered: 0, reset: 0 }
    const dead = new Uint8Array(memory.buffer, memory.mem, memory.events - memory.mem)
    const next = (at: number): Legacy | undefined => this.#take(rows.subarray(at, at + BEQUEST_WORDS), dead)
    for (let at = 0; at < rows.length; at += BEQUEST_WORDS) {
      const one = next(at)
      if (rows[at + BEQUEST.tunnel] === 0) {
        if (one !== undefined) this.#settle(tally, [one], () => this.#one(one, dead)) // or it broke meanwhile
        continue
      }
      at += BEQUEST_WORDS
      const other = next(at)
      const sides = [one, other].filter((side) => side !== undefined)
      if (sides.length === 0) continue
      const isWhole = one?.note[NOTE.role] === ROLE.tunnel && other?.note[NOTE.role] === ROLE.tunnel
      this.#settle(tally, sides, () => (isWhole ? this.#tunnel(one, other) : 'reset'))
    }
    this.#ports.reactor.flush()
    return tally
  }

  /** A living shard gives a connection away. `noted`: the generation it had there. */
  takenOver(fd: number, generation: number, noted: number): void {
    const { reactor, onError } = this.#ports
    try {
      const legacy = this.#legacy(fd, generation, -1, new Uint8Array(0))
      const whose = legacy.note[NOTE.generation] === noted ? legacy.note[NOTE.role] : ROLE.none
      const done = whose === ROLE.idle || whose === ROLE.pooled ? this.#one(legacy, reactor.mem) : 'reset'
      if (done === 'reset') reactor.breakOff({ fd, generation })
    } catch (error) {
      onError(error)
      reactor.breakOff({ fd, generation })
    }
  }

  #settle(tally: Tally, sides: readonly Legacy[], settle: () => Fate): void {
    const { reactor, onError } = this.#ports
    let done: Fate = 'reset'
    try {
      done = settle()
    } catch (error) {
      onError(error)
    }
    tally[done === 'closed' ? 'reset' : done]++
    if (done === 'reset') for (const side of sides) reactor.breakOff(side)
  }

  #take(row: Int32Array, dead: Uint8Array): Legacy | undefined {
    const { engine, notes } = this.#ports.reactor
    const fd = row[BEQUEST.fd]!
    const given = row[BEQUEST.generation]!
    const fresh = row[BEQUEST.fresh]!
    const role = fresh >= 0 ? ROLE.idle : this.#notes.roleOf(fd, given)
    const generation = engine.take(fd, given)
    if (generation === 0) return undefined
    const start = row[BEQUEST.unread]!
    const legacy = this.#legacy(fd, generation, fresh, spanOf(dead, start, row[BEQUEST.unreadBytes]!))
    legacy.note[NOTE.role] = role
    notes[fd * NOTE_WORDS + NOTE.role] = ROLE.none // until ours stands there
    return legacy
  }

  #legacy(fd: number, generation: number, fresh: number, unread: Uint8Array): Legacy {
    const { engine, notes } = this.#ports.reactor
    const note = notes.slice(fd * NOTE_WORDS, (fd + 1) * NOTE_WORDS)
    const flags = engine.flagsOf(fd, generation)
    const ended = (flags & FIN_READ) !== 0
    return { fd, generation, note, fresh, unread, ended, blocked: (flags & QUEUED) !== 0 }
  }

  #one(legacy: Legacy, dead: Uint8Array): Fate {
    switch (legacy.note[NOTE.role]) {
      case ROLE.idle:
      case ROLE.partial:
        return this.#idle(legacy, dead)
      case ROLE.asking:
        return this.#request(legacy, dead, true)
      case ROLE.waiting:
        return this.#request(legacy, dead, false)
      case ROLE.pooled:
        return this.#pooled(legacy)
      default:
        return 'reset'
    }
  }

  #idle(legacy: Legacy, dead: Uint8Array): Fate {
    const client = this.#client(legacy)
    if (client === undefined) return this.#close(legacy)
    this.#goOn(client, legacy, legacy.fresh >= 0 ? new Uint8Array(0) : carriedIn(legacy.note, dead))
    return 'adopted'
  }

  #request(legacy: Legacy, dead: Uint8Array, again: boolean): Fate {
    const { note } = legacy
    const { routing } = this.#ports.service
    const destination = destinationOf(routing, note[NOTE.cluster]!, note[NOTE.route]!)
    const client = destination === undefined ? undefined : this.#client(legacy)
    if (destination === undefined || client === undefined) return 'reset'
    const flags = note[NOTE.flags]!
    const begun = this.#rescue.begin(client, {
      bytes: spanOf(dead, note[NOTE.start]!, note[NOTE.length]!),
      destination,
      minor: (flags & NOTE_FLAG.minor) === 0 ? 0 : 1,
      keepAlive: (flags & NOTE_FLAG.keepAlive) !== 0,
      startedMs: this.#sinceMs(note[NOTE.startedMs]!),
      rescues: flags >> RESCUES_AT,
      again,
    })
    if (!begun) return 'reset'
    if (!client.dead) this.#goOn(client, legacy, carriedIn(note, dead))
    return again ? 'rescued' : 'answered'
  }

  #tunnel(one: Legacy, other: Legacy): Fate {
    const isClient = (one.note[NOTE.flags]! & NOTE_FLAG.upstream) === 0
    const [down, upper] = isClient ? [one, other] : [other, one]
    const { reactor, service } = this.#ports
    const { note } = down
    const { clusters } = this.#ports
    const place = clusters.placeOf(note[NOTE.cluster]!, upper.note[NOTE.owner]!, upper.note[NOTE.count]!)
    const client = place === undefined ? undefined : this.#client(down, true)
    if (place === undefined || client === undefined) return 'reset'
    const up = place.pool.takeOver(upper.fd, upper.blocked)
    const said = up.carry.copyIn(reactor, upper.unread) && client.carryIn(down.unread)
    if (!said) return 'reset'
    const { start, end } = up.carry
    const startedMs = this.#sinceMs(note[NOTE.startedMs]!)
    const sides = { client, up, start, end, startedMs, clientEnded: down.ended, upEnded: upper.ended }
    const route = destinationOf(service.routing, note[NOTE.cluster]!, note[NOTE.route]!)?.route ?? -1
    service.resume(sides, { cluster: place.cluster, route })
    up.carry.clear(reactor)
    return 'adopted'
  }

  #pooled(legacy: Legacy): Fate {
    const spoken = legacy.ended || legacy.blocked || legacy.unread.length > 0
    const kept = !spoken && this.#poolOf(legacy)?.takeIn(legacy.fd) === true
    return kept ? 'adopted' : this.#close(legacy)
  }

  #poolOf({ note }: Legacy): EndpointPool | undefined {
    return this.#ports.clusters.poolOf(note[NOTE.owner]!, note[NOTE.count]!)
  }

  /** Undefined: its listener is not in the configuration any more, which does not matter to a tunnel, or it broke and nobody was told yet. */
  #client({ fd, generation, note, fresh, blocked }: Legacy, tunnel = false): ClientConnection | undefined {
    const { reactor, clientele } = this.#ports
    const id = fresh >= 0 ? fresh : note[NOTE.owner]!
    const listener = clientele.listeners.get(id) ?? (tunnel ? clientele.leaving.get(id) : undefined)
    const who = reactor.engine.peerOf(fd, generation)
    if (listener === undefined || who === undefined) return undefined
    const [peer = '', port] = who.split(' ')
    const openedMs = fresh >= 0 ? reactor.nowMs : this.#sinceMs(note[NOTE.openedMs]!)
    const client = clientele.adopt({ fd, generation, peer, port: Number(port), listener, openedMs })
    client.adopt(fresh >= 0 ? 0 : note[NOTE.count]!, blocked)
    return client
  }

  #goOn(client: ClientConnection, { unread, ended }: Legacy, carried: Uint8Array): void {
    if (client.carryIn(carried) && client.carryIn(unread)) client.goOn(ended)
    else client.listener.service.overloaded(client)
  }

  /** Its listener, or its place in a pool, is gone. */
  #close(legacy: Legacy): Fate {
    this.#ports.reactor.ops.close(legacy, 0)
    return 'closed'
  }

  /** A truncated time of the monotonic clock, in full: of the last 24 days. */
  #sinceMs(noted: number): number {
    const { nowMs } = this.#ports.reactor
    return nowMs - Math.max(0, ((nowMs | 0) - noted) | 0)
  }
}

const carriedIn = (note: Int32Array, dead: Uint8Array): Uint8Array =>
  spanOf(dead, note[NOTE.carried]!, note[NOTE.carriedBytes]!)

/** `bytes` of them from `start` on; none where that makes no sense. */
const spanOf = (memory: Uint8Array, start: number, bytes: number): Uint8Array =>
  bytes > 0 && start >= 0 && start + bytes <= memory.length
    ? memory.subarray(start, start + bytes)
    : new Uint8Array(0)
