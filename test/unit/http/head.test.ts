import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii } from '../../../src/base/bytes.ts'
import { RequestParser } from '../../../src/http/h1/request-parser.ts'
import { ResponseParser } from '../../../src/http/h1/response-parser.ts'
import type { Head } from '../../../src/http/head.ts'
import { FIELD } from '../../../src/http/names.ts'
import { REJECT } from '../../../src/http/reject.ts'

const LIMITS = { target: 8192, head: 32_768, fields: 100 }

function parsed(text: string): Head {
  const parser = new RequestParser(LIMITS)
  const bytes = ascii(text)
  assert.equal(parser.parse(bytes, 0, bytes.length), bytes.length)
  return parser.head
}

test('fields are found by id and by name, the first or the next', () => {
  const head = parsed('GET / HTTP/1.1\r\nHost: a\r\nCookie: b\r\nX-Odd: c\r\nCOOKIE: d\r\n\r\n')
  assert.equal(head.find(FIELD.host), 0)
  assert.equal(head.find(FIELD.cookie), 1)
  assert.equal(head.find(FIELD.cookie, 2), 3)
  assert.equal(head.find(FIELD.via), -1)
  assert.equal(head.findName(ascii('x-odd')), 2)
  assert.equal(head.findName(ascii('x-od')), -1)
})

test('facts of one message are gone with the next', () => {
  const parser = new RequestParser(LIMITS)
  const first = ascii(
    'PUT / HTTP/1.1\r\nHost: a\r\nConnection: close, foo, upgrade\r\nUpgrade: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
  )
  const second = ascii('GET / HTTP/1.0\r\n\r\n')
  assert.equal(parser.parse(first, 0, first.length), first.length)
  const { head } = parser
  assert.deepEqual(
    [head.connectionClose, head.connectionNames, head.upgrade, head.expectContinue, head.contentLength],
    [true, true, true, true, 5],
  )
  assert.equal(parser.parse(second, 0, second.length), second.length)
  assert.deepEqual(
    [head.connectionClose, head.connectionNames, head.upgrade, head.expectContinue, head.contentLength],
    [false, false, false, false, -1],
  )
  assert.deepEqual([head.count, head.hostStart, head.minor], [0, -1, 0])
})

test('a parser that was reset begins anew, in the middle of a head or after a rejection', () => {
  const parser = new RequestParser(LIMITS)
  const whole = ascii('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal(parser.parse(whole, 0, 20), 0)
  assert.equal(parser.pending, true)
  parser.reset()
  assert.equal(parser.pending, false)
  assert.equal(parser.parse(whole, 0, whole.length), whole.length)
  const bad = ascii('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n')
  assert.equal(parser.parse(bad, 0, bad.length), -REJECT.hostRepeated)
  parser.reset()
  assert.equal(parser.parse(whole, 0, whole.length), whole.length)
})

test('the rest of a stream is not touched: bytes behind the head are the caller’s', () => {
  const parser = new ResponseParser(LIMITS)
  const bytes = ascii('HTTP/1.1 200 OK\r\n\r\n\0\0\0')
  assert.equal(parser.parse(bytes, 0, bytes.length), 19)
  assert.equal(parser.head.end, 19)
})

/** Counts the reads of bytes. */
function watched(bytes: Uint8Array): { readonly bytes: Uint8Array; reads: () => number } {
  let reads = 0
  const proxy = new Proxy(bytes, {
    get(target, key) {
      reads++
      return Reflect.get(target, key, target)
    },
  })
  return { bytes: proxy, reads: () => reads }
}

const long = `GET /${'a'.repeat(2000)} HTTP/1.1\r\nHost: a\r\nCookie: ${'b'.repeat(4000)}\r\nX${'c'.repeat(2000)}:${' '.repeat(2000)}d\r\n\r\n`

test('a head that arrives byte by byte costs a few looks per byte, not a look per byte and call', () => {
  const parser = new RequestParser(LIMITS)
  const { bytes, reads } = watched(ascii(long))
  for (let end = 1; end < bytes.length; end++) assert.equal(parser.parse(bytes, 0, end), 0)
  assert.equal(parser.parse(bytes, 0, long.length), long.length)
  assert.ok(reads() < 6 * long.length, `${reads()} reads for ${long.length} bytes`)
})

test('of what was seen of a target and a value nothing is looked at again', () => {
  const parser = new RequestParser(LIMITS)
  const bytes = ascii('GET /aaaa HTTP/1.1\r\nHost: a\r\nX: bbbb\r\n\r\n')
  for (let end = 1; end <= bytes.length; end++) {
    const result = parser.parse(bytes, 0, end)
    assert.equal(result, end < bytes.length ? 0 : bytes.length)
    // A parser that scanned these again would now refuse them.
    for (const at of [6, 34]) if (end > at + 1) bytes[at] = 0
  }
})

test('what Connection names is compared a bounded number of times', () => {
  const names = Array.from({ length: 16 }, (_, i) => `x-name-${i}`).join()
  const others = Array.from({ length: 90 }, (_, i) => `x-othr-${i}: y\r\n`).join('')
  const parser = new RequestParser(LIMITS)
  const plain = ascii(`GET / HTTP/1.1\r\nHost: a\r\nConnection: ${names}\r\n${others}x-name-7: z\r\n\r\n`)
  const { bytes, reads } = watched(plain)
  assert.equal(parser.parse(bytes, 0, plain.length), plain.length)
  const before = reads()
  const named = Array.from({ length: parser.head.count }, (_, i) => parser.head.namedByConnection(i))
  assert.deepEqual([named.filter(Boolean).length, named.at(-1)], [1, true])
  assert.ok(reads() - before < parser.head.count * 16 * 20, `${reads() - before} reads`)
})
