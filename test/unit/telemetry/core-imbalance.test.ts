import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bottleneckOf, imbalanceOf } from '../../../src/telemetry/core-imbalance.ts'

const values = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 64 })

test('the index is between 1 (even) and the number of shards (all on one), whatever lies on them', () => {
  fc.assert(
    fc.property(values, (loads) => {
      const { index, max, mean } = imbalanceOf(loads)
      assert.ok(index >= 1 - 1e-9 && index <= loads.length + 1e-9, `${index}`)
      assert.ok(max >= mean - 1e-9)
    }),
  )
  assert.equal(imbalanceOf([7, 7, 7]).index, 1)
  assert.equal(imbalanceOf([0, 9, 0]).index, 3)
  for (const nothing of [[], [0], [0, 0]]) assert.equal(imbalanceOf(nothing).index, 1)
})

test('the index asks neither in which unit nor in which order, and to move work from the fullest to the emptiest never raises it', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 1000 }), fc.nat(), (loads, factor, part) => {
      const { index } = imbalanceOf(loads)
      assert.ok(Math.abs(imbalanceOf(loads.map((load) => load * factor)).index - index) < 1e-9)
      assert.ok(Math.abs(imbalanceOf(loads.toReversed()).index - index) < 1e-9)
      const moved = loads.slice()
      const [full, empty] = [moved.indexOf(Math.max(...moved)), moved.indexOf(Math.min(...moved))]
      const most = Math.floor((moved[full]! - moved[empty]!) / 2)
      const amount = most === 0 ? 0 : part % most
      moved[full]! -= amount
      moved[empty]! += amount
      assert.ok(imbalanceOf(moved).index <= index + 1e-9)
    }),
  )
})

test('the bottleneck is named although the average is low, and only then', () => {
  assert.equal(bottleneckOf([0.05, 0.98, 0.04, 0.05]), 1)
  assert.equal(bottleneckOf([0.98, 0.97, 0.99]), -1, 'all are full: none holds the others up')
  assert.equal(bottleneckOf([0.01, 0.2, 0.01]), -1, 'uneven, but nobody waits')
  assert.equal(bottleneckOf([1]), -1)
  assert.equal(bottleneckOf([]), -1)
})
