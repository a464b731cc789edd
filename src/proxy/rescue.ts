import type { ClientConnection } from '../downstream/client.ts'
import { requestFraming } from '../http/framing.ts'
import { RequestParser } from '../http/h1/request-parser.ts'
import { METHOD } from '../http/methods.ts'
import { Target } from '../http/uri.ts'
import type { Reactor } from '../io/reactor.ts'
import { FAILURE } from './failure.ts'
import type { Destination } from './routing.ts'
import type { ProxyService } from './service.ts'
import { namesWebSocket } from './websocket.ts'

/** A request of a shard that died, as its note tells of it. */
export type LostRequest = {
  /** Head and, if it is small and may be sent again, body, as they go to endpoints. Bytes of the dead shard's memory. */
  readonly bytes: Uint8Array
  readonly destination: Destination
  /** HTTP/1.x of the client. */
  readonly minor: number
  /** The client's connection may carry another request behind it. */
  readonly keepAlive: boolean
  /** Monotonic ms. */
  readonly startedMs: number
  /** Shards that it had outlived before. */
  readonly rescues: number
  /** It may be sent to an endpoint (again). */
  readonly again: boolean
}

/** The head was within a listener's limits, and we added a little to it. */
const LIMITS = { target: 65_537, head: 98_304, fields: 2048 }

/**
 * Ends the requests of a shard that died: sends them to an endpoint (again), or answers 502. What goes to the endpoint is what the dead shard wrote, to
 * the letter: nothing is rewritten twice.
 */
export class Rescue {
  readonly #reactor: Reactor
  readonly #service: ProxyService
  readonly #parser = new RequestParser(LIMITS)
  readonly #target = new Target(new Uint8Array(LIMITS.target))

  constructor(reactor: Reactor, service: ProxyService) {
    this.#reactor = reactor
    this.#service = service
  }

  /** False: the request is not to be understood, and nothing was done. */
  begin(client: ClientConnection, lost: LostRequest): boolean {
    const { mem, slabs } = this.#reactor
    const { bytes, destination, minor, startedMs, again } = lost
    const slab = slabs.take(bytes.length)
    if (slab < 0) {
      client.listener.service.overloaded(client)
      return true
    }
    mem.set(bytes, slab)
    const { head } = this.#parser
    const consumed = this.#parser.parse(mem, slab, slab + bytes.length)
    if (consumed <= 0 || this.#target.parse(head) < 0) {
      this.#parser.reset()
      this.#reactor.release(slab)
      return false
    }
    const upgrade = head.upgrade && head.method === METHOD.get && namesWebSocket(head)
    const end = slab + bytes.length
    const failure = again ? undefined : FAILURE.shardLost
    this.#service.forward(
      {
        head,
        target: this.#target,
        client,
        framing: requestFraming(head),
        upgrade,
        fallbackHost: '',
        kept: { slab, end, minor, startedMs, rescues: lost.rescues + 1, failure },
      },
      destination,
      lost.keepAlive && again,
    )
    return true
  }
}
