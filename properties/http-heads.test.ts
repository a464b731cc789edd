import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { text } from '../src/base/bytes.ts'
import { BODY, requestFraming, responseFraming } from '../src/http/framing.ts'
import { RequestParser } from '../src/http/h1/request-parser.ts'
import { ResponseParser } from '../src/http/h1/response-parser.ts'
import { writeCrlf, writeField, writeRequestLineEnd, writeStatusLine } from '../src/http/h1/writer.ts'
import { writeAscii } from '../src/base/bytes.ts'
import {
  FIELD_STRIDE,
  LINE_END,
  NAME_END,
  NAME_ID,
  NAME_START,
  VALUE_END,
  VALUE_START,
} from '../src/http/head.ts'
import type { Head } from '../src/http/head.ts'
import { METHOD_NAMES } from '../src/http/methods.ts'
import { FIELD_NAMES } from '../src/http/names.ts'
import { charOf } from '../test/support/http1/arbitrary.ts'
import { underSeed } from '../test/support/http1/seed.ts'

const tokenChars = "!#$%&'*+-.^_`|~0123456789abcXYZ"
const token = fc.string({ unit: charOf(tokenChars), minLength: 1, maxLength: 20 })
/** A field value in normal form: no white space around it. */
const valueByte = fc.integer({ min: 9, max: 255 }).filter((c) => c === 9 || (c >= 32 && c !== 127))
const value = fc
  .string({ unit: valueByte.map((c) => String.fromCharCode(c)), maxLength: 30 })
  .map((v) => v.replace(/^[ \t]+|[ \t]+$/g, ''))
const NOT_FRAMING = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'expect',
])
const known = fc.constantFrom(...FIELD_NAMES.slice(1))
const field = fc.tuple(fc.oneof(token, known), value).filter(([name]) => !NOT_FRAMING.has(name.toLowerCase()))
const fields = fc.array(field, { maxLength: 20 })
const target = fc.string({ unit: charOf('abc/?=&%.~[]{}|^\\:@'), maxLength: 30 }).map((t) => `/${t}`)
const length = fc.option(fc.nat(), { nil: undefined })

const memory = new Uint8Array(65_536)
const START = 100

function fieldsOf(head: Head): [string, string][] {
  return Array.from({ length: head.count }, (_, i) => {
    const row = head.fields.subarray(i * FIELD_STRIDE, (i + 1) * FIELD_STRIDE)
    const name = text(head.bytes, row[NAME_START]!, row[NAME_END]!)
    assert.equal(
      FIELD_NAMES[row[NAME_ID]!],
      FIELD_NAMES.includes(name.toLowerCase()) ? name.toLowerCase() : '',
    )
    return [name, text(head.bytes, row[VALUE_START]!, row[VALUE_END]!)]
  })
}

/** Lines are adjacent, from the first field to the empty line: runs of them can be copied as one. */
function checkAdjacent(head: Head): void {
  for (let row = 0; row + FIELD_STRIDE < head.count * FIELD_STRIDE; row += FIELD_STRIDE) {
    assert.equal(head.fields[row + LINE_END], head.fields[row + FIELD_STRIDE + NAME_START])
  }
  if (head.count > 0) assert.equal(head.fields[(head.count - 1) * FIELD_STRIDE + LINE_END], head.end - 2)
}

test('reading a request head that was written gives back what was written', () => {
  const parser = new RequestParser({ target: 100, head: 8192, fields: 30 })
  const method = fc.oneof(token, fc.constantFrom(...METHOD_NAMES.slice(1)))
  const law = fc.property(method, target, fields, length, (m, t, f, n) => {
    let at = writeAscii(memory, START, `${m} ${t}`)
    at = writeField(memory, writeRequestLineEnd(memory, at), 'Host', 'a')
    for (const [name, v] of f) at = writeField(memory, at, name, v)
    if (n !== undefined) at = writeField(memory, at, 'content-length', String(n))
    at = writeCrlf(memory, at)
    assert.equal(parser.parse(memory, START, at + 10), at - START)
    const { head } = parser
    assert.equal(text(memory, head.methodStart, head.methodEnd), m)
    assert.equal(METHOD_NAMES[head.method], METHOD_NAMES.includes(m) ? m : '')
    assert.equal(text(memory, head.targetStart, head.targetEnd), t)
    const own = n === undefined ? [] : [['content-length', String(n)]]
    assert.deepEqual(fieldsOf(head), [['Host', 'a'], ...f, ...own])
    assert.equal(requestFraming(head), n ?? BODY.none)
    checkAdjacent(head)
  })
  fc.assert(law, underSeed(2000))
})

test('reading a response head that was written gives back what was written', () => {
  const parser = new ResponseParser({ head: 8192, fields: 30 })
  const statuses = fc.integer({ min: 200, max: 999 }).filter((status) => status !== 204 && status !== 304)
  const law = fc.property(statuses, fields, length, (s, f, n) => {
    let at = writeStatusLine(memory, START, s)
    for (const [name, v] of f) at = writeField(memory, at, name, v)
    if (n !== undefined) at = writeField(memory, at, 'content-length', String(n))
    at = writeCrlf(memory, at)
    assert.equal(parser.parse(memory, START, at + 10), at - START)
    const { head } = parser
    assert.equal(head.status, s)
    const own = n === undefined ? [] : [['content-length', String(n)]]
    assert.deepEqual(fieldsOf(head), [...f, ...own])
    assert.equal(responseFraming(head, 0), n ?? BODY.untilClose)
    checkAdjacent(head)
  })
  fc.assert(law, underSeed(1000))
})

test('a head that is moved still says the same', () => {
  const parser = new RequestParser({ target: 100, head: 8192, fields: 30 })
  const other = new Uint8Array(65_536)
  const law = fc.property(fields, fc.nat(5000), (f, to) => {
    let at = writeAscii(memory, START, 'GET /x HTTP/1.1\r\nHost: a:1\r\nConnection: foo\r\nFoo: 1\r\n')
    for (const [name, v] of f) at = writeField(memory, at, name, v)
    at = writeCrlf(memory, at)
    parser.parse(memory, START, at)
    const { head } = parser
    const before = fieldsOf(head)
    other.fill(0)
    other.set(memory.subarray(START, at), to)
    head.rebase(other, to)
    assert.deepEqual(fieldsOf(head), before)
    assert.equal(text(other, head.targetStart, head.targetEnd), '/x')
    assert.equal(text(other, head.hostStart, head.hostEnd), 'a:1')
    assert.equal(head.namedByConnection(2), true)
    assert.equal(head.namedByConnection(0), false)
    assert.equal(head.end, to + at - START)
  })
  fc.assert(law, underSeed(300))
})
