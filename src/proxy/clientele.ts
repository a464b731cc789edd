import { ClientConnection } from '../downstream/client.ts'
import type { Listener } from '../downstream/listener.ts'
import type { Accepted } from '../io/reactor-handler.ts'
import type { Reactor } from '../io/reactor.ts'
import { ADMITTED } from '../limit/connections.ts'
import type { ConnectionGate } from '../limit/connections.ts'
import type { ShardRecorder } from '../telemetry/recorder.ts'

/** A client connection that was accepted by another shard. */
export type Adopted = Omit<Accepted, 'token'> & { readonly listener: Listener; readonly openedMs: number }

/** The clients of a shard: who is let in, who comes from another shard, who leaves; and what is counted of that. */
export class Clientele {
  /** By id, as of the present configuration. */
  listeners: ReadonlyMap<number, Listener> = new Map()
  /** By id, of those that left it: for who came by them and has a tunnel. */
  leaving: ReadonlyMap<number, Listener> = new Map()
  /** Clients alive. */
  count = 0
  /** Called for every new one. */
  onJoined: (client: ClientConnection) => void = () => {}
  /** Asked when one is refused (`REFUSAL`): is there a place now? */
  makeRoom: (listener: Listener, peer: string, refusal: number) => boolean = () => false
  readonly #reactor: Reactor
  readonly #gate: ConnectionGate
  readonly #recorder: ShardRecorder

  constructor(reactor: Reactor, gate: ConnectionGate, recorder: ShardRecorder) {
    this.#reactor = reactor
    this.#gate = gate
    this.#recorder = recorder
  }

  /** Undefined: it is refused, and closed. */
  accept(accepted: Accepted): ClientConnection | undefined {
    const listener = this.listeners.get(accepted.token)
    if (listener === undefined) {
      this.#reactor.ops.close(accepted, 0) // its listener went with a reload a moment ago
      return undefined
    }
    const { id, limits } = listener.spec
    let refusal = this.#gate.admit(id, accepted.peer, limits)
    if (refusal !== ADMITTED && this.makeRoom(listener, accepted.peer, refusal))
      refusal = this.#gate.admit(id, accepted.peer, limits)
    if (refusal !== ADMITTED) {
      this.#recorder.connectionRefused(id, refusal)
      this.#reactor.ops.close(accepted, 0)
      return undefined
    }
    this.#recorder.connectionOpened(id)
    return this.#join(new ClientConnection(this.#reactor, listener, accepted))
  }

  /** Let in by another shard, and counted there as opened: no limit is in its way. */
  adopt(adopted: Adopted): ClientConnection {
    const { listener, peer, openedMs } = adopted
    const { id, limits } = listener.spec
    this.#gate.admit(id, peer, { ...limits, connections: 0, connectionsPerClient: 0 })
    return this.#join(new ClientConnection(this.#reactor, listener, adopted, openedMs))
  }

  /** Hand an idle one over to another shard. False: it is not idle. */
  give(client: ClientConnection, shard: number): boolean {
    if (client.dead || !client.idle) return false
    client.giveTo(shard)
    this.#left(client)
    return true
  }

  closed(client: ClientConnection): void {
    this.#recorder.connectionClosed(client.listener.spec.id)
    this.#left(client)
  }

  #join(client: ClientConnection): ClientConnection {
    this.count++
    this.#reactor.register(client)
    this.onJoined(client)
    return client
  }

  #left(client: ClientConnection): void {
    this.count--
    const { id, limits } = client.listener.spec
    this.#gate.leave(id, client.peer, limits)
  }
}
