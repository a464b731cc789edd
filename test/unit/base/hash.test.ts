import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBytes, hashPair, hashString, unitOf } from '../../../src/base/hash.ts'

const hash = (bytes: readonly number[], seed: number): number =>
  hashBytes(Uint8Array.from([9, ...bytes, 9]), 1, bytes.length + 1, seed) >>> 0
const letters = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0))

test('hash: the published vectors of MurmurHash3_x86_32', () => {
  const vectors: readonly (readonly [readonly number[], number, number])[] = [
    [[], 0, 0],
    [[], 1, 0x514e28b7],
    [[], 0xffffffff, 0x81f16f39],
    [[0xff, 0xff, 0xff, 0xff], 0, 0x76293b50],
    [[0x21, 0x43, 0x65, 0x87], 0, 0xf55b516b],
    [[0x21, 0x43, 0x65, 0x87], 0x5082edee, 0x2362f9de],
    [[0x21, 0x43, 0x65], 0, 0x7e4a8634],
    [[0x21, 0x43], 0, 0xa0f7b07a],
    [[0x21], 0, 0x72661cf4],
    [[0, 0, 0, 0], 0, 0x2362f9de],
    [[0, 0, 0], 0, 0x85f0b427],
    [[0, 0], 0, 0x30f4c306],
    [[0], 0, 0x514e28b7],
    [letters('aaaa'), 0x9747b28c, 0x5a97808a],
    [letters('aaa'), 0x9747b28c, 0x283e0130],
    [letters('Hello, world!'), 0x9747b28c, 0x24884cba],
    [letters('The quick brown fox jumps over the lazy dog'), 0x9747b28c, 0x2fa826cd],
  ]
  for (const [bytes, seed, expected] of vectors) assert.equal(hash(bytes, seed), expected, bytes.join())
})

test('hash: of a string it is that of its UTF-8 bytes, of a pair that of its little-endian bytes', () => {
  assert.equal(hashString('unix:/tmp/ö'), hash([...new TextEncoder().encode('unix:/tmp/ö')], 0))
  for (const [a, b] of [
    [0, 0],
    [1, 0],
    [0, 1],
    [0xdeadbeef, 0x01020304],
    [0xffffffff, 0x80000000],
  ] as const) {
    const bytes = new Uint8Array(Uint32Array.of(a, b).buffer)
    assert.equal(hashPair(a, b) >>> 0, hash([...bytes], 0))
  }
})

test('hash: as a share it is never an end of the interval', () => {
  assert.ok(unitOf(0) > 0)
  assert.ok(unitOf(0xffffffff) < 1)
  assert.equal(unitOf(0x7fffffff) + unitOf(0x80000000), 1)
})
