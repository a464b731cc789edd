import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { unescapeBytes } from '../test/support/http1/escape.ts'
import { agreesWithLlhttp, splitInvariance } from '../test/support/http1/laws.ts'

const source = readFileSync(new URL('./corpus/http.txt', import.meta.url), 'utf8')
const lines = source.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

for (const line of lines) {
  test(`still holds: ${line.slice(0, 90)}`, () => {
    const match = /^(request|response) (.+)$/.exec(line)
    assert.ok(match, 'kind and stream')
    const kind = match[1] === 'request' ? 'request' : 'response'
    const bytes = unescapeBytes(match[2]!)
    agreesWithLlhttp(kind, bytes)
    for (let at = 0; at <= bytes.length; at++) splitInvariance(kind, bytes, [at, at + 1])
  })
}
