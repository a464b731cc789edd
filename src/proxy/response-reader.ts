import type { Head } from '../http/head.ts'
import type { ResponseParser } from '../http/h1/response-parser.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { ProxyContext } from './context.ts'

/** What `read` and `next` found. */
export const FOUND = {
  /** No whole head: more is to come. */
  nothing: 0,
  /** The head of an interim response (1xx but 101): ask for the next. */
  interim: 1,
  /** The head of the final response, or a 101: the rest of the bytes is `[at, end)`. */
  final: 2,
  malformed: 3,
  /** No buffer is left for a head that came in part. */
  noBuffer: 4,
} as const

/** Interim responses that one request may get: an endpoint that sends them for ever is broken. */
const MAX_INTERIM = 32

/** Finds the heads in what the endpoint of one try sends. It decides nothing: whether they go to the client is for others to say. */
export class ResponseReader {
  readonly #context: ProxyContext
  /** Ours while a head is partial or not yet dealt with. */
  #parser: ResponseParser | undefined
  #interim = 0
  /** Any byte of a response was read. */
  touched = false
  /** What follows the head found last. */
  at = 0
  end = 0

  constructor(context: ProxyContext) {
    this.#context = context
  }

  begin(): void {
    this.#interim = 0
    this.touched = false
  }

  /** The head found last; good until `release`. */
  get head(): Head {
    return this.#parser!.head
  }

  read(up: UpstreamConnection, start: number, end: number): number {
    this.touched = true
    if (up.carry.empty) return this.#find(up, start, end)
    if (!up.carry.append(this.#context.reactor, start, end)) return FOUND.noBuffer
    return this.#find(up, up.carry.start, up.carry.end)
  }

  /** Behind an interim head: the next one. */
  next(up: UpstreamConnection): number {
    if (this.at < this.end) return this.#find(up, this.at, this.end)
    up.carry.clear(this.#context.reactor)
    return FOUND.nothing
  }

  /** The final head was dealt with, or nobody waits for it any more. */
  release(): void {
    if (this.#parser === undefined) return
    this.#context.responseParsers.giveBack(this.#parser)
    this.#parser = undefined
  }

  #find(up: UpstreamConnection, start: number, end: number): number {
    const { reactor, responseParsers } = this.#context
    const parser = this.#parser ?? responseParsers.take()
    this.#parser = parser
    const consumed = parser.parse(reactor.mem, start, end)
    if (consumed < 0) return FOUND.malformed
    if (consumed === 0) return this.#keepPartial(up, start, end)
    this.at = start + consumed
    this.end = end
    const { status } = parser.head
    if (status >= 200 || status === 101) return FOUND.final
    return ++this.#interim > MAX_INTERIM ? FOUND.malformed : FOUND.interim
  }

  #keepPartial(up: UpstreamConnection, at: number, end: number): number {
    const { reactor } = this.#context
    if (!up.carry.empty) up.carry.keepFrom(reactor, at)
    else if (!up.carry.append(reactor, at, end)) return FOUND.noBuffer
    return FOUND.nothing
  }
}
