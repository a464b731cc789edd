/**
 * Every way in which HTTP/1 input is refused. Parsers return `-id`; `REJECTIONS[id]` has the stable code for logs and
 * metrics, the status a client gets (RFC 9110 §15; an upstream's malformed response becomes a 502 whatever stands here)
 * and a sentence that is safe to show: it never quotes the input. After a rejection the connection is closed: nothing
 * that follows on it can be trusted.
 */
export type Rejection = { readonly code: string; readonly status: number; readonly detail: string }

const table = [
  // What any part of a message can be guilty of.
  { name: 'bareLf', status: 400, detail: 'a line feed without a carriage return before it' },
  { name: 'bareCr', status: 400, detail: 'a carriage return without a line feed after it' },
  { name: 'nul', status: 400, detail: 'a NUL byte' },
  { name: 'controlCharacter', status: 400, detail: 'a control character' },
  { name: 'nonAscii', status: 400, detail: 'a byte above 127 where only ASCII may stand' },
  // Request line (RFC 9112 §3).
  { name: 'emptyLines', status: 400, detail: 'more than one empty line before the request line' },
  { name: 'method', status: 400, detail: 'the method is not a token' },
  { name: 'methodTooLong', status: 501, detail: 'the method is longer than any we know' },
  { name: 'target', status: 400, detail: 'the request target is not a valid URI reference' },
  { name: 'targetTooLong', status: 414, detail: 'the request target is too long' },
  { name: 'targetForm', status: 400, detail: 'the form of the request target does not fit the method' },
  { name: 'scheme', status: 400, detail: 'the scheme of the request target is neither http nor https' },
  { name: 'path', status: 400, detail: 'the path holds a character that servers read in different ways' },
  {
    name: 'pathEncoding',
    status: 400,
    detail: 'the path holds a percent sign that encodes nothing, a slash, a backslash or NUL',
  },
  { name: 'pathAboveRoot', status: 400, detail: 'the path leads above its root' },
  { name: 'version', status: 400, detail: 'the HTTP version is malformed' },
  { name: 'versionUnsupported', status: 505, detail: 'only HTTP/1.0 and HTTP/1.1 are spoken here' },
  // Status line (RFC 9112 §4).
  { name: 'statusLine', status: 502, detail: 'the status line is malformed' },
  { name: 'status', status: 502, detail: 'the status code is not between 100 and 999' },
  // Field lines (RFC 9112 §5).
  { name: 'headTooLarge', status: 431, detail: 'the head is too large' },
  { name: 'tooManyFields', status: 431, detail: 'there are too many fields' },
  { name: 'fieldName', status: 400, detail: 'a field name is not a token' },
  { name: 'emptyFieldName', status: 400, detail: 'a field has no name' },
  { name: 'colonMissing', status: 400, detail: 'a line without a colon' },
  { name: 'spaceBeforeColon', status: 400, detail: 'white space between a field name and the colon' },
  { name: 'obsFold', status: 400, detail: 'a folded line, or white space before a field' },
  // Host (RFC 9110 §7.2, RFC 9112 §3.2).
  { name: 'hostMissing', status: 400, detail: 'an HTTP/1.1 request without Host' },
  { name: 'hostRepeated', status: 400, detail: 'more than one Host' },
  { name: 'host', status: 400, detail: 'Host or the authority is not a host with an optional port' },
  // Message length (RFC 9112 §6).
  { name: 'contentLength', status: 400, detail: 'Content-Length is not a decimal number' },
  { name: 'contentLengthTooLarge', status: 400, detail: 'Content-Length exceeds 2^53-1' },
  { name: 'contentLengthRepeated', status: 400, detail: 'more than one Content-Length' },
  { name: 'lengthConflict', status: 400, detail: 'Content-Length together with Transfer-Encoding' },
  {
    name: 'transferEncoding',
    status: 400,
    detail: 'Transfer-Encoding is malformed or chunked is not its only, last coding',
  },
  { name: 'transferEncodingRepeated', status: 400, detail: 'more than one Transfer-Encoding' },
  { name: 'transferEncodingVersion', status: 400, detail: 'Transfer-Encoding in an HTTP/1.0 message' },
  { name: 'transferCoding', status: 501, detail: 'a transfer coding other than chunked' },
  {
    name: 'bodyForbidden',
    status: 502,
    detail: 'a length other than 0 in a response that cannot have a body',
  },
  // Connection (RFC 9110 §7.6.1).
  { name: 'connection', status: 400, detail: 'Connection is not a list of tokens' },
  { name: 'connectionOption', status: 400, detail: 'Connection names a field that is not for one hop' },
  { name: 'connectionOptions', status: 400, detail: 'Connection names too many fields' },
  // Chunked bodies (RFC 9112 §7.1).
  { name: 'chunkSize', status: 400, detail: 'a chunk size is not a hexadecimal number' },
  { name: 'chunkSizeTooLarge', status: 400, detail: 'a chunk size exceeds 15 digits or 2^53-1' },
  { name: 'chunkExtension', status: 400, detail: 'a chunk extension is malformed' },
  { name: 'chunkExtensionsTooLarge', status: 400, detail: 'chunk extensions are too large' },
  { name: 'chunkEnd', status: 400, detail: 'a chunk does not end where its size says' },
  { name: 'trailersTooLarge', status: 431, detail: 'the trailer section is too large' },
] as const

export type RejectName = (typeof table)[number]['name']

/** Name → id, small positive integers. */
// `fromEntries` loses the keys' names
export const REJECT: Readonly<Record<RejectName, number>> = Object.fromEntries(
  table.map((row, index) => [row.name, index + 1]),
) as Record<RejectName, number>

/** Id → what to say of it. Index 0 is not a rejection. */
export const REJECTIONS: readonly Rejection[] = [
  { code: 'none', status: 0, detail: '' },
  ...table.map(({ name, status, detail }) => ({ code: kebab(name), status, detail })),
]

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
