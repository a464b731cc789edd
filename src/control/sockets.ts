import type { ListenerGroup } from '../io/engine.ts'
import { socketFile } from '../io/socket-file.ts'
import type { SocketFile } from '../io/socket-file.ts'
import type { Wanted } from './bindings.ts'

/** Listening sockets that this process was born with. */
export type GivenSockets = {
  /** What the process before us had them for (`Wanted.key`, or the admin API's); '' where somebody else made them (systemd). */
  readonly key: string
  readonly fds: readonly number[]
}

/** A group of listening sockets and what it is for. */
export type HeldGroup = { readonly key: string; readonly group: ListenerGroup }

const UNIX = 'unix:'

type Idle = HeldGroup & { readonly lent: boolean }

/**
 * The listening sockets of a process that is not the first to have them. What is wanted is looked for here before it is opened: by what
 * the process before had it for, so that a port the kernel chose stays, or by its address. Whoever keeps them for the next process
 * hears of every change.
 *
 * Law: a socket that was lent to us (systemd's) is never closed by a change of the configuration: it waits here to be wanted again.
 */
export class Sockets {
  #given: readonly GivenSockets[]
  readonly #idle = new Set<Idle>()
  readonly #inherited = new Set<string>()
  readonly #lent = new Set<string>()
  /** Of unix sockets that a process of this program made before us. */
  readonly #files = new Map<string, SocketFile>()
  /** What nobody wants was given up. */
  #settled = false
  readonly #tell: (held: readonly HeldGroup[]) => void
  #bound: readonly HeldGroup[] = []
  #admin: HeldGroup | undefined

  constructor(given: readonly GivenSockets[] = [], tell: (held: readonly HeldGroup[]) => void = nobody) {
    this.#given = given
    this.#tell = tell
  }

  /** Group what we were given, by address. Later calls do nothing. */
  async adopt(inherit: (fds: readonly number[]) => Promise<readonly ListenerGroup[]>): Promise<void> {
    const given = this.#given
    this.#given = []
    if (given.length === 0) return
    for (const group of await inherit(given.flatMap(({ fds }) => fds))) {
      const { key = '' } = given.find(({ fds }) => fds.includes(group.fds[0] ?? -1)) ?? {}
      if (key === '') this.#lent.add(group.address)
      else if (group.address.startsWith(UNIX))
        this.#files.set(group.address, socketFile(group.address.slice(UNIX.length)))
      this.#inherited.add(group.address)
      this.#idle.add({ key, group, lent: key === '' })
    }
  }

  /** A group for this purpose, if there is one. */
  take({ key, address }: Pick<Wanted, 'key' | 'address'>): ListenerGroup | undefined {
    const held = [...this.#idle]
    const found = held.find((idle) => idle.key === key) ?? held.find(({ group }) => group.address === address)
    if (found === undefined) return undefined
    this.#idle.delete(found)
    return found.group
  }

  /** Somebody else made it, and keeps it. */
  isLent(group: ListenerGroup): boolean {
    return this.#lent.has(group.address)
  }

  /** True: it waits here to be wanted again, since it was lent, or since the process before us may go on with it. False: it is ours to close. */
  giveBack(group: ListenerGroup): boolean {
    const lent = this.isLent(group)
    const mayGoOn = !this.#settled && this.#inherited.has(group.address)
    if (!lent && !mayGoOn) return false
    this.#idle.add({ key: '', group, lent })
    return true
  }

  /** It was closed, by us. */
  closed(group: ListenerGroup): void {
    this.#files.get(group.address)?.remove()
    this.#files.delete(group.address)
  }

  /** Groups that a process before us had and nobody wants any more. They are the caller's to close. */
  leftOver(): readonly ListenerGroup[] {
    this.#settled = true
    const left = [...this.#idle].filter(({ lent }) => !lent)
    for (const idle of left) this.#idle.delete(idle)
    return left.map(({ group }) => group)
  }

  /** Addresses of lent sockets that nobody wants. */
  unwanted(): readonly string[] {
    return [...this.#idle].filter(({ lent }) => lent).map(({ group }) => group.address)
  }

  /** What the listeners have now. */
  bound(held: readonly HeldGroup[]): void {
    this.#bound = held
    this.#told()
  }

  /** What the admin API has now. */
  boundAdmin(admin: HeldGroup | undefined): void {
    this.#admin = admin
    this.#told()
  }

  /** Lent ones are told as they came: the next process has them lent, too. */
  #told(): void {
    const admin = this.#admin === undefined ? [] : [this.#admin]
    const held = [...this.#bound, ...admin].map(({ key, group }) => {
      return { key: this.#lent.has(group.address) ? '' : key, group }
    })
    this.#tell([...held, ...[...this.#idle].filter(({ lent }) => lent)])
  }
}

function nobody(): void {}
