import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { endpointHash } from '../src/balance/identity.ts'
import { subsetOf } from '../src/balance/subset.ts'
import { chiSquare, chiSquareLimit } from '../test/support/balance.ts'

const fleet = fc
  .uniqueArray(fc.nat(100_000), { maxLength: 60, size: 'max' })
  .map((ids) => ids.map((id) => ({ hash: endpointHash(`10.1.${id >> 8}.${id & 255}:80`), priority: id % 3 })))

test('subset: so many of every priority, and when an endpoint comes at most one other leaves', () => {
  fc.assert(
    fc.property(fleet, fc.nat(20), fc.maxSafeInteger(), (all, size, seed) => {
      const chosen = subsetOf(all, { size, seed }).map((index) => all[index]!)
      for (const priority of [0, 1, 2]) {
        const there = all.filter((one) => one.priority === priority).length
        const used = chosen.filter((one) => one.priority === priority).length
        assert.equal(used, size === 0 ? there : Math.min(size, there))
      }
      const fewer = all.slice(0, -1)
      const before = new Set(subsetOf(fewer, { size, seed }).map((index) => fewer[index]!))
      const left = [...before].filter((one) => !chosen.includes(one))
      assert.ok(left.length <= (chosen.includes(all.at(-1)!) ? 1 : 0))
    }),
  )
})

test('subset: over proxies with seeds of their own each endpoint is used alike', () => {
  const all = Array.from({ length: 50 }, (_, i) => ({ hash: endpointHash(`10.0.0.${i}:80`), priority: 0 }))
  const counts = all.map(() => 0)
  for (let seed = 0; seed < 4000; seed++)
    for (const index of subsetOf(all, { size: 5, seed })) counts[index]!++
  assert.ok(
    chiSquare(
      counts,
      all.map(() => 1 / 50),
    ) < chiSquareLimit(49),
  )
})
