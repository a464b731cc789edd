/**
 * Drives the HTTP/1 core over a stream of bytes that arrives in pieces, as a connection does, and writes down what it says as
 * lines of text: the one way in which conformance cases, properties and the fuzzer look at it.
 *
 * Between pieces the part of a head seen so far is moved to another place of another array with other bytes around it, for the core
 * must depend on neither.
 */
import { text } from '../../../src/base/bytes.ts'
import { BODY, persistent, requestFraming, responseFraming } from '../../../src/http/framing.ts'
import { ChunkedReader } from '../../../src/http/h1/chunked.ts'
import { RequestParser } from '../../../src/http/h1/request-parser.ts'
import { ResponseParser } from '../../../src/http/h1/response-parser.ts'
import { FIELD_STRIDE, NAME_END, NAME_START, VALUE_END, VALUE_START } from '../../../src/http/head.ts'
import type { Head } from '../../../src/http/head.ts'
import { METHOD, METHOD_NAMES } from '../../../src/http/methods.ts'
import { REJECTIONS } from '../../../src/http/reject.ts'
import { FORM, Target } from '../../../src/http/uri.ts'
import { escapeBytes } from './escape.ts'

/** Small, so that limits can be tested with small inputs. */
export const LIMITS = { target: 256, head: 1024, fields: 16 } as const
export const CHUNK_LIMITS = { extensions: 64, trailers: 256 } as const

const MEMORY_BYTES = 1 << 17
/** Heads move between these two; no reader keeps bytes there from one piece to the next. */
const MEMORIES = [new Uint8Array(MEMORY_BYTES), new Uint8Array(MEMORY_BYTES)]
const FILLERS = [0x58, 0x0a, 0x00, 0x3a, 0x0d]
const FORMS = Object.keys(FORM)

export type Kind = 'request' | 'response'

export class MessageReader {
  /** One line per event. */
  readonly events: string[] = []
  rejected = false
  /** Bytes fed so far. */
  fed = 0
  private readonly kind: Kind
  private readonly method: number
  private readonly requests = new RequestParser(LIMITS)
  private readonly responses = new ResponseParser(LIMITS)
  private readonly target = new Target(new Uint8Array(LIMITS.target + 1))
  private readonly chunked = new ChunkedReader()
  private calls = 0
  private pending = new Uint8Array(0)
  /** Body to come: bytes left, or one of BODY; `BODY.none` between messages. */
  private body: number = BODY.none
  private data: number[] = []
  private forwarded: number[] = []

  /** `method` is the one a response answers. */
  constructor(kind: Kind, method: string = 'GET') {
    this.kind = kind
    this.method = Math.max(METHOD_NAMES.indexOf(method), METHOD.other)
  }

  /** One piece arrives. */
  feed(piece: Uint8Array): void {
    if (this.rejected) return
    this.fed += piece.length
    const length = this.pending.length + piece.length
    const start = this.place(piece, length)
    const memory = MEMORIES[this.calls & 1]!
    const used = this.consume(memory, start, start + length)
    this.pending = memory.slice(start + used, start + length)
  }

  /** Nothing more comes. */
  end(): void {
    this.flush()
    if (this.rejected) return
    if (this.pending.length > 0 || this.body !== BODY.none) this.events.push('more')
  }

  private place(piece: Uint8Array, length: number): number {
    this.calls++
    const memory = MEMORIES[this.calls & 1]!
    const start = 32 + ((this.calls * 977) % 8192)
    memory.fill(FILLERS[this.calls % FILLERS.length]!, start - 32, start + length + 32)
    memory.set(this.pending, start)
    memory.set(piece, start + this.pending.length)
    return start
  }

  private consume(memory: Uint8Array, start: number, end: number): number {
    let p = start
    while (p < end && !this.rejected) {
      const used = this.body === BODY.none ? this.head(memory, p, end) : this.bodyBytes(memory, p, end)
      if (used < 0) this.reject(used)
      else if (used === 0) break
      else p += used
    }
    return p - start
  }

  /** How much of a malformed body was passed on before depends on how it arrived: that is no event. */
  private reject(result: number): void {
    this.data = []
    this.forwarded = []
    this.rejected = true
    this.events.push(`reject ${REJECTIONS[-result]!.code}`)
  }

