import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ClientKey } from '../../../src/limit/client-key.ts'

const keyOf = (ip: string): number[] => {
  const key = new ClientKey()
  key.set('2001:db8:1:2:3:4:5:6') // what an earlier client left behind must not matter
  key.set(ip)
  return [...key.words]
}

const group = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff))
const groups = fc.array(group, { minLength: 8, maxLength: 8 })
const octets = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 })

/** All ways to write an address: leading zeros, case, `::` for any run of zero groups. */
const spellings = (address: readonly number[]): string[] => {
  const plain = address.map((each) => each.toString(16))
  const all = [
    plain.join(':'),
    plain.join(':').toUpperCase(),
    plain.map((each) => each.padStart(4, '0')).join(':'),
  ]
  for (let from = 0; from < 8; from++) {
    for (let to = from + 1; to <= 8 && address[to - 1] === 0; to++) {
      all.push(`${plain.slice(0, from).join(':')}::${plain.slice(to).join(':')}`)
    }
  }
  return all
}

test('IPv6: the key is the first 64 bits, however the address is written, zone or not', () => {
  fc.assert(
    fc.property(groups, (address) => {
      fc.pre(!(address.slice(0, 5).every((each) => each === 0) && address[5] === 0xffff))
      const [a, b, c, d] = address as [number, number, number, number]
      for (const ip of spellings(address)) {
        assert.deepEqual(keyOf(ip), [6, (a << 16) | b, (c << 16) | d], ip)
        assert.deepEqual(keyOf(`${ip}%eth0`), keyOf(ip))
      }
    }),
  )
})

test('IPv4: the key is the address; IPv4-mapped IPv6 is the same client, in both spellings', () => {
  fc.assert(
    fc.property(octets, (address) => {
      const [a, b, c, d] = address as [number, number, number, number]
      const expected = [4, (a << 24) | (b << 16) | (c << 8) | d, 0]
      const ip = address.join('.')
      assert.deepEqual(keyOf(ip), expected)
      assert.deepEqual(keyOf(`::ffff:${ip}`), expected)
      const high = ((a << 8) | b).toString(16)
      assert.deepEqual(keyOf(`::ffff:${high}:${((c << 8) | d).toString(16)}`), expected)
    }),
  )
})

test('whatever else: one client, never an error', () => {
  for (const ip of [
    '',
    'unix:',
    'unix:/a:b',
    ':',
    ':::',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '1..2.3',
    'a.b.c.d',
    '1.2.3.4 ',
  ]) {
    assert.deepEqual(keyOf(ip), [0, 0, 0], ip)
  }
  for (const ip of [
    '1:2:3',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1.2.3',
    '1:::2',
    '1:2:3:4:5:6:7:8:',
    '1:2:3:4:5:6:7:8::',
    '1:2:3:4:5:6:7:8x',
    '::1x',
  ]) {
    assert.deepEqual(keyOf(ip), [0, 0, 0], ip)
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(':', '.', '1', 'f', '%', '::', '0', '255') }), (ip) => {
      assert.ok([0, 4, 6].includes(keyOf(ip)[0]!))
    }),
    { numRuns: 1000 },
  )
})
