import { ModelError, parseField, parseHead } from './message.ts'
import type { Field, Framing, Message } from './message.ts'

/** What a reader tells. `head` answers how the body ends, because that hangs on more than the head. */
export interface MessageEvents {
  head(message: Message): Framing
  body(bytes: Uint8Array): void
  end(message: Message, trailers: readonly Field[]): void
}

type State = 'head' | 'length' | 'close' | 'raw' | 'size' | 'data' | 'data-end' | 'trailers'

const LONGEST_LINE = 100_000
const latin1 = new TextDecoder('latin1')

/** Cuts a stream of bytes into messages, strictly: whatever RFC 9112 does not allow throws a `ModelError`. */
export class MessageReader {
  readonly #on: MessageEvents
  #state: State = 'head'
  #rest: Uint8Array = new Uint8Array(0)
  #left = 0
  #message: Message = { startLine: '', fields: [] }
  #trailers: Field[] = []

  constructor(on: MessageEvents) {
    this.#on = on
  }

  /** Nothing of a message has been read that is not complete. */
  get between(): boolean {
    return this.#state === 'head' && this.#rest.length === 0
  }

  push(bytes: Uint8Array): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    while (this.#rest.length > 0 && this.#step());
  }

  /** The stream is over. True if that is a proper end: between messages, in a tunnel, or of a body that lasts until then. */
  finish(): boolean {
    if (this.#state === 'close') this.#end()
    return this.between || this.#state === 'raw'
  }

  /** False if more bytes are needed. */
  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#head()
      case 'raw':
      case 'close':
        this.#on.body(this.#take(this.#rest.length))
        return false
      case 'length':
      case 'data':
        return this.#data()
      default:
        return this.#line()
    }
  }

  #head(): boolean {
    const end = indexOf(this.#rest, '\r\n\r\n')
    if (end < 0) {
      if (this.#rest.length > LONGEST_LINE) throw new ModelError('a head without end')
      return false
    }
    this.#message = parseHead(latin1.decode(this.#take(end + 4).subarray(0, end)))
    const framing = this.#on.head(this.#message)
    this.#trailers = []
    if (framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0)) this.#end()
    else if (framing.kind === 'length') {
      this.#left = framing.length
      this.#state = 'length'
    } else this.#state = framing.kind === 'chunked' ? 'size' : framing.kind
    return true
  }

  #data(): boolean {
    const bytes = this.#take(Math.min(this.#left, this.#rest.length))
    this.#left -= bytes.length
    this.#on.body(bytes)
    if (this.#left > 0) return false
    if (this.#state === 'length') this.#end()
    else this.#state = 'data-end'
    return true
  }

  #line(): boolean {
    const end = indexOf(this.#rest, '\r\n')
    if (end < 0) {
      if (this.#rest.length > LONGEST_LINE) throw new ModelError('a line without end')
      return false
    }
    const line = latin1.decode(this.#take(end + 2).subarray(0, end))
    if (this.#state === 'size') this.#size(line)
    else if (this.#state === 'data-end') {
      if (line !== '') throw new ModelError(`a chunk runs on: ${JSON.stringify(line.slice(0, 40))}`)
      this.#state = 'size'
    } else if (line === '') this.#end()
    else this.#trailers.push(parseField(line))
    return true
  }

  #size(line: string): void {
    const size = /^([0-9A-Fa-f]+)(;.*)?$/.exec(line)?.[1]
    if (size === undefined) throw new ModelError(`no chunk size: ${JSON.stringify(line.slice(0, 40))}`)
    this.#left = Number.parseInt(size, 16)
    this.#state = this.#left === 0 ? 'trailers' : 'data'
  }

  #end(): void {
    this.#state = 'head'
    this.#on.end(this.#message, this.#trailers)
  }

  #take(count: number): Uint8Array {
    const taken = this.#rest.subarray(0, count)
    this.#rest = this.#rest.subarray(count)
    return taken
  }
}

const indexOf = (bytes: Uint8Array, text: string): number =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(text, 0, 'latin1')
