import type { ClientConnection } from '../downstream/client.ts'
import { endpointHash } from '../balance/identity.ts'
import { BODY, persistent, responseFraming } from '../http/framing.ts'
import type { TrailerReader } from '../http/h1/trailers.ts'
import type { Head } from '../http/head.ts'
import { RELAY } from '../io/engine.ts'
import { ROLE } from '../shm/notes.ts'
import type { ExchangeRecord } from '../telemetry/record.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { RESPONSE_LIMITS } from './context.ts'
import type { ProxyContext } from './context.ts'
import { FAILURE } from './failure.ts'
import type { Failure } from './failure.ts'
import { OUT, Pump, RELAY_BYTES } from './pump.ts'
import { replyFailure } from './reply.ts'
import type { StickyCookie } from './sticky.ts'
import type { RequestSide } from './request-side.ts'
import type { ResponseHeadSender } from './response-head.ts'
import { namesWebSocket } from './websocket.ts'

/** What became of the response. */
export const READ = {
  /** All bytes given were taken, more is to come. */
  more: 0,
  /** Complete, and the connection may carry another exchange. */
  reusable: 1,
  /** Complete; the connection must not be used again. */
  complete: 2,
  /** A 101 went to the client; what follows it is at `restStart … restEnd`. */
  switched: 3,
  malformed: 4,
  /** The endpoint ended it too early. */
  cut: 5,
  /** Nothing new. */
  nothing: 6,
} as const

/** The response's half of an exchange: what goes to the client of what the endpoint that answers sends. */
export class ResponseSide {
  readonly #context: ProxyContext
  readonly #sender: ResponseHeadSender
  readonly #pump: Pump
  #client!: ClientConnection
  #request!: RequestSide
  /** The endpoint's progress when the engine took over. */
  #relayBase = 0
  #wantsKeepAlive = false
  #hidesLoad = false
  /** To be set at the client, and the endpoint it names. */
  #cookie: StickyCookie | undefined
  #session = 0
  /** The final head was sent: from here on a failure can only break the connection. */
  started = false
  /** The client has a byte of a response, be it an interim one: nobody else may answer. */
  touched = false
  /** The response is one of ours. */
  refused = false
  /** The client's connection stays open after this response. */
  keepAlive = false
  /** The endpoint's connection may carry another exchange. */
  #persistent = false
  status = 0
  bytes = 0
  restStart = 0
  restEnd = 0

  constructor(context: ProxyContext, sender: ResponseHeadSender) {
    this.#context = context
    this.#sender = sender
    this.#pump = new Pump(context)
  }

  /** `load`: sees what the endpoint says of its load, which is then not for the client. */
  begin(
    client: ClientConnection,
    request: RequestSide,
    wantsKeepAlive: boolean,
    load: TrailerReader | undefined,
  ): void {
    this.#client = client
    this.#request = request
    this.#wantsKeepAlive = wantsKeepAlive
    this.#cookie = undefined
    this.refused = false
    this.#hidesLoad = load !== undefined
    this.#pump.trailerReader = load
    this.started = false
    this.touched = false
    this.keepAlive = false
    this.#persistent = false
    this.status = 0
    this.bytes = 0
    this.#pump.begin(BODY.none, OUT.same, RESPONSE_LIMITS) // until there is a head, no payload: not that of the exchange before
  }

  /**
   * The client's connection may carry another request behind a response that begins now: the client wants that, the connection's
   * time has not come, and (an early response) none of this request is left to be read.
   */
  get mayGoOn(): boolean {
    return this.#wantsKeepAlive && this.#request.done && !this.#client.leaving
  }

  /** What the client asked for, as far as it was up to it. */
  get wantsKeepAlive(): boolean {
    return this.#wantsKeepAlive
  }

  /** An interim head goes to the client. */
  interim(head: Head): void {
    this.touched = true
    this.#client.noteRole(ROLE.responding)
    this.#sender.sendInterim(this.#client, head)
  }

