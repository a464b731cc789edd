import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { capacityOf, describeCapacity, fdShortage } from '../../../src/control/capacity.ts'

test('half of the clients accepted can have a connection to a backend each, and all fit under the limit', () => {
  const property = fc.property(
    fc.integer({ min: 8192, max: 1_048_576 }),
    fc.integer({ min: 1, max: 256 }),
    fc.nat(1024),
    (limit, shards, listening) => {
      const { maxConnections, reserve } = capacityOf(limit, shards, listening)
      assert.ok(1.5 * maxConnections + reserve <= limit)
      assert.ok(1.5 * (maxConnections + 1) + reserve > limit)
    },
  )
  fc.assert(property)
})

test('a tiny limit still serves somebody, and the start message says what to do', () => {
  const capacity = capacityOf(64, 2, 4)
  assert.equal(capacity.maxConnections, 16)
  assert.match(describeCapacity(capacity), /16 client connections at most .* raise the hard limit/)
  assert.doesNotMatch(describeCapacity(capacity), /reserved/, 'more than there are cannot be reserved')
  assert.match(describeCapacity(capacityOf(1024, 2, 4)), /descriptors: 1024, 196 reserved/)
  assert.doesNotMatch(describeCapacity(capacityOf(65_536, 2, 4)), /raise/)
})

test('a limit that is too low for the program alone is refused with what would do', () => {
  const said = fdShortage(60, 4, 8) ?? ''
  const least = Number(/needs (\d+)/.exec(said)?.[1])
  assert.match(
    said,
    /^file descriptors: 60 at most, and a program of 4 shards needs .*ulimit -Hn .*LimitNOFILE=/,
  )
  assert.notEqual(fdShortage(least - 1, 4, 8), undefined)
  assert.equal(fdShortage(least, 4, 8), undefined)
})
