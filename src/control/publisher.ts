import { codeOf, messageOf } from '../actor/errors.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { ListenerGroup } from '../io/engine.ts'
import { fileKind } from '../io/file-kind.ts'
import { portHolder } from '../io/port-holder.ts'
import type { Actors } from './actors.ts'
import { planBindings, wantedBindings } from './bindings.ts'
import type { Binding, Wanted } from './bindings.ts'
import { Refusal } from './failure.ts'
import type { Desired } from './shard-link.ts'
import { Sockets } from './sockets.ts'

/** The part of the actors a publication needs. */
export type PublisherActors = Pick<Actors, 'acceptor' | 'sync' | 'steer'>

export type PublisherHooks = {
  /** Nothing stands against a snapshot any more; called before any shard hears of it. */
  readonly prepare?: (snapshot: Snapshot) => void
  readonly sockets?: Sockets
  /** Nobody accepts before `release`. */
  readonly held?: boolean
  readonly closeFd?: (fd: number) => void
}

/**
 * Owner of what the data plane is told to do. A publication is atomic for its callers: all that can fail comes first, and if it does,
 * nothing has changed.
 *
 *     open what is new ─▶ last veto ─▶ publish to all shards ─▶ they listen, unlisten ─▶ close what is gone
 *          └── fails: what was opened is closed, the old one runs on
 */
export class Publisher {
  readonly #actors: PublisherActors
  readonly #say: (line: string) => void
  readonly #prepare: (snapshot: Snapshot) => void
  readonly #sockets: Sockets
  readonly #closeFd: (fd: number) => void
  #held: boolean
  #desired: Desired
  /** Sockets no shard uses any more that are still to be closed. */
  readonly #doomed = new Set<ListenerGroup>()

  constructor(
    actors: PublisherActors,
    first: Snapshot,
    say: (line: string) => void,
    { prepare = ignore, sockets = new Sockets(), held = false, closeFd = ignore }: PublisherHooks = {},
  ) {
    this.#prepare = prepare
    this.#sockets = sockets
    this.#closeFd = closeFd
    this.#held = held
    this.#actors = actors
    this.#desired = { snapshot: first, bindings: [] }
    this.#say = say
  }

  desired(): Desired {
    return this.#held ? { ...this.#desired, bindings: [] } : this.#desired
  }

