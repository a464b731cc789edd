import type { Connections } from '../../../src/io/engine.ts'
import type { Chance } from './chance.ts'
import type { ConnectionOwner, SimConnection } from './connection.ts'
import { SimListener } from './listener.ts'

/** An engine as the others of its process see it. */
export interface ProcessMember extends ConnectionOwner {
  /** Deliver a `wake` row, one for all calls since the last. */
  raiseWake(): void
  /** Become the owner of a live connection whose last owner let go of it. */
  adopt(connection: SimConnection, generation: number, tag: number): void
}

const FIRST_FD = 3

/**
 * What all engines of a simulated process share: fds (always the lowest free one, so that a slot's next tenant moves in at
 * once), generations, the table of connections.
 */
export class SimProcess implements Connections {
  readonly members: Map<number, ProcessMember> = new Map()
  readonly listeners: Map<number, SimListener> = new Map()
  acceptedOpen = 0
  #table: (SimConnection | 'other' | undefined)[] = ['other', 'other', 'other']
  #lowestFree = FIRST_FD
  #generation: number

  constructor(chance: Chance) {
    this.#generation = chance.rng.uint32() | 0
  }

  /** Generations walk through all of int32, negative ones too, but for 0. */
  nextGeneration(): number {
    this.#generation = (this.#generation + 1) | 0
    if (this.#generation === 0) this.#generation = 1
    return this.#generation
  }

  /** The generation of a connection that passes on to another engine: one more, and no later tenant of the fd gets it again. */
  nextOf(generation: number): number {
    this.nextGeneration()
    return (generation + 1) | 0 || 1
  }

  lowestFreeFd(): number {
    while (this.#table[this.#lowestFree] !== undefined) this.#lowestFree += 1
    return this.#lowestFree
  }

  /** The listening socket `fd`, made when first heard of. */
  listener(fd: number = this.lowestFreeFd()): SimListener {
    const known = this.listeners.get(fd)
    if (known !== undefined) return known
    if (this.at(fd) !== null) throw new Error(`fd ${fd} is a connection, not a listener`)
    const made = new SimListener(fd)
    this.#table[fd] = 'other'
    this.listeners.set(fd, made)
    return made
  }

  add(connection: SimConnection): void {
    this.#table[connection.fd] = connection
    if (connection.accepted) this.acceptedOpen += 1
  }

  /** The socket is closed: its fd is free at once. */
  remove(connection: SimConnection): void {
    if (this.#table[connection.fd] !== connection) throw new Error(`fd ${connection.fd} closed twice`)
    this.#table[connection.fd] = undefined
    this.#lowestFree = Math.min(this.#lowestFree, connection.fd)
    if (connection.accepted) this.acceptedOpen -= 1
  }

  /** The live connection a handle names, if `owner` owns it. */
  find(owner: ConnectionOwner, fd: number, generation: number): SimConnection | null {
    const found = this.#table[fd]
    if (found === undefined || found === 'other' || generation === 0) return null
    return found.generation === generation && found.owner === owner ? found : null
  }

  at(fd: number): SimConnection | null {
    const found = this.#table[fd]
    return found === undefined || found === 'other' ? null : found
  }

  /** The simulated process has no limit of its own but the table's size. */
  raiseFdLimit(): number {
    return 1_048_576
  }

  count(shard?: number): number {
    return this.#connections(shard).length
  }

  estate(shard: number): Int32Array {
    this.#assertStopped(shard)
    const rows: number[] = []
    for (const connection of this.#connections(shard)) {
      const { fd, generation, accepted, token, bytesIn, bytesOut } = connection
      const moved = bytesIn + bytesOut
      if (isEnding(connection)) this.#end(connection)
      else rows.push(fd, generation, accepted ? 1 : 2, token, moved | 0, Math.floor(moved / 0x1_0000_0000))
    }
    return Int32Array.from(rows)
  }

  resetOne(fd: number, generation: number): boolean {
    const connection = this.at(fd)
    if (connection?.generation !== generation || generation === 0 || !connection.owner.stopped) return false
    this.#end(connection)
    return true
  }

  /** A connection that a stopped engine left, if that handle is to be had. */
  leftBy(fd: number, generation: number): SimConnection | null {
    const connection = this.at(fd)
    if (connection === null || connection.generation !== generation || generation === 0) return null
    return connection.owner.stopped && !isEnding(connection) ? connection : null
  }

  resetOwned(shard: number): number {
    this.#assertStopped(shard)
    let count = 0
    for (const connection of this.#connections(shard)) {
      if (!this.#end(connection)) count++
    }
    return count
  }

  #assertStopped(shard: number): void {
    if (this.members.get(shard)?.stopped === false) {
      throw Object.assign(new Error(`engine ${shard} still runs`), { code: 'ERR_WEIR_SHARD_ALIVE' })
    }
  }

  /** End a connection that nobody serves. True: in good order, its output being the kernel's already. */
  #end(connection: SimConnection): boolean {
    const parting = connection.lingering && connection.socket.finSent
    connection.generation = 0
    if (parting) connection.socket.close()
    else connection.socket.abort()
    this.remove(connection)
    return parting
  }

  /** Connections whose handles live. */
  *alive(): Iterable<SimConnection> {
    for (const slot of this.#table) {
      if (slot !== undefined && slot !== 'other' && slot.alive) yield slot
    }
  }

  owned(owner: ConnectionOwner): readonly SimConnection[] {
    return this.#connections(owner.shard).filter((connection) => connection.owner === owner)
  }

  #connections(shard?: number): SimConnection[] {
    const all = this.#table.filter((slot) => slot !== undefined && slot !== 'other')
    return shard === undefined ? all : all.filter((connection) => connection.owner.shard === shard)
  }
}

/** Neither end of it can be gone on with. */
function isEnding({ alive, connecting, failure }: SimConnection): boolean {
  return !alive || connecting || failure !== 0
}
