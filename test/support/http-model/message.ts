/**
 * HTTP/1.1 messages the way a test's peers read them: from whole lines of text, by the plainest code that can be right. It
 * shares nothing with src/http, whose second opinion it is.
 */
export class ModelError extends Error {
  override readonly name: string = 'ModelError'
}

/** Name in lower case. */
export type Field = readonly [name: string, value: string]

export type Message = {
  readonly startLine: string
  readonly fields: readonly Field[]
}

/** How a message's body ends. `raw`: no message follows, the connection has left HTTP. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' }
  | { readonly kind: 'raw' }

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** A head without its last CRLF. */
export const parseHead = (text: string): Message => {
  const [startLine = '', ...lines] = text.split('\r\n')
  return { startLine, fields: lines.map(parseField) }
}

export const parseField = (line: string): Field => {
  const colon = line.indexOf(':')
  const name = line.slice(0, colon)
  if (colon < 0 || !TOKEN.test(name)) throw new ModelError(`no field: ${JSON.stringify(line)}`)
  if (/[\r\n\0]/.test(line)) throw new ModelError(`a control character: ${JSON.stringify(line)}`)
  return [name.toLowerCase(), line.slice(colon + 1).trim()]
}

export const valuesOf = ({ fields }: Message, name: string): string[] =>
  fields.filter(([key]) => key === name).map(([, value]) => value)

/** The only value of a field, undefined if there is none. */
export const valueOf = (message: Message, name: string): string | undefined => {
  const values = valuesOf(message, name)
  if (values.length > 1) throw new ModelError(`${values.length} fields ${name}`)
  return values[0]
}

/** Options of all Connection fields, in lower case. */
export const connectionOptions = (message: Message): string[] =>
  valuesOf(message, 'connection')
    .flatMap((value) => value.toLowerCase().split(','))
    .map((option) => option.trim())

/** RFC 9112 §6.3 for a request. */
export const requestFraming = (message: Message): Framing => lengthFraming(message) ?? { kind: 'none' }

/** RFC 9112 §6.3 for a response to `method`. */
export const responseFraming = (message: Message, method: string): Framing => {
  const status = statusOf(message)
  if (status === 101) return { kind: 'raw' }
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'none' }
  return lengthFraming(message) ?? { kind: 'close' }
}

const lengthFraming = (message: Message): Framing | undefined => {
  const coding = valueOf(message, 'transfer-encoding')
  const length = valueOf(message, 'content-length')
  if (coding !== undefined && length !== undefined) throw new ModelError('two lengths')
  if (coding !== undefined) {
    if (coding !== 'chunked') throw new ModelError(`coding ${coding}`)
    return { kind: 'chunked' }
  }
  if (length === undefined) return undefined
  if (!/^\d+$/.test(length)) throw new ModelError(`length ${length}`)
  return { kind: 'length', length: Number(length) }
}

export const statusOf = ({ startLine }: Message): number => {
  const status = /^HTTP\/1\.[01] (\d{3})( [^\r\n]*)?$/.exec(startLine)?.[1]
  if (status === undefined) throw new ModelError(`no status line: ${JSON.stringify(startLine)}`)
  return Number(status)
}

/** `[method, target, minor]`. */
export const requestLineOf = ({ startLine }: Message): [method: string, target: string, minor: number] => {
  const found = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(startLine)
  if (found === null) throw new ModelError(`no request line: ${JSON.stringify(startLine)}`)
  return [found[1] ?? '', found[2] ?? '', Number(found[3])]
}
