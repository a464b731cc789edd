import { copySpan } from '../base/bytes.ts'
import type { ClientConnection } from '../downstream/client.ts'
import { BODY } from '../http/framing.ts'
import { FIELD_STRIDE, VALUE_END, VALUE_START } from '../http/head.ts'
import type { Head } from '../http/head.ts'
import { isIdempotent } from '../http/methods.ts'
import { FIELD } from '../http/names.ts'
import { RELAY } from '../io/engine.ts'
import type { ExchangeRecord } from '../telemetry/record.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { ProxyContext } from './context.ts'
import { OUT, Pump, RELAY_BYTES } from './pump.ts'
import { REQUEST_ID_BYTES } from './request-id.ts'
import type { InboundRequest, KeptRequest, RequestHeadWriter } from './request-head.ts'

/** Bytes of head and body together up to which a request is kept to be sent again. The body must arrive with the head. */
export const REPLAY_BYTES = 8192

/** Shards that a request may outlive: it may be what kills them. */
export const MOST_RESCUES = 3

/** The request's half of an exchange: its head as it goes to the endpoint, and its body on the way there. */
export class RequestSide {
  readonly #context: ProxyContext
  readonly #pump: Pump
  method = 0
  /** HTTP/1.x of the client. */
  minor = 1
  /** A WebSocket handshake. */
  upgrade = false
  /** Head, and with it a small body, lie at `mem[#slab, #end)`. */
  #slab = -1
  #end = 0
  /** The engine moved some of the body by itself: then no `blocked` tells of what it queued. */
  #relayed = false
  /** Monotonic ms. */
  startedMs = 0
  /** Shards that it outlived. */
  rescues = 0
  /** Something of it was given to a connection. */
  #sent = false
  /** All that was sent of the request is in the slab. */
  #replayable = false
  /** The request's id, for those who ask when the slab is gone; begins with 0 while there is none. */
  readonly id: Uint8Array = new Uint8Array(REQUEST_ID_BYTES)
  // Where things stand in the slab, for the response and the access log.
  requestIdStart = 0
  #methodEnd = 0
  #targetStart = 0
  #targetEnd = 0
  #hostStart = 0
  #hostEnd = 0
  #userAgentStart = 0
  #userAgentEnd = 0
  #refererStart = 0
  #refererEnd = 0

  constructor(context: ProxyContext) {
    this.#context = context
    this.#pump = new Pump(context)
  }

