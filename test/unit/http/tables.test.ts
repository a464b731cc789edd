import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, equals, equalsIgnoreCase, text } from '../../../src/base/bytes.ts'
import { isIdempotent, isSafe, METHOD, METHOD_NAMES, methodId } from '../../../src/http/methods.ts'
import { FIELD, FIELD_NAMES, HOP_BY_HOP, PROTECTED, TRAILER_FORBIDDEN } from '../../../src/http/names.ts'
import { REJECT, REJECTIONS } from '../../../src/http/reject.ts'
import { reasonPhrase, writeDecimalField, writeStatusLine } from '../../../src/http/h1/writer.ts'

test('every rejection has its own stable code and a status of the contract', () => {
  const codes = REJECTIONS.map(({ code }) => code)
  assert.equal(new Set(codes).size, codes.length)
  for (const { code, status, detail } of REJECTIONS.slice(1)) {
    assert.match(code, /^[a-z0-9-]+$/)
    assert.ok([400, 414, 431, 501, 502, 505].includes(status), `${code}: ${status}`)
    assert.ok(detail.length > 8 && !/[\r\n"]/.test(detail))
  }
  assert.equal(REJECTIONS[REJECT.targetTooLong]!.status, 414)
  assert.equal(REJECTIONS[REJECT.headTooLarge]!.status, 431)
  assert.equal(REJECTIONS[REJECT.transferCoding]!.status, 501)
  assert.equal(REJECTIONS[REJECT.versionUnsupported]!.status, 505)
})

test('methods are known by their exact letters', () => {
  for (const [id, name] of METHOD_NAMES.entries()) {
    if (id === METHOD.other) continue
    const bytes = ascii(`${name} `)
    assert.equal(methodId(bytes, 0, name.length), id)
    assert.equal(methodId(ascii(`${name.toLowerCase()} `), 0, name.length), METHOD.other)
    assert.equal(methodId(ascii(`${name}X `), 0, name.length + 1), METHOD.other)
    assert.equal(methodId(bytes, 0, name.length - 1), METHOD.other)
  }
})

test('safe and idempotent are what RFC 9110 says', () => {
  const safe = METHOD_NAMES.filter((_, id) => isSafe(id))
  const idempotent = METHOD_NAMES.filter((_, id) => isIdempotent(id))
  assert.deepEqual(safe, ['GET', 'HEAD', 'OPTIONS', 'TRACE'])
  assert.deepEqual(idempotent, ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])
})

test('hop-by-hop are the fields of RFC 9110 §7.6.1 and those of proxy authentication', () => {
  assert.deepEqual(FIELD_NAMES.filter((_, id) => HOP_BY_HOP[id] === 1).toSorted(), [
    'connection',
    'http2-settings',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authentication-info',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'transfer-encoding',
    'upgrade',
  ])
})

test('what frames or routes may neither be named by Connection nor stand in a trailer; the unknown may', () => {
  for (const id of [
    FIELD.host,
    FIELD.contentLength,
    FIELD.transferEncoding,
    FIELD.xForwardedFor,
    FIELD.cookie,
  ]) {
    assert.deepEqual([PROTECTED[id], TRAILER_FORBIDDEN[id]], [1, 1], FIELD_NAMES[id])
  }
  assert.deepEqual([PROTECTED[0], TRAILER_FORBIDDEN[0], HOP_BY_HOP[0]], [0, 0, 0])
})

test('status lines, known and not', () => {
  const memory = new Uint8Array(64)
  assert.equal(text(memory, 0, writeStatusLine(memory, 0, 502)), 'HTTP/1.1 502 Bad Gateway\r\n')
  assert.equal(text(memory, 3, writeStatusLine(memory, 3, 299)), 'HTTP/1.1 299 \r\n')
  assert.equal(text(memory, 0, writeDecimalField(memory, 0, 'age', 10)), 'age: 10\r\n')
  assert.equal(reasonPhrase(299), '')
})

test('spans are compared with and without case', () => {
  const bytes = ascii('xKeep-Alive')
  assert.equal(equals(bytes, 1, 11, ascii('Keep-Alive')), true)
  assert.equal(equals(bytes, 1, 11, ascii('keep-alive')), false)
  assert.equal(equalsIgnoreCase(bytes, 1, 11, ascii('keep-alive')), true)
  assert.equal(equalsIgnoreCase(bytes, 1, 10, ascii('keep-alive')), false)
  // A bit apart, but no letters: must not be taken for each other.
  assert.equal(equalsIgnoreCase(ascii('@'), 0, 1, ascii('`')), false)
})

test('a long span becomes a string in one piece', () => {
  const long = 'é'.repeat(10_000)
  assert.equal(text(ascii(long), 0, 10_000), long)
})
