import { test } from 'node:test'
import assert from 'node:assert/strict'
import { halfSipHash } from '../../../src/base/siphash.ts'

test('HalfSipHash-1-3: the vectors of Linux (lib/tests/siphash_kunit.c) for whole words', () => {
  // vector n hashes bytes 0…n-1 under the key 00 01 … 07; those of lengths divisible by 4
  const vectors = [
    0x5814c896, 0x7e059ea6, 0x577999b1, 0x6b28096c, 0x8b31d501, 0x911bb605, 0x57150ad7, 0x0a4100d0,
    0xbc6dda8d, 0x7c46fb7f, 0x05327eb2, 0x11795ab1, 0x007783eb, 0xc368dda6, 0x53ecd77e, 0x88b4c4cc,
  ]
  const words = new Int32Array(Uint8Array.from({ length: 64 }, (_, i) => i).buffer)
  vectors.forEach((expected, count) => {
    assert.equal(halfSipHash(words, count, 0x03020100, 0x07060504), expected, `${count} words`)
  })
})
