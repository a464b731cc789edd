import { test } from 'node:test'
import fc from 'fast-check'
import { chunkedStream, cuts, requestStream, responseStream } from '../test/support/http1/arbitrary.ts'
import {
  agreesWithLlhttp,
  chunkedSplitInvariance,
  forwardingIsIdempotent,
  splitInvariance,
} from '../test/support/http1/laws.ts'

/** The laws of the HTTP/1 core for as long as we are told: WEIR_SECONDS over all of them, under WEIR_SEED (both set by the runner). */
const seconds = Number(process.env['WEIR_SECONDS'] ?? 60)
const given = process.env['WEIR_SEED']
const seed = given === undefined || given === '' ? Date.now() | 0 : Number(given) | 0

type Check = (bytes: Uint8Array, at: readonly number[]) => unknown
type Law = { readonly name: string; readonly streams: fc.Arbitrary<Uint8Array>; readonly check: Check }

function law(name: string, streams: fc.Arbitrary<Uint8Array>, check: Check): Law {
  return { name, streams, check }
}

const LAWS: readonly Law[] = [
  law('requests read the same however they arrive', requestStream, (bytes, at) =>
    splitInvariance('request', bytes, at),
  ),
  law('responses read the same however they arrive', responseStream, (bytes, at) =>
    splitInvariance('response', bytes, at),
  ),
  law('requests we accept, llhttp reads alike', requestStream, (bytes) => agreesWithLlhttp('request', bytes)),
  law('responses we accept, llhttp reads alike', responseStream, (bytes) =>
    agreesWithLlhttp('response', bytes),
  ),
  law('chunked bodies read the same however they arrive', chunkedStream, chunkedSplitInvariance),
  law('forwarding a chunked body twice changes nothing more', chunkedStream, forwardingIsIdempotent),
]

const shareMs = (seconds * 1000) / LAWS.length
for (const { name, streams, check } of LAWS) {
  test(`${name} (seed ${seed}, ${Math.round(shareMs)} ms)`, (t) => {
    let runs = 0
    const counted = fc.property(streams, cuts, (bytes, at) => {
      runs++
      check(bytes, at)
    })
    fc.assert(counted, {
      seed,
      numRuns: Number.MAX_SAFE_INTEGER,
      plugins: [fc.interruptAfterTimeLimit(shareMs)],
    })
    t.diagnostic(`${runs} inputs`)
  })
}
