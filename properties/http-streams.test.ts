import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { chunkedStream, cuts, requestStream, responseStream } from '../test/support/http1/arbitrary.ts'
import { escapeBytes } from '../test/support/http1/escape.ts'
import {
  agreesWithLlhttp,
  chunkedSplitInvariance,
  forwardingIsIdempotent,
  splitInvariance,
} from '../test/support/http1/laws.ts'
import type { Kind } from '../test/support/http1/reader.ts'
import { underSeed } from '../test/support/http1/seed.ts'

const STREAMS = { request: requestStream, response: responseStream } as const
const KINDS: readonly Kind[] = ['request', 'response']

for (const kind of KINDS) {
  test(`${kind}s read the same however they arrive`, () => {
    const law = fc.property(STREAMS[kind], cuts, (bytes, at) => splitInvariance(kind, bytes, at))
    fc.assert(law, underSeed(1500))
  })

  test(`${kind}s we accept, llhttp reads alike`, () => {
    let compared = 0
    const law = fc.property(STREAMS[kind], (bytes) => {
      compared += agreesWithLlhttp(kind, bytes)
    })
    fc.assert(law, underSeed(3000))
    assert.ok(compared > 600, `only ${compared} messages were compared: the law would say little`)
  })
}

test('chunked bodies read the same however they arrive', () => {
  fc.assert(fc.property(chunkedStream, cuts, chunkedSplitInvariance), underSeed(3000))
})

test('forwarding a chunked body keeps its payload, and forwarding it again keeps its bytes', () => {
  fc.assert(fc.property(chunkedStream, forwardingIsIdempotent), underSeed(3000))
})

test('escaping bytes is undone by unescaping', async () => {
  const { unescapeBytes } = await import('../test/support/http1/escape.ts')
  const law = fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    assert.deepEqual(unescapeBytes(escapeBytes(bytes)), bytes)
  })
  fc.assert(law, underSeed(300))
})