  private head(memory: Uint8Array, start: number, end: number): number {
    const request = this.kind === 'request'
    const used = request ? this.requests.parse(memory, start, end) : this.responses.parse(memory, start, end)
    if (used <= 0) return used
    const head = request ? this.requests.head : this.responses.head
    if (request) {
      const verdict = this.target.parse(head)
      if (verdict < 0) return verdict
      this.requestEvents(head)
    } else
      this.events.push(
        `response ${head.status} 1.${head.minor} ${this.span(head, head.reasonStart, head.reasonEnd)}`,
      )
    this.fieldEvents(head)
    this.body = request ? requestFraming(head) : responseFraming(head, this.method)
    this.bodyEvents(head)
    return used
  }

  private span(head: Head, start: number, end: number): string {
    return escapeBytes(head.bytes.subarray(start, end))
  }

  private requestEvents(head: Head): void {
    const t = this.target
    const method = text(head.bytes, head.methodStart, head.methodEnd)
    this.events.push(`request ${method} ${this.span(head, head.targetStart, head.targetEnd)} 1.${head.minor}`)
    const host = this.span(head, t.hostStart, t.hostEnd)
    const path = escapeBytes(t.bytes.subarray(t.pathStart, t.pathEnd))
    const query = escapeBytes(t.bytes.subarray(t.queryStart, t.queryEnd))
    this.events.push(`target ${FORMS[t.form - 1]} host=${host} path=${path} query=${query}`)
  }

  private fieldEvents(head: Head): void {
    for (let i = 0; i < head.count; i++) {
      const row = i * FIELD_STRIDE
      const name = this.span(head, head.fields[row + NAME_START]!, head.fields[row + NAME_END]!)
      const value = this.span(head, head.fields[row + VALUE_START]!, head.fields[row + VALUE_END]!)
      const named = head.connectionNames && head.namedByConnection(i) ? ' (named by Connection)' : ''
      this.events.push(`field ${name} = ${value}${named}`)
    }
  }

  private bodyEvents(head: Head): void {
    const facts = [persistent(head) ? 'persistent' : 'close']
    if (head.upgrade) facts.push('upgrade')
    if (head.expectContinue) facts.push('expects continue')
    this.events.push(`body ${bodyName(this.body)}, ${facts.join(', ')}`)
    if (this.body === BODY.chunked) this.chunked.reset(CHUNK_LIMITS)
    if (this.body === 0) this.body = BODY.none
    if (this.body === BODY.none) this.events.push('end')
  }

  private bodyBytes(memory: Uint8Array, start: number, end: number): number {
    if (this.body === BODY.chunked) return this.chunkedBytes(memory, start, end)
    const taken = this.body === BODY.untilClose ? end - start : Math.min(this.body, end - start)
    this.data.push(...memory.subarray(start, start + taken))
    if (this.body !== BODY.untilClose) this.body -= taken
    if (this.body === 0) this.finish()
    return taken
  }

  private chunkedBytes(memory: Uint8Array, start: number, end: number): number {
    const c = this.chunked
    const used = c.push(memory, start, end)
    if (used < 0) return used
    for (let i = 0; i < c.spanCount; i++) {
      this.data.push(...memory.subarray(c.spans[i * 2], c.spans[i * 2 + 1]))
    }
    for (let i = 0; i < c.forwardCount; i++) {
      this.forwarded.push(...memory.subarray(c.forwards[i * 2], c.forwards[i * 2 + 1]))
    }
    if (!c.done) return used
    this.forwarded.push(...c.tail.subarray(0, c.tailLength))
    this.finish()
    return used
  }

  private finish(): void {
    this.flush()
    this.body = BODY.none
    this.events.push('end')
  }

  private flush(): void {
    if (this.data.length > 0) this.events.push(`data ${escapeBytes(Uint8Array.from(this.data))}`)
    if (this.forwarded.length > 0) this.events.push(`forward ${escapeBytes(Uint8Array.from(this.forwarded))}`)
    this.data = []
    this.forwarded = []
  }
}

function bodyName(body: number): string {
  if (body === BODY.none) return 'none'
  if (body === BODY.chunked) return 'chunked'
  return body === BODY.untilClose ? 'until close' : `of ${body}`
}

/** Events of a stream that arrives in these pieces. */
export function read(kind: Kind, pieces: readonly Uint8Array[], method?: string): readonly string[] {
  const reader = new MessageReader(kind, method)
  for (const piece of pieces) reader.feed(piece)
  reader.end()
  return reader.events
}

/** Cut `bytes` at these offsets. */
export function cut(bytes: Uint8Array, offsets: readonly number[]): readonly Uint8Array[] {
  const borders = [0, ...offsets.toSorted((a, b) => a - b), bytes.length]
  return borders.slice(1).map((border, i) => bytes.subarray(borders[i], border))
}
