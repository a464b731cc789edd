import { BODY } from '../http/framing.ts'
import { ChunkedReader } from '../http/h1/chunked.ts'
import type { ChunkLimits } from '../http/h1/chunked.ts'
import type { TrailerReader } from '../http/h1/trailers.ts'
import { CHUNK_HEADER_BYTES, writeChunkHeader } from '../http/h1/writer.ts'
import type { Target } from '../io/ops.ts'
import type { ProxyContext } from './context.ts'

/** A body of known length with at least this much still to come is moved by the engine without waking us. */
export const RELAY_BYTES = 32_768

/** What `feed` returns for a body over its limit. Rejections of the codec are small negative numbers. */
export const BODY_OVER_LIMIT = -1_000_000

/** How a body leaves us. */
export const OUT = {
  /** In the framing it came in. */
  same: 0,
  /** Chunked, though it came close-delimited: its end must be unmistakable. */
  chunked: 1,
  /** Payload only, though it came chunked: an HTTP/1.0 client reads until we close. */
  payload: 2,
} as const

/**
 * Moves one body from one side to the other: the same for both directions. Payload is never copied here: what goes on are spans of the
 * bytes read. It knows neither client nor endpoint.
 */
export class Pump {
  readonly #context: ProxyContext
  /** Body length or `BODY`. */
  framing: number = BODY.none
  /** Bytes of a body of known length still to come. */
  left = 0
  /** Payload bytes moved. */
  payload = 0
  /** The body is complete. */
  done = true
  #out: number = OUT.same
  /** Sees the trailers of the bodies begun from now on. */
  trailerReader: TrailerReader | undefined = undefined
  /** Payload bytes of a chunked body; of one of known length whoever reads its head sees to that. */
  #limit = Infinity
  #reader: ChunkedReader | undefined

  constructor(context: ProxyContext) {
    this.#context = context
  }

  begin(framing: number, out: number, limits: ChunkLimits, bodyLimit: number = Infinity): void {
    this.#limit = bodyLimit
    this.framing = framing
    this.#out = out
    this.payload = 0
    this.left = framing > 0 ? framing : 0
    this.done = framing === BODY.none || framing === 0
    if (framing === BODY.chunked) {
      this.#reader ??= new ChunkedReader()
      this.#reader.reset(limits)
      this.#reader.trailerReader = this.trailerReader
    }
  }

  /** Take body bytes out of `mem[start, end)` and send them on; returns the offset behind them, -id of a rejection, or `BODY_OVER_LIMIT`. */
  feed(start: number, end: number, to: Target): number {
    if (this.done || start === end) return start
    if (this.framing === BODY.chunked) return this.#feedChunked(start, end, to)
    if (this.framing === BODY.untilClose) return this.#feedUntilClose(start, end, to)
    const stop = end - start < this.left ? end : start + this.left
    this.#context.reactor.ops.send(to, start, stop)
    this.relayed(stop - start)
    return stop
  }

  /** Bytes of a body of known length went past us. */
  relayed(bytes: number): void {
    this.payload += bytes
    if (this.framing < 0) return
    this.left -= bytes
    this.done = this.left === 0
  }

  /** The source closed: the end of a body that lasts until then. */
  close(to: Target): void {
    if (this.framing !== BODY.untilClose || this.done) return
    this.done = true
    const { lastChunk } = this.#context.phrases
    if (this.#out === OUT.chunked) this.#context.reactor.ops.send(to, lastChunk.start, lastChunk.end)
  }

  #feedUntilClose(start: number, end: number, to: Target): number {
    const { reactor, phrases } = this.#context
    this.payload += end - start
    if (this.#out === OUT.chunked) {
      const at = reactor.ops.reserve(CHUNK_HEADER_BYTES)
      const headerEnd = writeChunkHeader(reactor.mem, at, end - start)
      reactor.ops.wrote(headerEnd)
      reactor.ops.send(to, at, headerEnd)
    }
    reactor.ops.send(to, start, end)
    if (this.#out === OUT.chunked) reactor.ops.send(to, phrases.crlf.start, phrases.crlf.end)
    return end
  }

  #feedChunked(start: number, end: number, to: Target): number {
    const { reactor } = this.#context
    const reader = this.#reader!
    let at = start
    while (at < end && !reader.done) {
      const consumed = reader.push(reactor.mem, at, end)
      if (consumed < 0) return consumed
      if (reader.payload > this.#limit) return BODY_OVER_LIMIT // before it is sent: a body that is refused must not arrive whole
      const spans = this.#out === OUT.payload ? reader.spans : reader.forwards
      const count = this.#out === OUT.payload ? reader.spanCount : reader.forwardCount
      for (let i = 0; i < count; i++) reactor.ops.send(to, spans[i * 2]!, spans[i * 2 + 1]!)
      at += consumed
    }
    this.payload = reader.payload
    if (reader.done) {
      this.done = true
      if (this.#out !== OUT.payload) this.#sendTail(to)
    }
    return at
  }

  /** Trailers that may pass, and the end. */
  #sendTail(to: Target): void {
    const { ops, mem } = this.#context.reactor
    const reader = this.#reader!
    if (reader.tailLength === 0) return
    const at = ops.reserve(reader.tailLength)
    const tail = reader.tail
    for (let i = 0; i < reader.tailLength; i++) mem[at + i] = tail[i]!
    ops.wrote(at + reader.tailLength)
    ops.send(to, at, at + reader.tailLength)
  }
}
