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

/** The part of the actors a publication needs. */
export type PublisherActors = Pick<Actors, 'acceptor' | 'sync' | 'steer'>

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
  #desired: Desired
  /** Sockets no shard uses any more that are still to be closed. */
  readonly #doomed = new Set<ListenerGroup>()

  /** `prepare`: nothing stands against a snapshot any more; called before any shard hears of it. */
  constructor(
    actors: PublisherActors,
    first: Snapshot,
    say: (line: string) => void,
    prepare: (snapshot: Snapshot) => void = () => {},
  ) {
    this.#prepare = prepare
    this.#actors = actors
    this.#desired = { snapshot: first, bindings: [] }
    this.#say = say
  }

  desired(): Desired {
    return this.#desired
  }

  /** Throws a Refusal, or what `veto` throws. */
  async publish(snapshot: Snapshot, veto: () => Promise<void> = nothing): Promise<void> {
    const plan = planBindings(this.#desired.bindings, wantedBindings(snapshot.listeners))
    const opened = await this.#openAll(plan.open)
    try {
      await veto()
    } catch (thrown) {
      await this.#close(opened)
      throw thrown
    }
    this.#prepare(snapshot)
    this.#desired = { snapshot, bindings: [...plan.keep, ...opened] }
    await this.#actors.sync()
    await this.#close(plan.close)
    await this.#actors.steer()
  }

  /** The acceptor is there: open what is configured if this is its first life, else close what could not be closed. */
  bringUp(): Promise<void> {
    return this.groups().length === 0 ? this.publish(this.#desired.snapshot) : this.sweep()
  }

  /** Accept nobody from now on: shards let go of the sockets, then they are closed. */
  async closeListeners(): Promise<void> {
    const { snapshot, bindings } = this.#desired
    this.#desired = { snapshot, bindings: [] }
    await this.#actors.sync()
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
      } catch (thrown) {
        if (codeOf(thrown) === 'WEIR_ACTOR_DIED') return
        this.#doomed.delete(group)
        this.#say(`closing ${group.address}: ${messageOf(thrown)}`)
      }
    }
  }

  async #close(bindings: readonly Binding[]): Promise<void> {
    for (const { group } of bindings) this.#doomed.add(group)
    await this.sweep()
  }

  /** All of them or none; every address that cannot be had is named. */
  async #openAll(wanted: readonly Wanted[]): Promise<readonly Binding[]> {
    const opened: Binding[] = []
    const problems: string[] = []
    for (const want of wanted) {
      try {
        opened.push({ ...want, group: await this.#open(want) })
      } catch (thrown) {
        problems.push(await bindProblem(`listener ${want.name}`, want.address, thrown))
      }
    }
    if (problems.length === 0) return opened
    await this.#close(opened)
    throw new Refusal(problems)
  }

  #open({ address, backlog }: Wanted): Promise<ListenerGroup> {
    return this.#actors.acceptor().call.open(address, this.#desired.snapshot.shards, backlog)
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
