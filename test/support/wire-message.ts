/** A message as a test sees it on the wire: read with no leniency and no shortcuts, by none of the code under test. */
export type Message = {
  /** The whole first line. */
  readonly line: string
  /** Of a response; 0 for a request. */
  readonly status: number
  /** Names in lower case; what came several times is joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** Lines as they came, without their ends. */
  readonly lines: readonly string[]
  readonly body: Buffer
  readonly trailers: readonly string[]
  /** How the end of the body was known. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close'
}

export type Expecting = { readonly kind: 'request' } | { readonly kind: 'response'; readonly method: string }

type Taken = { readonly message: Message; readonly length: number }
type Body = Pick<Message, 'body' | 'trailers' | 'framing'> & { readonly length: number }

/** The first message of `bytes`, if it is all there. `ended`: the peer will send nothing more. */
export function takeMessage(bytes: Buffer, ended: boolean, expecting: Expecting): Taken | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [line = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const headers: Record<string, string> = {}
  for (const field of lines) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon).toLowerCase()
    const value = field.slice(colon + 1).trim()
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  }
  const status = expecting.kind === 'response' ? Number(line.split(' ')[1]) : 0
  const body = takeBody(bytes.subarray(headEnd + 4), headers, bodyOf(expecting, status), ended)
  if (body === undefined) return undefined
  const { length, ...rest } = body
  return { message: { line, status, headers, lines, ...rest }, length: headEnd + 4 + length }
}

function bodyOf(expecting: Expecting, status: number): 'none' | 'length' | 'close' {
  if (expecting.kind === 'request') return 'length'
  const bare = expecting.method === 'HEAD' || status < 200 || status === 204 || status === 304
  return bare ? 'none' : 'close'
}

function takeBody(
  bytes: Buffer,
  headers: Readonly<Record<string, string>>,
  otherwise: 'none' | 'length' | 'close',
  ended: boolean,
): Body | undefined {
  const none = { body: Buffer.alloc(0), trailers: [], framing: 'none', length: 0 } as const
  if (otherwise === 'none') return none
  if (headers['transfer-encoding'] === 'chunked') return takeChunked(bytes)
  const length = Number(headers['content-length'] ?? NaN)
  if (!Number.isNaN(length)) {
    if (bytes.length < length) return undefined
    return { body: Buffer.from(bytes.subarray(0, length)), trailers: [], framing: 'length', length }
  }
  if (otherwise === 'length') return none
  return ended
    ? { body: Buffer.from(bytes), trailers: [], framing: 'close', length: bytes.length }
    : undefined
}

function takeChunked(bytes: Buffer): Body | undefined {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    at = lineEnd + 2
    if (size === 0) break
    if (bytes.length < at + size + 2) return undefined
    parts.push(bytes.subarray(at, at + size))
    at += size + 2
    if (bytes.toString('latin1', at - 2, at) !== '\r\n') throw new Error('a chunk does not end in CRLF')
  }
  const trailers: string[] = []
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const line = bytes.toString('latin1', at, lineEnd)
    at = lineEnd + 2
    if (line === '') return { body: Buffer.concat(parts), trailers, framing: 'chunked', length: at }
    trailers.push(line)
  }
}
