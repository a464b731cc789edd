import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, text } from '../../../src/base/bytes.ts'
import { ChunkedReader, SPANS } from '../../../src/http/h1/chunked.ts'
import { REJECT } from '../../../src/http/reject.ts'

const LIMITS = { extensions: 4096, trailers: 1024 }

function reader(limits = LIMITS): ChunkedReader {
  const made = new ChunkedReader()
  made.reset(limits)
  return made
}

function forwarded(r: ChunkedReader, bytes: Uint8Array): string {
  return Array.from({ length: r.forwardCount }, (_, i) =>
    text(bytes, r.forwards[i * 2]!, r.forwards[i * 2 + 1]!),
  ).join('|')
}

test('a plain body is forwarded as one span', () => {
  const r = reader()
  const bytes = ascii('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nnext')
  assert.equal(r.push(bytes, 0, bytes.length), bytes.length - 4)
  assert.deepEqual([r.done, r.payload, r.spanCount, r.forwardCount, r.tailLength], [true, 5, 2, 1, 0])
  assert.equal(forwarded(r, bytes), '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n')
})

test('nothing is consumed after the end', () => {
  const r = reader()
  const bytes = ascii('0\r\n\r\n')
  assert.equal(r.push(bytes, 0, 5), 5)
  assert.equal(r.push(bytes, 0, 5), 0)
  assert.deepEqual([r.spanCount, r.forwardCount], [0, 0])
})

test('a full table ends a push early, and the next goes on', () => {
  const r = reader()
  const bytes = ascii(`${'1\r\nx\r\n'.repeat(SPANS + 3)}0\r\n\r\n`)
  const first = r.push(bytes, 0, bytes.length)
  assert.equal(r.spanCount, SPANS)
  assert.ok(first > 0 && first < bytes.length)
  const rest = r.push(bytes, first, bytes.length)
  assert.deepEqual([r.spanCount, first + rest, r.done, r.payload], [3, bytes.length, true, SPANS + 3])
})

test('extensions by the hundred fill the other table, and nothing is lost', () => {
  const r = reader()
  const bytes = ascii(`${'1;a\r\nx\r\n'.repeat(200)}0;b\r\nX: y\r\n\r\n`)
  let at = 0
  let out = ''
  while (!r.done) {
    const used = r.push(bytes, at, bytes.length)
    assert.ok(used > 0)
    assert.ok(r.forwardCount <= SPANS && r.spanCount <= SPANS)
    out += forwarded(r, bytes).replaceAll('|', '')
    at += used
  }
  assert.equal(out + text(r.tail, 0, r.tailLength), `${'1\r\nx\r\n'.repeat(200)}0\r\nX: y\r\n\r\n`)
})

test('trailers grow up to their limit, and a reader used again starts without them', () => {
  const r = reader()
  const line = `X: ${'y'.repeat(995)}\r\n`
  const bytes = ascii(`0\r\n${line}\r\n`)
  for (let at = 0; at < bytes.length; at++) assert.equal(r.push(bytes, at, at + 1), 1)
  assert.equal(text(r.tail, 0, r.tailLength), `${line}\r\n`)
  r.reset(LIMITS)
  assert.equal(r.push(ascii('0\r\n\r\n'), 0, 5), 5)
  assert.deepEqual([r.done, r.tailLength], [true, 0])
  r.reset({ extensions: 0, trailers: 100 })
  assert.equal(r.push(bytes, 0, bytes.length), -REJECT.trailersTooLarge)
})

test('more trailers than a section may have are refused', () => {
  const r = reader()
  const bytes = ascii(`0\r\n${'a:\r\n'.repeat(33)}\r\n`)
  assert.equal(r.push(bytes, 0, bytes.length), -REJECT.tooManyFields)
})

test('a payload beyond 2^32 is counted', () => {
  const r = reader()
  const size = ascii('100000000\r\n')
  assert.equal(r.push(size, 0, size.length), size.length)
  const block = new Uint8Array(1 << 20)
  for (let i = 0; i < 4096; i++) r.push(block, 0, block.length)
  assert.equal(r.payload, 2 ** 32)
  const end = ascii('\r\n0\r\n\r\n')
  assert.equal(r.push(end, 0, end.length), end.length)
  assert.equal(r.done, true)
})
