/**
 * Writers of HTTP/1.1 text into a Uint8Array at an offset; each returns the next offset. None checks for room: the caller
 * reserves it. What is written must be valid already: spans out of a parsed head are, strings are the caller's care.
 */
import { ascii, writeAscii, writeBytes, writeDecimal, writeHex } from '../../base/bytes.ts'

const phrases: readonly (readonly [number, string])[] = [
  [100, 'Continue'],
  [101, 'Switching Protocols'],
  [103, 'Early Hints'],
  [200, 'OK'],
  [201, 'Created'],
  [202, 'Accepted'],
  [204, 'No Content'],
  [206, 'Partial Content'],
  [301, 'Moved Permanently'],
  [302, 'Found'],
  [303, 'See Other'],
  [304, 'Not Modified'],
  [307, 'Temporary Redirect'],
  [308, 'Permanent Redirect'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [409, 'Conflict'],
  [411, 'Length Required'],
  [413, 'Content Too Large'],
  [414, 'URI Too Long'],
  [416, 'Range Not Satisfiable'],
  [417, 'Expectation Failed'],
  [421, 'Misdirected Request'],
  [426, 'Upgrade Required'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
  [505, 'HTTP Version Not Supported'],
]

const PHRASES: ReadonlyMap<number, string> = new Map(phrases)
const STATUS_LINES: ReadonlyMap<number, Uint8Array> = new Map(
  phrases.map(([status, phrase]) => [status, ascii(`HTTP/1.1 ${status} ${phrase}\r\n`)]),
)

const CRLF = ascii('\r\n')
const VERSION = ascii('HTTP/1.1 ')
const REQUEST_END = ascii(' HTTP/1.1\r\n')
const LAST_CHUNK = ascii('0\r\n\r\n')

/** Bytes a chunk header takes at most: 14 digits and CRLF. */
export const CHUNK_HEADER_BYTES = 16

/** Reason phrase of a status we may send ourselves; empty for one that has none here (RFC 9112 §4 allows that). */
export function reasonPhrase(status: number): string {
  return PHRASES.get(status) ?? ''
}

/** `HTTP/1.1 status phrase CRLF`. */
export function writeStatusLine(bytes: Uint8Array, at: number, status: number): number {
  const line = STATUS_LINES.get(status)
  if (line !== undefined) return writeBytes(bytes, at, line)
  const p = writeDecimal(bytes, writeBytes(bytes, at, VERSION), status)
  bytes[p] = 32
  return writeBytes(bytes, p + 1, CRLF)
}

/** ` HTTP/1.1 CRLF`, after method, space and target. */
export function writeRequestLineEnd(bytes: Uint8Array, at: number): number {
  return writeBytes(bytes, at, REQUEST_END)
}

/** `name: value CRLF` from strings. */
export function writeField(bytes: Uint8Array, at: number, name: string, value: string): number {
  return writeCrlf(bytes, writeAscii(bytes, writeFieldName(bytes, at, name), value))
}

/** `name: n CRLF`. */
export function writeDecimalField(bytes: Uint8Array, at: number, name: string, n: number): number {
  return writeCrlf(bytes, writeDecimal(bytes, writeFieldName(bytes, at, name), n))
}

/** `name: `, to be followed by a value and `writeCrlf`. */
export function writeFieldName(bytes: Uint8Array, at: number, name: string): number {
  const p = writeAscii(bytes, at, name)
  bytes[p] = 58
  bytes[p + 1] = 32
  return p + 2
}

export function writeCrlf(bytes: Uint8Array, at: number): number {
  bytes[at] = 13
  bytes[at + 1] = 10
  return at + 2
}

/** Size line of a chunk of `size` > 0 bytes. The data and `writeCrlf` follow. */
export function writeChunkHeader(bytes: Uint8Array, at: number, size: number): number {
  return writeCrlf(bytes, writeHex(bytes, at, size))
}

/** The last chunk and an empty trailer section. */
export function writeLastChunk(bytes: Uint8Array, at: number): number {
  return writeBytes(bytes, at, LAST_CHUNK)
}
