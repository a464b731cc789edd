import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sipHash24 } from '../../../src/base/siphash24.ts'
import type { SipKey } from '../../../src/base/siphash24.ts'
import { seededRng } from '../../../src/base/random.ts'

const tagOf = (key: SipKey, bytes: Uint8Array): bigint => {
  const tag = new Int32Array(2)
  sipHash24(key, bytes, bytes.length, tag)
  return (BigInt(tag[1]! >>> 0) << 32n) | BigInt(tag[0]! >>> 0)
}

test('SipHash-2-4: the vectors of its authors, messages of 0 to 15 bytes', () => {
  const vectors = [
    '310e0edd47db6f72 fd67dc93c539f874 5a4fa9d909806c0d 2d7efbd796666785',
    'b7877127e09427cf 8da699cd64557618 cee3fe586e46c9cb 37d1018bf50002ab',
    '6224939a79f5f593 b0e4a90bdf82009e f3b9dd94c5bb5d7a a7ad6b22462fb3f4',
    'fbe50e86bc8f1e75 903d84c02756ea14 eef27a8e90ca23f7 e545be4961ca29a1',
  ].flatMap((row) => row.split(' '))
  const key: SipKey = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c]
  for (const [length, littleEndian] of vectors.entries()) {
    const message = Uint8Array.from({ length }, (_, i) => i)
    const expected = littleEndian.match(/../g)!.toReversed().join('')
    assert.equal(tagOf(key, message).toString(16).padStart(16, '0'), expected, `${length} bytes`)
  }
})

const MASK = (1n << 64n) - 1n
const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & MASK

/** The paper, §2, in 64-bit arithmetic. */
const byThePaper = (key: SipKey, bytes: Uint8Array): bigint => {
  const word = (low: number, high: number): bigint => BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n)
  const k0 = word(key[0], key[1])
  const k1 = word(key[2], key[3])
  let [a, b, c, d] = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ]
  const round = (): void => {
    a = (a + b) & MASK
    c = (c + d) & MASK
    b = rotate(b, 13n) ^ a
    d = rotate(d, 16n) ^ c
    a = rotate(a, 32n)
    c = (c + b) & MASK
    a = (a + d) & MASK
    b = rotate(b, 17n) ^ c
    d = rotate(d, 21n) ^ a
    c = rotate(c, 32n)
  }
  const padded = new Uint8Array((bytes.length & ~7) + 8)
  padded.set(bytes)
  padded[padded.length - 1] = bytes.length
  const view = new DataView(padded.buffer)
  for (let at = 0; at < padded.length; at += 8) {
    const message = view.getBigUint64(at, true)
    d ^= message
    round()
    round()
    a ^= message
  }
  c ^= 0xffn
  for (let i = 0; i < 4; i++) round()
  return a ^ b ^ c ^ d
}

test('SipHash-2-4: halves of 32 bits come to what 64-bit arithmetic comes to', () => {
  const rng = seededRng(24)
  for (let i = 0; i < 500; i++) {
    const key: SipKey = [rng.uint32(), rng.uint32(), rng.uint32(), rng.uint32()]
    const message = Uint8Array.from({ length: rng.below(300) }, () => rng.below(256))
    assert.equal(tagOf(key, message), byThePaper(key, message))
  }
})
