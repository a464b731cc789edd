import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BoundedLoad } from '../src/balance/bounded-load.ts'
import { seededRng } from '../src/base/random.ts'
import { anyFleet, few, fleetView, HASHING, KEYS, keysOf, made, rng } from '../test/support/hashing.ts'

const load = fc.record({
  fleet: anyFleet,
  factor: fc.constantFrom(1, 1.01, 1.25, 2),
  arrivals: fc.array(fc.tuple(fc.nat(5), fc.boolean()), { maxLength: 300, size: 'max' }),
})

for (const [name, make] of Object.entries(HASHING)) {
  test(`bounded load over ${name}: at every moment nobody was given more than ⌈c·(m + 1)·w/W⌉, and somebody is always found`, () => {
    fc.assert(
      fc.property(load, ({ fleet, factor, arrivals }) => {
        const view = fleetView(fleet)
        const policy = made(() => new BoundedLoad(make(), factor), view)
        const sum = fleet.reduce((of, one) => of + one.weight, 0)
        const underWay: number[] = []
        for (const [key, leaves] of arrivals) {
          if (leaves && underWay.length > 0) view.inFlight[underWay.pop()!]!--
          view.considered.clear()
          const index = policy.pick(view, key, rng)
          assert.ok(index >= 0 && index < fleet.length)
          const bound = Math.ceil((factor * (underWay.length + 1) * fleet[index]!.weight) / sum)
          view.inFlight[index]!++
          assert.ok(view.inFlight[index]! <= bound, `${view.inFlight[index]!} of ${bound}`)
          underWay.push(index)
        }
      }),
      few,
    )
  })

  test(`bounded load over ${name}: with room everywhere it is the policy itself, and a key goes on to the same choice while the same are full`, () => {
    fc.assert(
      fc.property(anyFleet, fc.nat(), (fleet, which) => {
        const view = fleetView(fleet)
        const plain = made(make, view)
        const bounded = made(() => new BoundedLoad(make(), 1.25), view)
        for (const key of KEYS.slice(0, 50)) {
          assert.equal(bounded.pick(view, key, rng), plain.pick(view, key, rng))
        }
        const full = which % fleet.length
        view.inFlight[full] = 1000
        const sum = fleet.reduce((of, one) => of + one.weight, 0)
        const hasRoom = 1000 < Math.ceil((1.25 * 1001 * fleet[full]!.weight) / sum)
        for (const key of KEYS.slice(0, 50)) {
          const first = plain.pick(view, key, rng)
          const index = bounded.pick(view, key, rng)
          assert.equal(index === first, first !== full || hasRoom)
          assert.equal(bounded.pick(view, key, seededRng(key)), index)
        }
      }),
      few,
    )
  })
}

test('bounded load: what overflows one endpoint falls on all others, not on a neighbour', () => {
  const fleet = Array.from({ length: 10 }, (_, id) => ({ id, weight: 1 }))
  for (const make of Object.values(HASHING)) {
    const view = fleetView(fleet)
    const policy = made(() => new BoundedLoad(make(), 1.25), view)
    view.inFlight[4] = 100
    const counts = fleet.map(() => 0)
    for (const key of keysOf(20_000)) counts[policy.pick(view, key, rng)]!++
    assert.equal(counts[4], 0)
    for (const [id, count] of counts.entries())
      if (id !== 4) assert.ok(count > 1600 && count < 2900, `${count}`)
  }
})
