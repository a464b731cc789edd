import { copySpan, writeAscii } from '../base/bytes.ts'
import type { ClientConnection } from '../downstream/client.ts'
import { REQUEST_RULES, RULE } from '../filter/hygiene.ts'
import { POSE, poseOf } from '../http/forwarding.ts'
import { BODY } from '../http/framing.ts'
import { FIELD_STRIDE, LINE_END, NAME_START, VALUE_END, VALUE_START } from '../http/head.ts'
import type { Head } from '../http/head.ts'
import { FIELD } from '../http/names.ts'
import type { Target } from '../http/uri.ts'
import type { ProxyContext } from './context.ts'
import type { Failure } from './failure.ts'
import { REQUEST_ID_BYTES, writeRequestId } from './request-id.ts'

/** A request as it stands before it is forwarded. */
export type InboundRequest = {
  readonly head: Head
  readonly target: Target
  readonly client: ClientConnection
  /** Body length or `BODY`. */
  readonly framing: number
  /** A WebSocket handshake. */
  readonly upgrade: boolean
  /** What to call ourselves toward an endpoint when an HTTP/1.0 request names no host. */
  readonly fallbackHost: string
  /** It was taken over from a shard that died, and is as it goes to endpoints already. */
  readonly kept: KeptRequest | undefined
}

/** A request that outlived its shard: `head` is of the copy in `mem[slab, end)`. */
export type KeptRequest = {
  readonly slab: number
  readonly end: number
  /** HTTP/1.x of its client. */
  readonly minor: number
  /** Monotonic ms. */
  readonly startedMs: number
  /** Shards that it outlived, that one included. */
  readonly rescues: number
  /** What its client is told, where it may not be sent again. */
  readonly failure: Failure | undefined
}

/** Everything we add, at its longest, without what is copied from the request. */
const ADDED_BYTES = 512

/**
 * Writes the head that goes to the endpoint. Lines that pass are copied in runs; what only a hop may say is left out; what we vouch for
 * is written by us: `x-forwarded-*`, `via`, `x-request-id` (DESIGN: reset at the edge unless the peer is a trusted proxy).
 * Where things landed is kept for the access log and the response, as offsets into `mem`, until the next head is written.
 */
export class RequestHeadWriter {
  readonly #context: ProxyContext
  readonly #mem: Uint8Array
  #at = 0
  #runStart = -1
  #runEnd = -1
  methodEnd = 0
  targetStart = 0
  targetEnd = 0
  requestIdStart = 0
  hostStart = 0
  hostEnd = 0
  userAgentStart = 0
  userAgentEnd = 0
  refererStart = 0
  refererEnd = 0

  constructor(context: ProxyContext) {
    this.#context = context
    this.#mem = context.reactor.mem
  }

  /** Bytes that `write` needs at most. */
  bound(request: InboundRequest): number {
    const { head, target, client, fallbackHost } = request
    const authority = target.authorityEnd - target.authorityStart
    return head.end - head.start + 2 * authority + client.peer.length + fallbackHost.length + ADDED_BYTES
  }

  /** Write at `at` of `mem`, where `bound` bytes are free; returns the end. */
  write(at: number, request: InboundRequest): number {
    this.hostEnd = this.hostStart
    this.userAgentEnd = this.userAgentStart
    this.refererEnd = this.refererStart
    this.#at = at
    this.#requestLine(request)
    this.#keptFields(request)
    this.#ownHost(request)
    const { phrases } = this.#context
    if (request.framing === BODY.chunked) this.#at = phrases.put(this.#at, phrases.chunked)
    if (request.upgrade) this.#at = phrases.put(this.#at, phrases.upgradeWebSocket)
    this.#forwarding(request)
    this.#at = phrases.put(this.#at, phrases.viaAndRequestId)
    this.requestIdStart = this.#at
    this.#at = writeRequestId(this.#mem, this.#at, this.#context.rng)
    this.#mem[this.#at] = 13
    this.#mem[this.#at + 1] = 10
    this.#mem[this.#at + 2] = 13
    this.#mem[this.#at + 3] = 10
    return this.#at + 4
  }

  get requestIdEnd(): number {
    return this.requestIdStart + REQUEST_ID_BYTES
  }

