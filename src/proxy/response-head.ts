import type { ClientConnection } from '../downstream/client.ts'
import { LOAD_HIDING_RULES, RESPONSE_RULES, RULE } from '../filter/hygiene.ts'
import { FIELD_STRIDE, LINE_END, NAME_START } from '../http/head.ts'
import type { Head } from '../http/head.ts'
import { FIELD } from '../http/names.ts'
import type { ProxyContext } from './context.ts'
import type { StickyCookie } from './sticky.ts'
import { REQUEST_ID_BYTES } from './request-id.ts'

/** What we say in a response's head besides what the endpoint said. */
export type ResponseSaying = {
  /** Where the request id stands in `mem`. */
  readonly requestIdStart: number
  readonly chunked: boolean
  /** `connection: close`, or `keep-alive` for an HTTP/1.0 client that asked for it, or nothing. */
  readonly connection: 'close' | 'keep-alive' | ''
  /** What it says of the server's load is not for the client. */
  readonly hideLoad: boolean
  /** To be set at the client, naming the endpoint with this hash. */
  readonly cookie: StickyCookie | undefined
  readonly session: number
  /** The response switches protocols. */
  readonly upgrade: boolean
}

/** Everything we add, at its longest. */
const ADDED_BYTES = 256

/**
 * Sends a response's head to the client: lines that pass go out from where they were read, in runs; what we add comes last. The
 * version is ours (RFC 9112 §2.3): an HTTP/1.0 endpoint's status line gets it in place of its own.
 */
export class ResponseHeadSender {
  readonly #context: ProxyContext
  /** Bytes of the head sent last. */
  bytes = 0

  constructor(context: ProxyContext) {
    this.#context = context
  }

  /** A final response's head, or a 101's. */
  send(client: ClientConnection, head: Head, saying: ResponseSaying): void {
    this.bytes = 0
    const dated = this.#sendKept(client, head, saying.hideLoad)
    const { reactor, phrases, date } = this.#context
    const { ops, mem } = reactor
    const { cookie } = saying
    const start = ops.reserve(ADDED_BYTES + (cookie === undefined ? 0 : cookie.bytes))
    let at = phrases.put(start, phrases.requestId)
    mem.copyWithin(at, saying.requestIdStart, saying.requestIdStart + REQUEST_ID_BYTES)
    at = phrases.put(at + REQUEST_ID_BYTES, phrases.crlf)
    if (!dated) {
      // RFC 9110 §6.6.1: who forwards a response without Date says when it was received.
      at = date.writeTo(mem, phrases.put(at, phrases.date), reactor.wallMs)
      at = phrases.put(at, phrases.crlf)
    }
    if (cookie !== undefined) at = cookie.write(mem, at, saying.session, false)
    if (saying.chunked) at = phrases.put(at, phrases.chunked)
    if (saying.upgrade) at = phrases.put(at, phrases.upgradeWebSocket)
    if (saying.connection === 'close') at = phrases.put(at, phrases.close)
    else if (saying.connection === 'keep-alive') at = phrases.put(at, phrases.keepAlive)
    at = phrases.put(at, phrases.crlf)
    ops.wrote(at)
    ops.send(client, start, at)
    this.bytes += at - start
  }

  /** An interim response (1xx but 101), as it came but for what is for one hop. */
  sendInterim(client: ClientConnection, head: Head): void {
    this.bytes = 0
    this.#sendKept(client, head, false)
    const { crlf } = this.#context.phrases
    this.#context.reactor.ops.send(client, crlf.start, crlf.end)
    this.bytes += 2
  }

  /** Returns whether there was a Date. */
  #sendKept(client: ClientConnection, head: Head, hideLoad: boolean): boolean {
    const { fields, count } = head
    const rules = hideLoad ? LOAD_HIDING_RULES : RESPONSE_RULES
    let dated = false
    let runStart = this.#statusLine(client, head)
    let runEnd = count > 0 ? fields[NAME_START]! : head.end - 2
    for (let i = 0; i < count; i++) {
      const row = i * FIELD_STRIDE
      const id = fields[row]!
      const passes = rules[id] === RULE.keep && !(head.connectionNames && head.namedByConnection(i))
      if (passes) {
        if (runStart < 0) runStart = fields[row + NAME_START]!
        runEnd = fields[row + LINE_END]!
        if (id === FIELD.date) dated = true
      } else if (runStart >= 0) {
        this.#run(client, runStart, runEnd)
        runStart = -1
      }
    }
    if (runStart >= 0) this.#run(client, runStart, runEnd)
    return dated
  }

  #run(client: ClientConnection, start: number, end: number): void {
    this.#context.reactor.ops.send(client, start, end)
    this.bytes += end - start
  }

  /** Returns where the first run begins. */
  #statusLine(client: ClientConnection, head: Head): number {
    if (head.minor === 1) return head.start
    const { statusVersion } = this.#context.phrases
    this.#run(client, statusVersion.start, statusVersion.end)
    return head.start + (statusVersion.end - statusVersion.start)
  }
}
