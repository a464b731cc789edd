/**
 * The parser inside the node binary, as a second reader of the same bytes: strict mode, no sockets. It is reached through node's own
 * internal module because nothing public gives it without a connection.
 */

/** What both readers must agree on in a message. */
export type Message = {
  readonly start: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  body: string
  complete: boolean
}

export type Reading = {
  readonly messages: Message[]
  /** llhttp's code, e.g. HPE_INVALID_HEADER_TOKEN. */
  readonly error: string | undefined
}

type Parser = {
  initialize(kind: number, resource: object, maxHeaderSize: number, lenient: number): void
  execute(bytes: Uint8Array): number | (Error & { code: string })
  [event: number]: (...args: never[]) => number | void
}

type ParserClass = {
  new (): Parser
  readonly REQUEST: number
  readonly RESPONSE: number
  readonly kLenientNone: number
  readonly kOnHeaders: number
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
}

// An internal module has no types
const common = process.getBuiltinModule('_http_common') as unknown as {
  readonly HTTPParser: ParserClass
  readonly methods: readonly string[]
}

/** Methods llhttp accepts. */
export const LLHTTP_METHODS: ReadonlySet<string> = new Set(common.methods)

const MAX_HEAD = 65536

/** Arguments of kOnHeadersComplete. */
type HeadersComplete = readonly [
  major: number,
  minor: number,
  headers: readonly string[] | null | undefined,
  method: number | null,
  url: string | null | undefined,
  status: number | null,
  reason: string | null,
]

export class Llhttp {
  readonly reading: { messages: Message[]; error: string | undefined } = { messages: [], error: undefined }
  private headers: string[] = []
  private url = ''

  constructor(kind: 'request' | 'response', bytes: Uint8Array, bodyless = false) {
    const { HTTPParser } = common
    const parser = new HTTPParser()
    const request = kind === 'request'
    parser.initialize(
      request ? HTTPParser.REQUEST : HTTPParser.RESPONSE,
      {},
      MAX_HEAD,
      HTTPParser.kLenientNone,
    )
    const onHeaders = (headers: readonly string[], url: string): void => {
      this.headers.push(...headers)
      this.url += url
    }
    const onComplete = (...args: HeadersComplete): number => {
      const [major, minor, headers, method, url, status, reason] = args
      this.headers.push(...(headers ?? []))
      const start = request
        ? `${common.methods[method ?? -1]} ${this.url + (url ?? '')} ${major}.${minor}`
        : `${major}.${minor} ${status} ${reason}`
      this.open(start)
      return bodyless ? 1 : 0
    }
    parser[HTTPParser.kOnHeaders] = onHeaders
    parser[HTTPParser.kOnHeadersComplete] = onComplete
    parser[HTTPParser.kOnBody] = (body: Buffer): void => {
      this.reading.messages.at(-1)!.body += body.toString('latin1')
    }
    parser[HTTPParser.kOnMessageComplete] = (): void => {
      this.reading.messages.at(-1)!.complete = true
      this.headers = []
      this.url = ''
    }
    const result = parser.execute(Buffer.from(bytes))
    if (result instanceof Error) this.reading.error = result.code
  }

  private open(start: string): void {
    const pairs = this.headers
    const fields = Array.from(
      { length: pairs.length / 2 },
      (_, i) => [pairs[i * 2]!, pairs[i * 2 + 1]!] as const,
    )
    this.reading.messages.push({ start, fields, body: '', complete: false })
    this.headers = []
    this.url = ''
  }
}