  /** Write the head. False when no buffer is left for it. */
  begin(request: InboundRequest, writer: RequestHeadWriter): boolean {
    const { head, client, framing } = request
    const { reactor } = this.#context
    this.requestIdStart = -1
    this.id[0] = 0
    this.method = head.method
    this.minor = head.minor
    this.upgrade = request.upgrade
    const { chunkExtensions, trailers, body } = client.listener.spec.limits
    this.#pump.begin(framing, OUT.same, { extensions: chunkExtensions, trailers }, body)
    this.startedMs = reactor.nowMs
    this.rescues = 0
    if (request.kept !== undefined) {
      this.#keep(request, request.kept)
      return true
    }
    const small = framing > 0 && framing <= REPLAY_BYTES ? framing : 0
    const bound = writer.bound(request)
    this.#slab = reactor.slabs.take(bound + small <= REPLAY_BYTES ? bound + small : bound)
    if (this.#slab < 0) return false
    this.#end = writer.write(this.#slab, request)
    this.#replayable = true
    this.#relayed = false
    this.#sent = false
    this.#note(writer)
    return true
  }

  /** The whole request was read and sent, or lies ready to be sent. */
  get done(): boolean {
    return this.#pump.done
  }

  /** It may be sent once more: nothing is lost and doing it twice does what doing it once does (RFC 9110 §9.2.2). */
  get repeatable(): boolean {
    return this.replayable && isIdempotent(this.method)
  }

  /** All that was ever sent of it lies ready to be sent. */
  get replayable(): boolean {
    return this.#replayable && this.#slab >= 0
  }

  /** Another shard may take it to an endpoint if this one ends: it is here whole, and nobody can have acted on it, or doing it twice does no harm. */
  get rescuable(): boolean {
    const mayGo = this.rescues < MOST_RESCUES && this.done && this.replayable
    return mayGo && (!this.#sent || isIdempotent(this.method))
  }

  /** Where it lies, head and body; empty if it does not. */
  get start(): number {
    return this.#slab
  }

  get length(): number {
    return this.#slab < 0 ? 0 : this.#end - this.#slab
  }

  get bytes(): number {
    return this.#pump.payload
  }

  /** Send what lies in the slab; the rest of the body follows through `feed`. */
  sendTo(up: UpstreamConnection): void {
    this.#sent = true
    this.#context.reactor.ops.send(up, this.#slab, this.#end)
  }

  /**
   * Body bytes in `mem[start, end)`: sent on to `up`; while there is none, or it is still connecting (and could not tell us to stop),
   * taken only if the slab has room for the whole body.
   * Returns the offset behind what was taken, -id of a rejection, or `BODY_OVER_LIMIT`.
   */
  feed(start: number, end: number, up: UpstreamConnection | undefined): number {
    if (this.#pump.done || start === end) return start
    if (this.#replayable && this.#fitsSlab(end - start)) return this.#feedThroughSlab(start, up)
    if (up === undefined || up.connecting) return start
    this.#replayable = false
    return this.#pump.feed(start, end, up)
  }

  /** Some of the request still waits to be taken by `up`. */
  queuedAt(up: UpstreamConnection): boolean {
    return up.blocked || (this.#relayed && up.queuedBytes > 0)
  }

  /**
   * Let the engine move the rest, if there is enough of it to be worth that. Only right after body bytes of the client's were fed:
   * a later row of the same batch with more of them would go past the engine's count.
   */
  relayRest(client: ClientConnection, up: UpstreamConnection): void {
    if (this.#pump.left < RELAY_BYTES || client.relaying) return
    client.relaying = true
    this.#relayed = true
    this.#context.reactor.ops.relay(client, up, this.#pump.left)
  }

  relayed(status: number, bytes: number): void {
    if (status === RELAY.complete || bytes > 0) this.#pump.relayed(bytes)
  }

  /** The endpoint has answered: the request is not needed again, unless the access log still wants to read it. */
  answered(): void {
    if (!this.#context.logging) this.release()
  }

  release(): void {
    if (this.#slab < 0) return
    this.#context.reactor.release(this.#slab)
    this.#slab = -1
  }

  /** Tell the record what the access log wants to know of the request. */
  describe(record: ExchangeRecord): void {
    record.minor = this.minor
    record.bytesFromClient = this.#pump.payload
    if (this.#slab < 0) return
    record.methodStart = this.#slab
    record.methodEnd = this.#methodEnd
    record.targetStart = this.#targetStart
    record.targetEnd = this.#targetEnd
    record.hostStart = this.#hostStart
    record.hostEnd = this.#hostEnd
    record.userAgentStart = this.#userAgentStart
    record.userAgentEnd = this.#userAgentEnd
    record.refererStart = this.#refererStart
    record.refererEnd = this.#refererEnd
    record.requestIdStart = this.requestIdStart
    record.requestIdEnd = this.requestIdStart + REQUEST_ID_BYTES
  }

  #fitsSlab(available: number): boolean {
    const { framing, left, payload } = this.#pump
    if (framing === BODY.chunked || payload > 0 || available < left) return false
    const used = this.#end - this.#slab
    return used + left <= REPLAY_BYTES && used + left <= this.#context.reactor.slabs.sizeAt(this.#slab)
  }

  #feedThroughSlab(start: number, up: UpstreamConnection | undefined): number {
    const { left } = this.#pump
    const at = this.#end
    this.#context.reactor.mem.copyWithin(at, start, start + left)
    this.#end += left
    if (up !== undefined) this.#context.reactor.ops.send(up, at, this.#end)
    this.#pump.relayed(left)
    return start + left
  }

  /** All of it is here, but for the body of one that must fail anyway. */
  #keep(
    { head, framing }: InboundRequest,
    { slab, end, minor, startedMs, rescues, failure }: KeptRequest,
  ): void {
    this.#slab = slab
    this.#end = end
    this.minor = minor
    this.startedMs = startedMs
    this.rescues = rescues
    this.#replayable = true
    this.#relayed = false
    this.#sent = false
    if (failure === undefined && framing > 0) this.#pump.relayed(framing)
    this.requestIdStart = head.end - REQUEST_ID_BYTES - 4 // our last field
    copySpan(
      this.id,
      0,
      this.#context.reactor.mem,
      this.requestIdStart,
      this.requestIdStart + REQUEST_ID_BYTES,
    )
    this.#methodEnd = head.methodEnd
    this.#targetStart = head.targetStart
    this.#targetEnd = head.targetEnd
    ;[this.#hostStart, this.#hostEnd] = valueOf(head, FIELD.host)
    ;[this.#userAgentStart, this.#userAgentEnd] = valueOf(head, FIELD.userAgent)
    ;[this.#refererStart, this.#refererEnd] = valueOf(head, FIELD.referer)
  }

  #note(writer: RequestHeadWriter): void {
    this.requestIdStart = writer.requestIdStart
    copySpan(this.id, 0, this.#context.reactor.mem, writer.requestIdStart, writer.requestIdEnd)
    this.#methodEnd = writer.methodEnd
    this.#targetStart = writer.targetStart
    this.#targetEnd = writer.targetEnd
    this.#hostStart = writer.hostStart
    this.#hostEnd = writer.hostEnd
    this.#userAgentStart = writer.userAgentStart
    this.#userAgentEnd = writer.userAgentEnd
    this.#refererStart = writer.refererStart
    this.#refererEnd = writer.refererEnd
  }
}

/** Where the value of a field stands; empty if there is none. */
const valueOf = (head: Head, id: number): readonly [start: number, end: number] => {
  const row = head.find(id) * FIELD_STRIDE
  return row < 0 ? [0, 0] : [head.fields[row + VALUE_START]!, head.fields[row + VALUE_END]!]
}
