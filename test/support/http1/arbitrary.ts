/**
 * Streams of messages that are valid or nearly so: well-formed messages out of parts that are known to trip parsers, then a few edits
 * of bytes. Mostly accepted with no edit, about half with one: both sides of every law get their share.
 */
import fc from 'fast-check'

/** One of these characters. */
export function charOf(chars: string): fc.Arbitrary<string> {
  return fc.constantFrom(...chars.split(''))
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0))
}

const tokens = fc.constantFrom(
  'X',
  'x-a',
  'Foo',
  'Accept',
  'Via',
  'TE',
  'X_Y',
  'content-type',
  'Cookie',
  '~!#$',
)
const values = fc.constantFrom(
  '',
  'a',
  'a b',
  'a\tb',
  'a, b;c="d"',
  '\xe9',
  ':',
  '5',
  'chunked',
  'x'.repeat(40),
  ' ',
  '\t c ',
)
const around = fc.constantFrom('', ' ', '  ', '\t', ' \t ')

const plainField = fc.tuple(tokens, around, values, around).map(([n, a, v, b]) => `${n}:${a}${v}${b}\r\n`)
const trickyField = fc.constantFrom(
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'connection: x-a, Foo\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 05 \r\n',
  'Transfer-Encoding: chunked\r\n',
  'transfer-encoding: Chunked \r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Host: b\r\n',
  'Content-Length : 3\r\n',
  ' folded: x\r\n',
)
const fields = fc
  .array(fc.oneof({ weight: 6, arbitrary: plainField }, { weight: 1, arbitrary: trickyField }), {
    maxLength: 5,
  })
  .map((lines) => lines.join(''))

const data = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom('0\r\n\r\n', '\r\n', 'GET / HTTP/1.1\r\n', '5\r\nhello\r\n', '\0\xff'),
)
const extension = fc.constantFrom('', '', '', '', ';a', ';a=b', ';a="b;\\"\r"', ';a="b c";d=e')
const chunk = fc.tuple(data, extension, fc.boolean(), fc.nat(2)).map(([d, e, upper, zeros]) => {
  const size = '0'.repeat(zeros) + d.length.toString(16)
  return d === '' ? '' : `${upper ? size.toUpperCase() : size}${e}\r\n${d}\r\n`
})
const trailers = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.array(plainField, { maxLength: 3 }).map((lines) => lines.join('')) },
)

/** A chunked body as text, valid but for a bare CR in one kind of extension. */
export const chunkedText: fc.Arbitrary<string> = fc
  .tuple(fc.array(chunk, { maxLength: 4 }), trailers)
  .map(([chunks, lines]) => `${chunks.join('')}0\r\n${lines}\r\n`)

/** The part of a head that announces the body, and the body. */
const body = fc.oneof(
  { weight: 2, arbitrary: fc.constant('\r\n') },
  { weight: 3, arbitrary: data.map((d) => `Content-Length: ${d.length}\r\n\r\n${d}`) },
  { weight: 1, arbitrary: fc.tuple(data, fc.nat(30)).map(([d, n]) => `Content-Length: ${n}\r\n\r\n${d}`) },
  { weight: 4, arbitrary: chunkedText.map((c) => `Transfer-Encoding: chunked\r\n\r\n${c}`) },
)

const methods = fc.constantFrom(
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'PATCH',
  'PROPFIND',
  'M-SEARCH',
)
const targets = fc.constantFrom(
  '/',
  '/a/b?c=d',
  '/a//b/../%41',
  '*',
  'http://b:80/x',
  '/%2e%2e',
  '/x#y',
  '/[|]',
)
const versions = fc.oneof(
  { weight: 9, arbitrary: fc.constant('1.1') },
  { weight: 1, arbitrary: fc.constant('1.0') },
)
const hosts = fc.constantFrom('Host: a\r\n', 'Host: a\r\n', 'hOsT:a.example:80 \r\n', 'Host: [::1]\r\n', '')

const request = fc
  .tuple(methods, targets, versions, hosts, fields, body)
  .map(([m, t, v, h, f, b]) => `${m} ${t} HTTP/${v}\r\n${h}${f}${b}`)

const status = fc.constantFrom(
  '200 OK',
  '200',
  '404 ',
  '100 Continue',
  '204 No',
  '304 N',
  '500 \xe9',
  '302 a b',
)
const response = fc.tuple(versions, status, fields, body).map(([v, s, f, b]) => `HTTP/${v} ${s}\r\n${f}${b}`)

const snippets = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '\r',
      '\n',
      '\r\n',
      '\0',
      '\x0b',
      ' ',
      '\t',
      ':',
      ',',
      ';',
      '\r\n ',
      '\xff',
      '0',
      '1',
      '/',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'chunked',
      'Content-Length: 1\r\n',
      'Transfer-Encoding: chunked\r\n',
      '\r\n\r\n',
    ),
  },
)

type Edit = { readonly at: number; readonly remove: number; readonly insert: string }
const edits = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  {
    weight: 3,
    arbitrary: fc.array(fc.record({ at: fc.nat(400), remove: fc.nat(2), insert: snippets }), {
      minLength: 1,
      maxLength: 2,
    }),
  },
)

function edited(text: string, changes: readonly Edit[]): string {
  let out = text
  for (const { at, remove, insert } of changes) {
    const place = at % (out.length + 1)
    out = out.slice(0, place) + insert + out.slice(place + remove)
  }
  return out
}

function streamOf(message: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.array(message, { minLength: 1, maxLength: 2 }), edits)
    .map(([messages, changes]) => bytesOf(edited(messages.join(''), changes)))
}

export const requestStream: fc.Arbitrary<Uint8Array> = streamOf(request)
export const responseStream: fc.Arbitrary<Uint8Array> = streamOf(response)
export const chunkedStream: fc.Arbitrary<Uint8Array> = fc
  .tuple(chunkedText, edits)
  .map(([text, changes]) => bytesOf(edited(text, changes)))

/** Where to cut a stream, to be taken modulo its length. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(2000), { minLength: 1, maxLength: 8 })
