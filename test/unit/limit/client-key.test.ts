import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ClientKey } from '../../../src/limit/client-key.ts'

const keyOf = (ip: string, prefix?: number): number[] => {
  const key = new ClientKey()
  key.set('2001:db8:1:2:3:4:5:6', 128) // what an earlier client left behind must not matter
  if (prefix === undefined) key.set(ip)
  else key.set(ip, prefix)
  return [...key.words]
}

/** The oracle: the address as a number of 128 bits, cut by dividing. */
const cut = (address: readonly number[], prefix: number): number[] => {
  const whole = address.reduce((sum, each) => (sum << 16n) | BigInt(each), 0n)
  const rest = 2n ** BigInt(128 - prefix)
  const kept = (whole / rest) * rest
  return [96n, 64n, 32n, 0n].map((shift) => Number(BigInt.asIntN(32, kept >> shift)))
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
        assert.deepEqual(keyOf(ip), [6, (a << 16) | b, (c << 16) | d, 0, 0], ip)
        assert.deepEqual(keyOf(`${ip}%eth0`), keyOf(ip))
      }
    }),
  )
})

test('IPv6 with any prefix: two addresses are one client exactly if their first bits are the same', () => {
  const prefix = fc.oneof(
    fc.integer({ min: 0, max: 128 }),
    fc.constantFrom(0, 31, 32, 33, 48, 56, 63, 64, 65, 96, 127, 128),
  )
  const flipped = fc.nat(127)
  fc.assert(
    fc.property(groups, prefix, flipped, (address, bits, flip) => {
      const other = address.with(flip >> 4, address[flip >> 4]! ^ (0x8000 >> (flip & 15)))
      for (const each of [address, other])
        fc.pre(!(each.slice(0, 5).every((part) => part === 0) && each[5] === 0xffff))
      const [one, two] = [address, other].map((each) => each.map((part) => part.toString(16)).join(':'))
      assert.deepEqual(keyOf(one!, bits), [6, ...cut(address, bits)])
      assert.equal(keyOf(one!, bits).join() === keyOf(two!, bits).join(), flip >= bits)
    }),
    { numRuns: 1000 },
  )
})

test('IPv4 is told apart to the last bit whatever the prefix, mapped or not', () => {
  for (const prefix of [0, 32, 64, 128]) {
    assert.deepEqual(keyOf('192.0.2.1', prefix), keyOf('::ffff:192.0.2.1', prefix))
    assert.notDeepEqual(keyOf('192.0.2.1', prefix), keyOf('192.0.2.0', prefix))
    assert.notDeepEqual(keyOf('::ffff:c000:201', prefix), keyOf('::ffff:c000:200', prefix))
  }
})

test('IPv4: the key is the address; IPv4-mapped IPv6 is the same client, in both spellings', () => {
  fc.assert(
    fc.property(octets, (address) => {
      const [a, b, c, d] = address as [number, number, number, number]
      const expected = [4, (a << 24) | (b << 16) | (c << 8) | d, 0, 0, 0]
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
    assert.deepEqual(keyOf(ip), [0, 0, 0, 0, 0], ip)
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
    assert.deepEqual(keyOf(ip), [0, 0, 0, 0, 0], ip)
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(':', '.', '1', 'f', '%', '::', '0', '255') }), (ip) => {
      assert.ok([0, 4, 6].includes(keyOf(ip)[0]!))
    }),
    { numRuns: 1000 },
  )
})
