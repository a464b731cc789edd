import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ascii, copySpan, parseDecimal, text, writeDecimal, writeHex } from '../src/base/bytes.ts'
import { VALUE } from '../src/http/chars.ts'
import { valueEnd } from '../src/http/h1/scan.ts'
import { FIELD_NAMES, fieldId } from '../src/http/names.ts'
import { charOf } from '../test/support/http1/arbitrary.ts'
import { underSeed } from '../test/support/http1/seed.ts'

const memory = new Uint8Array(256)
const numbers = fc.oneof(
  fc.nat(20),
  fc.nat(),
  fc.maxSafeNat(),
  fc.nat(53).map((bit) => 2 ** bit - 1),
)

test('writing a number in decimal gives its digits', () => {
  const law = fc.property(numbers, fc.nat(50), (n, at) => {
    assert.equal(text(memory, at, writeDecimal(memory, at, n)), String(n))
  })
  fc.assert(law, underSeed(3000))
})

test('writing a number in hexadecimal gives its digits', () => {
  const law = fc.property(numbers, fc.nat(50), (n, at) => {
    assert.equal(text(memory, at, writeHex(memory, at, n)), n.toString(16))
  })
  fc.assert(law, underSeed(3000))
})

test('a decimal number is read as BigInt reads it, or refused', () => {
  const digits = fc.string({ unit: charOf('0123456789'), maxLength: 22 })
  const around = fc.bigInt({ min: 2n ** 53n - 10n, max: 2n ** 53n + 10n }).map(String)
  const wrong = fc.tuple(digits, charOf(' +-_.,xe/:\0\xb2'), digits).map((parts) => parts.join(''))
  const law = fc.property(fc.oneof(digits, around, wrong), (string) => {
    const bytes = ascii(string)
    const valid = /^[0-9]+$/.test(string)
    const expected = !valid
      ? -1
      : BigInt(string) > BigInt(Number.MAX_SAFE_INTEGER)
        ? -2
        : Number(BigInt(string))
    assert.equal(parseDecimal(bytes, 0, bytes.length), expected)
  })
  fc.assert(law, underSeed(5000))
})

test('a field name is found whatever its case, and nothing else is', () => {
  const known = fc.constantFrom(...FIELD_NAMES.slice(1))
  const mixed = fc
    .tuple(known, fc.infiniteStream(fc.boolean()))
    .map(([name, upper]) =>
      Array.from(name, (c) => (upper.next().value === true ? c.toUpperCase() : c)).join(''),
    )
  const tokenChar = charOf("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzMNZ")
  const changed = fc
    .tuple(mixed, fc.nat(40), fc.oneof(tokenChar, fc.constantFrom('\r', '\x10', '@', '\0')))
    .map(([name, at, c]) => name.slice(0, at % name.length) + c + name.slice((at % name.length) + 1))
  const token = fc.string({ unit: tokenChar, minLength: 1, maxLength: 40 })
  const law = fc.property(fc.oneof(mixed, changed, token), (name) => {
    const bytes = ascii(`x${name}x`)
    assert.equal(
      fieldId(new DataView(bytes.buffer), 1, 1 + name.length),
      Math.max(FIELD_NAMES.indexOf(name.toLowerCase()), 0),
    )
  })
  fc.assert(law, underSeed(10_000))
})

test('copying a span gives its bytes, whatever its length, and within one array as well', () => {
  const law = fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(50), (bytes, at) => {
    const other = new Uint8Array(300)
    assert.equal(copySpan(other, at, bytes, 0, bytes.length), at + bytes.length)
    assert.deepEqual(other.slice(at, at + bytes.length), bytes)
    copySpan(other, 0, other, at, at + bytes.length)
    assert.deepEqual(other.slice(0, bytes.length), bytes)
  })
  fc.assert(law, underSeed(1000))
})

test('the first byte that no value may hold is found by words as it is by bytes', () => {
  const byte = fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 32, max: 126 }) },
    { weight: 3, arbitrary: fc.constantFrom(9, 128, 160, 255, 31, 32, 126) },
    { weight: 1, arbitrary: fc.constantFrom(0, 10, 13, 127) },
  )
  const law = fc.property(fc.array(byte, { maxLength: 40 }), fc.nat(40), fc.nat(40), (values, a, b) => {
    const bytes = Uint8Array.from(values)
    const start = Math.min(a, b, bytes.length)
    const stop = Math.min(Math.max(a, b), bytes.length)
    let expected = start
    while (expected < stop && VALUE[bytes[expected]!] === 1) expected++
    assert.equal(valueEnd(new DataView(bytes.buffer), start, stop), expected)
  })
  fc.assert(law, underSeed(10_000))
})
