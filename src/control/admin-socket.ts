import type { ActorRef } from '../actor/rpc.ts'
import { codeOf } from '../actor/errors.ts'
import type { ListenerGroup } from '../io/engine.ts'
import type { AcceptorControl, TelemetryControl } from './protocol.ts'
import type { Sockets } from './sockets.ts'

/** Connections that may wait: node:http's own default. */
const BACKLOG = 511

export type AdminSocketContext = {
  readonly sockets: Sockets
  readonly acceptor: () => ActorRef<AcceptorControl>
  /** Another number for the same socket. */
  readonly duplicate: (fd: number) => number
  readonly closeFd: (fd: number) => void
}

/**
 * Where the admin API is served: a socket of the process's, of which each life of telemetry gets a duplicate. So nobody is refused while
 * telemetry is replaced, or the program.
 */
export class AdminSocket {
  readonly #context: AdminSocketContext
  /** As configured. */
  #asked: string | undefined
  #group: ListenerGroup | undefined

  constructor(context: AdminSocketContext) {
    this.#context = context
  }

  /** As bound, with the real port. */
  get address(): string | undefined {
    return this.#group?.address
  }

  group(): readonly ListenerGroup[] {
    return this.#group === undefined ? [] : [this.#group]
  }

  /** Have it on this address; nobody serves it yet. Rejects with a coded error. */
  async open(address: string | undefined): Promise<void> {
    if (address === this.#asked) return
    this.#take(address, await this.#find(address))
  }

  /** Served there instead of where it was. If that cannot be had, nothing changes. */
  async move(address: string | undefined, telemetry: ActorRef<TelemetryControl>): Promise<void> {
    if (address === this.#asked) return
    const before = this.#group
    const next = await this.#find(address)
    try {
      await this.#give(telemetry, next)
    } catch (thrown) {
      await this.#close(next)
      throw thrown
    }
    this.#take(address, next)
    await this.#close(before)
  }

  /** This life of telemetry serves it. */
  serve(telemetry: ActorRef<TelemetryControl>): Promise<void> {
    return this.#give(telemetry, this.#group)
  }

  /** Another process serves it from now on. */
  async retire(telemetry: ActorRef<TelemetryControl> | undefined): Promise<void> {
    await telemetry?.call.serveAdmin(undefined).catch(ignore)
    const group = this.#group
    this.#group = undefined
    for (const fd of group?.fds ?? []) this.#context.closeFd(fd)
  }

  /** Nobody can tell us anything any more: the address is free for whoever is started next, though telemetry has still to count. */
  async leave(telemetry: ActorRef<TelemetryControl> | undefined): Promise<void> {
    await telemetry?.call.serveAdmin(undefined).catch(ignore)
    await this.close().catch(ignore)
  }

  /** Nobody is answered any more. */
  async close(): Promise<void> {
    const group = this.#group
    this.#take(undefined, undefined)
    await this.#close(group)
  }

  #take(asked: string | undefined, group: ListenerGroup | undefined): void {
    this.#asked = asked
    this.#group = group
    const held = asked === undefined || group === undefined ? undefined : { key: keyOf(asked), group }
    this.#context.sockets.boundAdmin(held)
  }

  async #find(address: string | undefined): Promise<ListenerGroup | undefined> {
    if (address === undefined) return undefined
    const { sockets, acceptor } = this.#context
    return sockets.take({ key: keyOf(address), address }) ?? (await acceptor().call.open(address, 1, BACKLOG))
  }

  #give(telemetry: ActorRef<TelemetryControl>, group: ListenerGroup | undefined): Promise<void> {
    if (group === undefined) return telemetry.call.serveAdmin(undefined)
    const fd = this.#context.duplicate(group.fds[0] ?? -1)
    return telemetry.call.serveAdmin({ address: group.address, fd })
  }

  async #close(group: ListenerGroup | undefined): Promise<void> {
    if (group === undefined || this.#context.sockets.giveBack(group)) return
    try {
      await this.#context.acceptor().call.close(group)
      this.#context.sockets.closed(group)
    } catch (thrown) {
      if (codeOf(thrown) !== 'WEIR_ACTOR_DIED') throw thrown
    }
  }
}

function ignore(): void {}

/** Not that of a listener on the same port 0. */
function keyOf(address: string): string {
  return `admin ${address}`
}
