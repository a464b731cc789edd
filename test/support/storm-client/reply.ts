import { bodyOf } from './wish.ts'
import type { Wish } from './wish.ts'

/** The bytes of one response, held against what the wish says they must be, as they come. Strict: what is not as expected is wrong. */
export type Verdict =
  | { readonly kind: 'more' }
  | { readonly kind: 'answered'; readonly closes: boolean }
  /** An answer of the proxy's own: 502, 503, 504. */
  | { readonly kind: 'failed'; readonly status: 502 | 503 | 504; readonly closes: boolean }
  | { readonly kind: 'wrong'; readonly detail: string }

const MORE: Verdict = { kind: 'more' }
const HEAD_MOST = 8192

export class Reply {
  readonly #wish: Wish
  #head: Buffer = Buffer.alloc(0)
  #inBody = false
  #status = 0
  #closes = false
  #chunked = false
  #own = false
  /** Of the body; the own one of an error is not known before, only how long it is. */
  #expected: Buffer = Buffer.alloc(0)
  #length = 0
  #seen = 0
  #chunkLeft = -1
  #line = ''

  constructor(wish: Wish) {
    this.#wish = wish
  }

  take(bytes: Buffer): Verdict {
    if (this.#inBody) return this.#takeBody(bytes)
    this.#head = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes])
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) return this.#head.length > HEAD_MOST ? wrong('a head without end') : MORE
    const detail = this.#readHead(this.#head.toString('latin1', 0, end))
    if (detail !== '') return wrong(detail)
    this.#inBody = true
    return this.#takeBody(this.#head.subarray(end + 4))
  }

  #readHead(head: string): string {
    const [line = '', ...fields] = head.toLowerCase().split('\r\n')
    const field = (name: string): string | undefined =>
      fields.find((text) => text.startsWith(`${name}: `))?.slice(name.length + 2)
    this.#status = Number(/^http\/1\.1 (\d{3}) /.exec(line)?.[1] ?? 0)
    this.#closes = field('connection')?.includes('close') === true
    this.#chunked = field('transfer-encoding') === 'chunked'
    this.#own = field('proxy-status') !== undefined
    const length = field('content-length')
    if (!this.#chunked && length === undefined) return `no length: ${head}`
    if (this.#status === 200 && !this.#own) {
      const { id, size } = this.#wish
      if (field('x-storm-id') !== String(id)) return `${field('x-storm-id')} came for ${id}`
      this.#expected = bodyOf(id, size)
      this.#length = size
      return this.#chunked || Number(length) === size ? '' : `length ${length}, not ${size}`
    }
    if (!this.#own || ![502, 503, 504].includes(this.#status)) return head
    this.#length = this.#chunked ? Infinity : Number(length)
    return ''
  }

  #takeBody(bytes: Buffer): Verdict {
    if (this.#chunked) return this.#takeChunks(bytes)
    if (!this.#matches(bytes)) return wrong(`body differs near ${this.#seen} of ${this.#length}`)
    this.#seen += bytes.length
    if (this.#seen < this.#length) return MORE
    return this.#seen === this.#length ? this.#done() : wrong('bytes behind the response')
  }

  /** Sizes are of the proxy's making or the backend's: hexadecimal, no extensions, no trailers. */
  #takeChunks(bytes: Buffer): Verdict {
    let at = 0
    while (at < bytes.length) {
      if (this.#chunkLeft > 0) {
        const part = bytes.subarray(at, at + this.#chunkLeft)
        if (!this.#matches(part)) return wrong(`chunk differs near ${this.#seen} of ${this.#length}`)
        this.#seen += part.length
        this.#chunkLeft -= part.length
        at += part.length
        continue
      }
      this.#line += String.fromCharCode(bytes[at++] ?? 0)
      if (this.#chunkLeft === 0 && this.#line === '\r\n') {
        this.#chunkLeft = -1
        this.#line = ''
      } else if (this.#chunkLeft === -1 && this.#line.endsWith('\r\n')) {
        const size = this.#line === '0\r\n' ? 0 : Number.parseInt(this.#line, 16)
        if (!(size >= 0)) return wrong(`chunk size ${JSON.stringify(this.#line)}`)
        this.#chunkLeft = size === 0 ? -2 : size
        this.#line = ''
      } else if (this.#chunkLeft === -2 && this.#line === '\r\n') {
        if (at < bytes.length) return wrong('bytes behind the last chunk')
        return this.#own || this.#seen === this.#length ? this.#done() : wrong(`ended at ${this.#seen}`)
      } else if (this.#line.length > 16) return wrong(`chunk framing ${JSON.stringify(this.#line)}`)
    }
    return MORE
  }

  #matches(bytes: Buffer): boolean {
    if (this.#own) return true
    const expected = this.#expected.subarray(this.#seen, this.#seen + bytes.length)
    return expected.equals(bytes)
  }

  #done(): Verdict {
    if (!this.#own) return { kind: 'answered', closes: this.#closes }
    return { kind: 'failed', status: this.#status as 502 | 503 | 504, closes: this.#closes }
  }
}

function wrong(detail: string): Verdict {
  return { kind: 'wrong', detail }
}
