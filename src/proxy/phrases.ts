import { writeAscii } from '../base/bytes.ts'
import type { Reactor } from '../io/reactor.ts'

/** A constant that lies in `mem`, so that it can be sent from there or copied with one `copyWithin`. */
export type Phrase = { readonly start: number; readonly end: number }

/** The constants of what we write, laid into one slab for the life of the shard. */
export class Phrases {
  readonly #mem: Uint8Array
  #at: number
  readonly crlf: Phrase
  readonly lastChunk: Phrase
  /** Ends a request line and begins what we vouch for. */
  readonly version: Phrase
  readonly protoHttp: Phrase
  readonly forwardedFor: Phrase
  readonly forwardedHost: Phrase
  /** The last fields of every request: Via, and the name of the request id. */
  readonly viaAndRequestId: Phrase
  readonly chunked: Phrase
  readonly hostName: Phrase
  readonly upgradeWebSocket: Phrase
  readonly requestId: Phrase
  readonly close: Phrase
  readonly keepAlive: Phrase
  readonly date: Phrase
  readonly statusVersion: Phrase

  constructor(reactor: Reactor) {
    this.#mem = reactor.mem
    this.#at = reactor.slabs.take(1024)
    if (this.#at < 0) throw new RangeError('no slab for the phrases')
    this.crlf = this.#place('\r\n')
    this.lastChunk = this.#place('0\r\n\r\n')
    this.version = this.#place(' HTTP/1.1\r\n')
    this.protoHttp = this.#place('x-forwarded-proto: http\r\n')
    this.forwardedFor = this.#place('x-forwarded-for: ')
    this.forwardedHost = this.#place('x-forwarded-host: ')
    this.viaAndRequestId = this.#place('via: 1.1 weir\r\nx-request-id: ')
    this.chunked = this.#place('transfer-encoding: chunked\r\n')
    this.hostName = this.#place('host: ')
    this.upgradeWebSocket = this.#place('connection: upgrade\r\nupgrade: websocket\r\n')
    this.requestId = this.#place('x-request-id: ')
    this.close = this.#place('connection: close\r\n')
    this.keepAlive = this.#place('connection: keep-alive\r\n')
    this.date = this.#place('date: ')
    this.statusVersion = this.#place('HTTP/1.1 ')
  }

  /** Copy a phrase to `at`; returns the next offset. */
  put(at: number, phrase: Phrase): number {
    this.#mem.copyWithin(at, phrase.start, phrase.end)
    return at + phrase.end - phrase.start
  }

  #place(text: string): Phrase {
    const start = this.#at
    this.#at = writeAscii(this.#mem, start, text)
    return { start, end: this.#at }
  }
}