  /** Is it a head that this request can have? */
  fits(head: Head): boolean {
    return head.status !== 101 || (this.#request.upgrade && head.upgrade && namesWebSocket(head))
  }

  /** The client's session is at the endpoint with this address from now on: say so with the final head. */
  stick(cookie: StickyCookie, address: string): void {
    this.#cookie = cookie
    this.#session = endpointHash(address)
  }

  /** The final head goes to the client, and with it what was read behind it, `mem[at, end)`. */
  deliver(up: UpstreamConnection, head: Head, at: number, end: number): number {
    this.touched = true
    this.started = true
    this.#client.noteRole(ROLE.responding)
    this.status = head.status
    if (head.status === 101) return this.#switch(head, at, end)
    this.#final(head)
    return this.body(up, at, end)
  }

  /** A response of our own in place of the endpoint's. */
  refuse(failure: Failure): void {
    const request = this.#request
    // To an HTTP/1.0 client our replies do not say keep-alive, so it expects the end.
    this.keepAlive = this.mayGoOn && request.minor === 1 && failure !== FAILURE.overloaded
    this.refused = true
    this.#client.noteRole(ROLE.responding)
    this.status = failure.status
    this.bytes = replyFailure(this.#context, this.#client, failure, {
      close: !this.keepAlive,
      method: request.method,
      requestIdStart: request.requestIdStart,
    })
  }

  /** The endpoint sent FIN. */
  ended(): number {
    this.#pump.close(this.#client)
    return this.#pump.done ? READ.complete : READ.cut
  }

  /** The engine moved body bytes to the client by itself. */
  relayed(up: UpstreamConnection, status: number, bytes: number): number {
    this.#pump.relayed(bytes)
    if (this.#pump.done) return this.#done(up)
    return status === RELAY.ended ? READ.cut : READ.nothing
  }

  /** An answer that came before the whole request was read leaves some of it in the way of the next one. */
  #done(up: UpstreamConnection): number {
    const clear = this.#request.done && !this.#request.queuedAt(up)
    return this.#persistent && clear && !up.ended ? READ.reusable : READ.complete
  }

  /** The exchange ends in the middle of a relay: what the engine has moved of the body by now counts. */
  settle(up: UpstreamConnection): void {
    if (!up.relaying || up.dead) return
    const moved = up.progress() - this.#relayBase
    if (moved > 0) this.#pump.relayed(Math.min(moved, this.#pump.left))
  }

  describe(record: ExchangeRecord): void {
    record.status = this.status
    record.bytesToClient = this.bytes + this.#pump.payload
  }

  #switch(head: Head, at: number, end: number): number {
    this.#sender.send(this.#client, head, {
      requestIdStart: this.#request.requestIdStart,
      chunked: false,
      connection: '',
      hideLoad: this.#hidesLoad,
      cookie: undefined,
      session: 0,
      upgrade: true,
    })
    this.bytes = this.#sender.bytes
    this.restStart = at
    this.restEnd = end
    return READ.switched
  }

  #final(head: Head): void {
    const { minor, method } = this.#request
    const framing = responseFraming(head, method)
    const delimited = framing !== BODY.chunked && framing !== BODY.untilClose
    this.keepAlive = this.mayGoOn && (minor === 1 || delimited)
    this.#persistent = framing !== BODY.untilClose && persistent(head)
    this.#sender.send(this.#client, head, {
      requestIdStart: this.#request.requestIdStart,
      chunked: !delimited && minor === 1,
      connection: this.keepAlive ? (minor === 0 ? 'keep-alive' : '') : 'close',
      hideLoad: this.#hidesLoad,
      cookie: this.#cookie,
      session: this.#session,
      upgrade: false,
    })
    this.bytes = this.#sender.bytes
    this.#pump.begin(framing, outOf(framing, minor), RESPONSE_LIMITS)
  }

  /** Bytes of the body in `mem[start, end)`. */
  body(up: UpstreamConnection, start: number, end: number): number {
    const pump = this.#pump
    const at = pump.feed(start, end, this.#client)
    if (at < 0) return READ.malformed
    if (pump.done) return at < end ? READ.complete : this.#done(up) // bytes that nobody asked for
    if (pump.left >= RELAY_BYTES && !up.relaying) {
      up.relaying = true
      this.#relayBase = up.progress()
      this.#context.reactor.ops.relay(up, this.#client, pump.left)
    }
    return READ.more
  }
}

const outOf = (framing: number, minor: number): number => {
  if (framing === BODY.chunked) return minor === 1 ? OUT.same : OUT.payload
  return framing === BODY.untilClose && minor === 1 ? OUT.chunked : OUT.same
}