  #copy(start: number, end: number): void {
    this.#mem.copyWithin(this.#at, start, end)
    this.#at += end - start
  }

  #requestLine({ head, target }: InboundRequest): void {
    this.#copy(head.methodStart, head.methodEnd)
    this.methodEnd = this.#at
    this.#mem[this.#at++] = 32
    this.targetStart = this.#at
    if (target.verbatim) this.#copy(target.pathStart, target.queryEnd)
    else this.#at = copySpan(this.#mem, this.#at, target.bytes, target.pathStart, target.queryEnd)
    this.targetEnd = this.#at
    this.#at = this.#context.phrases.put(this.#at, this.#context.phrases.version)
  }

  #keptFields(request: InboundRequest): void {
    const { head } = request
    const { fields, count } = head
    this.#runStart = -1
    for (let i = 0; i < count; i++) {
      const row = i * FIELD_STRIDE
      const id = fields[row]!
      if (this.#passes(request, i, id)) {
        if (this.#runStart < 0) this.#runStart = fields[row + NAME_START]!
        this.#runEnd = fields[row + LINE_END]!
        if (id !== 0) this.#note(id, fields[row + VALUE_START]!, fields[row + VALUE_END]!)
      } else this.#endRun()
    }
    this.#endRun()
  }

  #passes(request: InboundRequest, index: number, id: number): boolean {
    const { head, client } = request
    if (head.connectionNames && head.namedByConnection(index)) return false
    if (id === 0) {
      const pose = poseOf(head, index)
      return pose === POSE.none || (pose === POSE.forwarding && client.trusted)
    }
    const rule = REQUEST_RULES[id]!
    if (rule === RULE.keep) return true
    if (rule === RULE.edge) return client.trusted
    return rule === RULE.host && !request.target.ownAuthority
  }

  /** Copy the run of lines that pass. Offsets noted on the way already reckon with where it lands. */
  #endRun(): void {
    if (this.#runStart < 0) return
    this.#copy(this.#runStart, this.#runEnd)
    this.#runStart = -1
  }

  #note(id: number, start: number, end: number): void {
    const shift = this.#at - this.#runStart
    if (id === FIELD.host) {
      this.hostStart = start + shift
      this.hostEnd = end + shift
    } else if (id === FIELD.userAgent) {
      this.userAgentStart = start + shift
      this.userAgentEnd = end + shift
    } else if (id === FIELD.referer) {
      this.refererStart = start + shift
      this.refererEnd = end + shift
    }
  }

  /** Host, where the request's own line was not kept: the target's authority, or for an HTTP/1.0 request without any, ours. */
  #ownHost({ head, target, fallbackHost }: InboundRequest): void {
    if (!target.ownAuthority && head.hostStart >= 0) return
    this.#at = this.#context.phrases.put(this.#at, this.#context.phrases.hostName)
    this.hostStart = this.#at
    if (target.ownAuthority) this.#copy(target.authorityStart, target.authorityEnd)
    else this.#at = writeAscii(this.#mem, this.#at, fallbackHost)
    this.hostEnd = this.#at
    this.#crlf()
  }

  #forwarding({ head, target, client }: InboundRequest): void {
    const { phrases } = this.#context
    this.#at = phrases.put(this.#at, phrases.forwardedFor)
    if (client.trusted) this.#forwardedSoFar(head)
    this.#at = writeAscii(this.#mem, this.#at, client.peer)
    this.#crlf()
    if (client.trusted && head.find(FIELD.forwarded) >= 0) this.#forwardedElement(client.peer)
    if (!client.trusted || head.find(FIELD.xForwardedProto) < 0) {
      this.#at = phrases.put(this.#at, phrases.protoHttp)
    }
    if (client.trusted && head.find(FIELD.xForwardedHost) >= 0) return
    if (target.authorityEnd === target.authorityStart) return
    this.#at = phrases.put(this.#at, phrases.forwardedHost)
    this.#copy(target.authorityStart, target.authorityEnd)
    this.#crlf()
  }

  /** Our element of a Forwarded list that a trusted proxy began (RFC 7239 §4): who it was that spoke to us. */
  #forwardedElement(peer: string): void {
    const node = peer.includes(':') ? (peer === 'unix:' ? 'unknown' : `"[${peer}]"`) : peer
    this.#at = writeAscii(this.#mem, this.#at, `forwarded: for=${node}`)
    this.#crlf()
  }

  /** What trusted proxies wrote before us, as one list. */
  #forwardedSoFar(head: Head): void {
    for (let i = head.find(FIELD.xForwardedFor); i >= 0; i = head.find(FIELD.xForwardedFor, i + 1)) {
      const row = i * FIELD_STRIDE
      const start = head.fields[row + VALUE_START]!
      const end = head.fields[row + VALUE_END]!
      if (end === start) continue
      this.#copy(start, end)
      this.#mem[this.#at++] = 44
      this.#mem[this.#at++] = 32
    }
  }

  #crlf(): void {
    this.#mem[this.#at++] = 13
    this.#mem[this.#at++] = 10
  }
}
