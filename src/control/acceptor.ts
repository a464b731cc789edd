import type { Listeners, ListenerGroup } from '../io/engine.ts'
import { failOnPurpose } from '../io/fault.ts'
import type { FaultKind } from '../proxy/control.ts'
import type { AcceptorControl, Roster } from './protocol.ts'
import type { ShardWatch } from './shard-watch.ts'

/**
 * The owner of the listening sockets. They are numbers of the process and outlive this thread: a successor adopts them, and
 * nothing here closes what it was not told to close. Only groups it knows are touched, since a number may have got another meaning.
 *
 * New connections are steered by classic BPF on a group, and that only from the first moment on at which not everybody is to get the same: until
 * then the kernel's own hash does it.
 */
export class Acceptor implements AcceptorControl {
  readonly #listeners: Listeners
  readonly #groups = new Map<string, ListenerGroup>()
  /** Groups with a program, which must be kept in step. */
  readonly #steered = new Set<string>()
  readonly #watch: ShardWatch
  readonly #say: (line: string) => void

  constructor(listeners: Listeners, watch: ShardWatch, say: (line: string) => void) {
    this.#listeners = listeners
    this.#watch = watch
    this.#say = say
    watch.onShares = (): void => this.#steerAll()
  }

  adopt(inherited: readonly ListenerGroup[]): void {
    for (const group of inherited) {
      this.#groups.set(keyOf(group), group)
      this.#steered.add(keyOf(group)) // by whom it was opened, perhaps
    }
  }

  inherit(fds: readonly number[]): readonly ListenerGroup[] {
    const inherited = this.#listeners.inherit(fds)
    this.adopt(inherited)
    return inherited
  }

  open(address: string, members: number, backlog: number): ListenerGroup {
    return this.#keep(this.#listeners.open(address, members, backlog))
  }

  extend(group: ListenerGroup, members: number, backlog: number): ListenerGroup {
    const held = this.#known(group)
    const extended = this.#listeners.extend(held, members, backlog)
    this.#groups.delete(keyOf(held))
    if (this.#steered.delete(keyOf(held))) this.#steered.add(keyOf(extended))
    return this.#keep(extended)
  }

  close(group: ListenerGroup): void {
    const held = this.#known(group)
    this.#groups.delete(keyOf(held))
    this.#steered.delete(keyOf(held))
    this.#listeners.close(held)
  }

  release(groups: readonly ListenerGroup[]): void {
    for (const group of groups) {
      this.#groups.delete(keyOf(group))
      this.#steered.delete(keyOf(group))
    }
  }

  serve(roster: Roster): void {
    this.#watch.serve(roster)
    this.#steerAll()
  }

  fault(kind: FaultKind): void {
    failOnPurpose(kind)
  }

  #keep(group: ListenerGroup): ListenerGroup {
    this.#groups.set(keyOf(group), group)
    this.#steer(group)
    return group
  }

  #known(group: ListenerGroup): ListenerGroup {
    const held = this.#groups.get(keyOf(group))
    if (held === undefined) throw new Error(`no listening sockets ${keyOf(group)} on ${group.address}`)
    return held
  }

  #steerAll(): void {
    for (const group of this.#groups.values()) this.#steer(group)
  }

  /** A group of one is everybody's. Where nobody is to get anything, all stays as it is: the kernel queues. */
  #steer(group: ListenerGroup): void {
    if (group.fds.length === 1) return
    const key = keyOf(group)
    const weights = group.fds.map((_, shard) => this.#watch.shares[shard] ?? 0)
    const isEven = weights.every((weight) => weight === 1)
    if (weights.every((weight) => weight === 0) || (isEven && !this.#steered.has(key))) return
    this.#steered.add(key)
    try {
      this.#listeners.steer(group, weights)
    } catch (thrown) {
      this.#say(`steering ${group.address}: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
    }
  }
}

function keyOf(group: ListenerGroup): string {
  return group.fds.join()
}
