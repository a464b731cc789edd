/**
 * The laws of the HTTP/1 core, each a function that throws an assertion when an input breaks it. The properties sample them under a
 * seed, the fuzzer runs them as long as it is told, the corpus replays what they once found.
 */
import assert from 'node:assert/strict'
import { text } from '../../../src/base/bytes.ts'
import { ChunkedReader } from '../../../src/http/h1/chunked.ts'
import { escapeBytes } from './escape.ts'
import { Llhttp, LLHTTP_METHODS } from './llhttp.ts'
import { readOwn } from './own.ts'
import { cut, read } from './reader.ts'
import type { Kind } from './reader.ts'

function piecesOf(bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  return cut(
    bytes,
    cuts.map((at) => at % (bytes.length + 1)),
  )
}

/** What a stream says does not depend on how it arrives, nor on where it lies in memory or what lies around it. */
export function splitInvariance(kind: Kind, bytes: Uint8Array, cuts: readonly number[]): void {
  assert.deepEqual(read(kind, piecesOf(bytes, cuts)), read(kind, [bytes]))
}

/** Codes that, once the head was accepted, can only be meant for a trailer. */
const FRAMING_TRAILER: ReadonlySet<string> = new Set([
  'HPE_INVALID_CONTENT_LENGTH',
  'HPE_INVALID_TRANSFER_ENCODING',
])

/**
 * What we accept, llhttp accepts and reads alike: start line, fields, body, and where it ends. Returns the number of messages compared.
 * It may refuse more, and does so for two reasons we know of: methods it has no id for, and trailers that frame (which
 * we drop).
 */
export function agreesWithLlhttp(kind: Kind, bytes: Uint8Array): number {
  const own = readOwn(kind, bytes)
  const theirs = new Llhttp(kind, bytes).reading
  let compared = 0
  for (const [i, message] of own.messages.entries()) {
    if (kind === 'request' && !LLHTTP_METHODS.has(message.start.split(' ')[0]!)) break
    if (!message.complete && own.error !== undefined) break
    if (theirs.messages[i] !== undefined && FRAMING_TRAILER.has(theirs.error ?? '')) break
    assert.deepEqual(
      theirs.messages[i],
      message,
      `message ${i} of ${escapeBytes(bytes)}, llhttp says ${theirs.error}`,
    )
    compared++
  }
  return compared
}

/** All that a chunked body yields, given in these pieces. */
export type Dechunked = { payload: string; forwarded: string; tail: string; done: boolean; rejected: number }

export function dechunk(pieces: readonly Uint8Array[]): Dechunked {
  const reader = new ChunkedReader()
  reader.reset({ extensions: 256, trailers: 512 })
  const out: Dechunked = { payload: '', forwarded: '', tail: '', done: false, rejected: 0 }
  for (const piece of pieces) {
    let p = 0
    while (p < piece.length && !reader.done) {
      const used = reader.push(piece, p, piece.length)
      if (used < 0) return { ...out, rejected: -used }
      for (let i = 0; i < reader.spanCount; i++) out.payload += span(piece, reader.spans, i)
      for (let i = 0; i < reader.forwardCount; i++) out.forwarded += span(piece, reader.forwards, i)
      p += used
    }
  }
  out.done = reader.done
  out.tail = reader.done ? text(reader.tail, 0, reader.tailLength) : ''
  assert.equal(reader.payload, out.payload.length, 'payload is counted')
  return out
}

function span(bytes: Uint8Array, table: Int32Array, i: number): string {
  return text(bytes, table[i * 2]!, table[i * 2 + 1]!)
}

/** However it arrives: the same verdict, and (unless rejected) the same payload, forwarded bytes and tail. */
export function chunkedSplitInvariance(bytes: Uint8Array, cuts: readonly number[]): void {
  const whole = dechunk([bytes])
  const split = dechunk(piecesOf(bytes, cuts))
  assert.equal(split.rejected, whole.rejected)
  if (whole.rejected === 0) assert.deepEqual(split, whole)
}

/** What is forwarded is a chunked body with the same payload, without extensions, and forwarding it again changes nothing. */
export function forwardingIsIdempotent(bytes: Uint8Array): void {
  const first = dechunk([bytes])
  if (first.rejected !== 0) return
  const sent = Uint8Array.from(first.forwarded + first.tail, (char) => char.charCodeAt(0))
  const second = dechunk([sent])
  assert.equal(second.rejected, 0)
  assert.equal(second.done, first.done)
  assert.equal(second.payload, first.payload)
  assert.equal(second.forwarded + second.tail, first.forwarded + first.tail)
}
