import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { unescapeBytes } from '../../support/http1/escape.ts'
import { cut, MessageReader, read } from '../../support/http1/reader.ts'
import { readCases } from '../../support/http1/transcript.ts'
import type { Case } from '../../support/http1/transcript.ts'

/** Follows an accepted case in the same stream: what one message leaves behind must not show in the next. */
const NEXT = {
  request: ['GET /next HTTP/1.1\\r\\nHost: next\\r\\n\\r\\n', 'request GET /next 1.1'],
  response: ['HTTP/1.1 299 Next\\r\\nContent-Length: 0\\r\\n\\r\\n', 'response 299 1.1 Next'],
} as const

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

function byteByByte(bytes: Uint8Array): readonly Uint8Array[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
}

function checkWholeAndSplit(c: Case): void {
  assert.deepEqual(read(c.kind, [c.bytes], c.method), c.events, 'whole')
  assert.deepEqual(read(c.kind, byteByByte(c.bytes), c.method), c.events, 'byte by byte')
  for (let at = 1; at < c.bytes.length; at++) {
    assert.deepEqual(read(c.kind, cut(c.bytes, [at]), c.method), c.events, `split at ${at}`)
  }
}

/** The rejection comes with exactly that byte: none before it, whatever after it. */
function checkRejection(c: Case, at: number): void {
  const reader = new MessageReader(c.kind, c.method)
  for (const piece of byteByByte(c.bytes)) reader.feed(piece)
  assert.equal(reader.fed, at, 'rejected after so many bytes')
  const prefix = c.bytes.subarray(0, at)
  assert.deepEqual(read(c.kind, [prefix], c.method), c.events, 'cut after the byte that is rejected')
  const trailing = concat(c.bytes, unescapeBytes(NEXT[c.kind][0]))
  assert.deepEqual(read(c.kind, [trailing], c.method), c.events, 'with trailing bytes')
}

function checkTrailing(c: Case): void {
  const [input, first] = NEXT[c.kind]
  const events = read(c.kind, [concat(c.bytes, unescapeBytes(input))], c.method)
  assert.deepEqual(events.slice(0, c.events.length), c.events, 'events of the case')
  assert.equal(events[c.events.length], first, 'first event of the message behind')
}

const folder = new URL('./', import.meta.url)
for (const file of readdirSync(folder).filter((name) => name.endsWith('.md'))) {
  for (const c of readCases(new URL(file, folder))) {
    test(`${file.slice(0, -3)}: ${c.name}`, () => {
      checkWholeAndSplit(c)
      if (c.rejectedAt !== undefined) checkRejection(c, c.rejectedAt)
      else if (c.events.at(-1) === 'end') checkTrailing(c)
    })
  }
}