  /** Accept: the process before us lets go. What it had and nobody wants is closed. */
  async release(): Promise<void> {
    this.#held = false
    await this.#actors.sync()
    for (const group of this.#sockets.leftOver()) this.#doomed.add(group)
    for (const address of this.#sockets.unwanted())
      this.#say(`weir: warning: we were given a socket on ${address}, which no listener is bound to`)
    await this.sweep()
    await this.#actors.steer()
  }

  /** Another process steers the groups: we keep out of it. */
  async yieldSteering(): Promise<void> {
    await this.#actors.acceptor().call.release(this.groups())
  }

  /** It did not come to that. Whatever it told the kernel, we tell it anew. */
  async resumeSteering(): Promise<void> {
    await this.#actors.acceptor().call.adopt(this.groups())
    await this.#actors.steer()
  }

  /** Let go of the sockets, which another process accepts from: when that one closes them, nobody may still be let in here, where nobody accepts. */
  async retire(): Promise<void> {
    const { snapshot, bindings } = this.#desired
    this.#desired = { snapshot, bindings: [] }
    await this.#actors.sync()
    const groups = bindings.map(({ group }) => group)
    try {
      await this.#actors.acceptor().call.release(groups)
    } catch (thrown) {
      if (codeOf(thrown) !== 'WEIR_ACTOR_DIED') throw thrown // its successor has none
    }
    for (const fd of groups.flatMap(({ fds }) => fds)) this.#closeFd(fd)
  }

  /** Throws a Refusal, or what `veto` throws. */
  async publish(snapshot: Snapshot, veto: () => Promise<void> = nothing): Promise<void> {
    const { shards } = snapshot
    await this.#extendAll(shards)
    const plan = planBindings(this.#desired.bindings, wantedBindings(snapshot.listeners))
    const opened = await this.#openAll(plan.open, shards)
    try {
      await veto()
    } catch (thrown) {
      await this.#close(opened)
      throw thrown
    }
    this.#prepare(snapshot)
    this.#desired = { snapshot, bindings: [...plan.keep, ...opened] }
    await this.#actors.sync()
    this.#announce()
    await this.#close(plan.close)
    await this.#actors.steer()
  }

  /** The acceptor is there: open what is configured if this is its first life, else close what could not be closed. */
  async bringUp(): Promise<void> {
    if (this.groups().length > 0) return this.sweep()
    await this.#sockets.adopt((fds) => this.#actors.acceptor().call.inherit(fds))
    await this.publish(this.#desired.snapshot)
  }

  /** Accept nobody from now on: shards let go of the sockets, then they are closed. */
  async closeListeners(): Promise<void> {
    const { snapshot, bindings } = this.#desired
    this.#desired = { snapshot, bindings: [] }
    await this.#actors.sync()
    this.#announce()
    await this.#close(bindings)
  }

  /** Every group of sockets that is open. */
  groups(): readonly ListenerGroup[] {
    return [...this.#desired.bindings.map(({ group }) => group), ...this.#doomed]
  }

  /** Close what could not be closed while the acceptor was away. */
  async sweep(): Promise<void> {
    for (const group of this.#doomed) {
      try {
        await this.#actors.acceptor().call.close(group)
        this.#doomed.delete(group)
        this.#sockets.closed(group)
      } catch (thrown) {
        if (codeOf(thrown) === 'WEIR_ACTOR_DIED') return
        this.#doomed.delete(group)
        this.#say(`closing ${group.address}: ${messageOf(thrown)}`)
      }
    }
  }

  async #close(bindings: readonly Binding[]): Promise<void> {
    for (const { group } of bindings) if (!this.#sockets.giveBack(group)) this.#doomed.add(group)
    await this.sweep()
  }

  #announce(): void {
    this.#sockets.bound(this.#desired.bindings)
  }

  /** All of them or none; every address that cannot be had is named. */
  async #openAll(wanted: readonly Wanted[], members: number): Promise<readonly Binding[]> {
    const opened: Binding[] = []
    const problems: string[] = []
    for (const want of wanted) {
      try {
        opened.push({ ...want, group: await this.#open(want, members) })
      } catch (thrown) {
        problems.push(await bindProblem(`listener ${want.name}`, want.address, thrown))
      }
    }
    if (problems.length === 0) return opened
    await this.#close(opened)
    throw new Refusal(problems)
  }

  /** What we were born with, or a new one. */
  #open(want: Wanted, members: number): Promise<ListenerGroup> {
    const { address, backlog } = want
    const given = this.#sockets.take(want)
    if (given === undefined) return this.#actors.acceptor().call.open(address, members, backlog)
    return this.#extend(given, members, backlog)
  }

  /** A group with as many sockets, if it can have them. Groups only ever grow. */
  async #extend(group: ListenerGroup, members: number, backlog: number): Promise<ListenerGroup> {
    const missing = group.address.startsWith('unix:') ? 0 : members - group.fds.length
    if (missing <= 0) return group
    try {
      return await this.#actors.acceptor().call.extend(group, missing, backlog)
    } catch (thrown) {
      // Made by another user (systemd's are root's): the kernel lets nobody else join
      if (this.#sockets.isLent(group)) return group
      throw thrown
    }
  }

  /** Sockets for more shards, accepted from at once by those there are: whatever comes of the publication, nobody waits on one. */
  async #extendAll(members: number): Promise<void> {
    const { snapshot, bindings } = this.#desired
    const extended: Binding[] = []
    for (const binding of bindings)
      extended.push({ ...binding, group: await this.#extend(binding.group, members, binding.backlog) })
    if (extended.every(({ group }, n) => group === bindings[n]?.group)) return
    this.#desired = { snapshot, bindings: extended }
    await this.#actors.sync()
    this.#announce()
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'is not allowed for this user (ports below 1024 need CAP_NET_BIND_SERVICE)',
  EADDRNOTAVAIL: 'is no address of this machine',
  EMFILE: 'cannot be opened: no file descriptor is left',
  ENOENT: 'cannot be made: its folder does not exist',
}

/** Why an address could not be bound, for people: who holds it, if that can be found out, or what is there instead. */
export async function bindProblem(who: string, address: string, thrown: unknown): Promise<string> {
  const code = codeOf(thrown) ?? ''
  if (code !== 'EADDRINUSE')
    return `weir: ${who}: ${address} ${REASONS[code] ?? `cannot be bound: ${messageOf(thrown)}`}`
  const kind = address.startsWith('unix:') ? await fileKind(address.slice('unix:'.length)) : undefined
  if (kind !== undefined && kind !== 'a socket') return `weir: ${who}: ${address} is ${kind}, not a socket`
  const port = Number(/:(\d+)$/.exec(address)?.[1] ?? NaN)
  const holder = Number.isNaN(port) ? undefined : await portHolder(port)
  const by =
    holder === undefined
      ? 'by another process'
      : holder.pid === process.pid
        ? 'by this program itself'
        : `by ${holder.name} (pid ${holder.pid})`
  return `weir: ${who}: ${address} is taken ${by}`
}

async function nothing(): Promise<void> {}

function ignore(): void {}
