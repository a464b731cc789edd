import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { copySpan, writeAscii } from '../src/base/bytes.ts'
import { writeChunkHeader, writeCrlf, writeField, writeLastChunk } from '../src/http/h1/writer.ts'
import { cuts } from '../test/support/http1/arbitrary.ts'
import { dechunk } from '../test/support/http1/laws.ts'
import { cut } from '../test/support/http1/reader.ts'
import { underSeed } from '../test/support/http1/seed.ts'

const memory = new Uint8Array(65_536)
const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 100 })

function latin1(bytes: readonly Uint8Array[]): string {
  return bytes.map((part) => Buffer.from(part).toString('latin1')).join('')
}

function writeChunks(parts: readonly Uint8Array[]): number {
  let at = 0
  for (const part of parts) {
    at = writeChunkHeader(memory, at, part.length)
    at = writeCrlf(memory, copySpan(memory, at, part, 0, part.length))
  }
  return at
}

test('reading a chunked body that was written gives back its payload, and forwards its very bytes', () => {
  const law = fc.property(chunks, cuts, (parts, at) => {
    const body = memory.slice(0, writeLastChunk(memory, writeChunks(parts)))
    const places = at.map((place) => place % (body.length + 1))
    assert.deepEqual(dechunk(cut(body, places)), {
      payload: latin1(parts),
      forwarded: latin1([body]),
      tail: '',
      done: true,
      rejected: 0,
    })
  })
  fc.assert(law, underSeed(500))
})

/** Spelt out once more, so that the table in names.ts has something to disagree with. */
const FORBIDDEN = (
  'content-length transfer-encoding host trailer connection te upgrade keep-alive authorization ' +
  'cookie set-cookie www-authenticate proxy-authorization content-encoding content-type ' +
  'content-range cache-control expect max-forwards range location vary x-forwarded-for ' +
  'x-forwarded-proto x-forwarded-host forwarded via x-request-id x-real-ip'
).split(' ')
const PASSING = 'etag x-checksum server-timing digest grpc-status endpoint-load-metrics host2'.split(' ')

test('of a trailer section exactly the lines that may pass are kept, in order', () => {
  const name = fc.oneof(fc.constantFrom(...FORBIDDEN), fc.constantFrom(...PASSING))
  const lines = fc.array(fc.tuple(name, fc.boolean(), fc.constantFrom('', 'a', ' b ')), {
    minLength: 1,
    maxLength: 8,
  })
  const law = fc.property(lines, cuts, (fields, at) => {
    let end = writeAscii(memory, writeChunks([Uint8Array.of(65)]), '0\r\n')
    let kept = ''
    for (const [lower, capitals, value] of fields) {
      const written = capitals ? lower.toUpperCase() : lower
      if (PASSING.includes(lower)) kept += `${written}: ${value}\r\n`
      end = writeField(memory, end, written, value)
    }
    const body = memory.slice(0, writeCrlf(memory, end))
    const places = at.map((place) => place % (body.length + 1))
    const read = dechunk(cut(body, places))
    assert.deepEqual([read.tail, read.forwarded, read.done], [`${kept}\r\n`, '1\r\nA\r\n0\r\n', true])
  })
  fc.assert(law, underSeed(1000))
})
