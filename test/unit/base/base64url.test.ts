import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readBase64Url, writeBase64Url } from '../../../src/base/base64url.ts'
import { seededRng } from '../../../src/base/random.ts'

test('base64url: as Buffer writes it, and back', () => {
  const rng = seededRng(64)
  for (let i = 0; i < 300; i++) {
    const bytes = Uint8Array.from({ length: 3 * rng.below(6) }, () => rng.below(256))
    const written = new Uint8Array(30)
    const end = writeBase64Url(written, 1, bytes)
    assert.equal(Buffer.from(written.subarray(1, end)).toString(), Buffer.from(bytes).toString('base64url'))
    const read = new Uint8Array(bytes.length)
    assert.ok(readBase64Url(written, 1, read))
    assert.deepEqual(read, bytes)
  }
})

test('base64url: no letter but the 64 is read', () => {
  const letters = new Set('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
  for (let byte = 0; byte < 256; byte++) {
    const ok = readBase64Url(Uint8Array.of(65, byte, 65, 65), 0, new Uint8Array(3))
    assert.equal(ok, letters.has(String.fromCharCode(byte)), `${byte}`)
  }
})
