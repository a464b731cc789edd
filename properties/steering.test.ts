import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRng } from '../src/base/random.ts'
import { Steering } from '../src/control/steering.ts'

const all = (size: number): number[] => Array.from({ length: size }, (_, shard) => shard)

test('who is not in service gets nothing, who is always gets something, whatever is measured', () => {
  const size = 6
  const property = fc.property(
    fc.array(
      fc.record({
        busy: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: size, maxLength: size }),
        serving: fc.subarray(all(size)),
        byBusyTime: fc.boolean(),
      }),
      { maxLength: 60 },
    ),
    (steps) => {
      const steering = new Steering(size)
      for (const { busy, serving, byBusyTime } of steps) {
        for (const [shard, share] of busy.entries()) steering.measure(shard, share)
        steering.decide(serving, byBusyTime)
        for (const shard of all(size)) {
          const weight = steering.weights[shard]!
          assert.equal(weight > 0, serving.includes(shard))
          assert.ok(weight <= 2)
          if (!byBusyTime && weight > 0) assert.equal(weight, 1)
        }
      }
    },
  )
  fc.assert(property)
})

type Fleet = {
  readonly shards: number
  /** Connections that arrive per period and how many periods they stay on average. */
  readonly arrivals: number
  readonly stay: number
  /** Busy share that one connection costs. */
  readonly cost: number
  /** What each shard bears besides, for ever. */
  readonly burden: readonly number[]
  /** Connections per shard in the beginning. */
  readonly before: readonly number[]
}

type Course = { readonly spread: number; readonly programs: number; readonly weights: Float64Array }

/** Let connections come and go; the spread (max over mean of the load) is that of the last tenth of the time. */
function run(fleet: Fleet, periods: number, seed: number): Course {
  const { shards, arrivals, stay, cost, burden } = fleet
  const rng = seededRng(seed)
  const open = [...fleet.before]
  const steering = new Steering(shards)
  steering.decide(all(shards), true)
  const sums = all(shards).map(() => 0)
  let programs = 0
  for (let period = 0; period < periods; period++) {
    const total = steering.weights.reduce((sum, weight) => sum + weight, 0)
    for (let n = 0; n < arrivals; n++) {
      let at = rng.next() * total
      const shard = steering.weights.findIndex((weight) => (at -= weight) < 0)
      open[Math.max(0, shard)]!++
    }
    for (const shard of all(shards)) {
      let leaving = 0
      for (let n = 0; n < open[shard]!; n++) if (rng.next() < 1 / stay) leaving++
      open[shard]! -= leaving
    }
    const busy = open.map((count, shard) => Math.min(1, count * cost + (burden[shard] ?? 0)))
    if (period >= periods * 0.9) for (const shard of all(shards)) sums[shard]! += busy[shard]!
    for (const [shard, share] of busy.entries()) steering.measure(shard, share)
    if (steering.decide(all(shards), true) && period > periods / 2) programs++
  }
  const mean = sums.reduce((sum, load) => sum + load, 0) / shards
  return { spread: Math.max(...sums) / mean, programs, weights: steering.weights }
}

test('it converges: wherever the connections were to begin with, the busiest ends within a fifth of the mean', () => {
  const property = fc.property(
    fc.integer({ min: 2, max: 8 }),
    fc.integer({ min: 2, max: 30 }),
    fc.array(fc.nat(3000), { minLength: 8, maxLength: 8 }),
    fc.nat(),
    (shards, stay, before, seed) => {
      const arrivals = Math.ceil((400 * shards) / stay)
      const fleet = { shards, arrivals, stay, cost: 0.001, burden: [], before: before.slice(0, shards) }
      const { spread } = run(fleet, 12 * stay + 60, seed)
      assert.ok(spread < 1.2, `spread ${spread}`)
    },
  )
  fc.assert(property, { numRuns: 40 })
})

test('it leans against what stays: a shard with a burden of its own gets fewer new connections, and the spread is less than without', () => {
  for (const seed of [1, 2, 3]) {
    const fleet = {
      shards: 4,
      arrivals: 160,
      stay: 10,
      cost: 0.001,
      burden: [0.3, 0, 0, 0],
      before: [0, 0, 0, 0],
    }
    const { spread, weights } = run(fleet, 300, seed)
    // Untouched it would be (0.4 + 0.3) / 0.475 = 1.47.
    assert.ok(spread < 1.25, `spread ${spread}`)
    assert.ok(weights[0]! < 0.6 && weights[1]! > 0.9, weights.join())
  }
})

test('it stands still where all is even: no program is attached that changes nothing', () => {
  for (const seed of [1, 2, 3]) {
    const fleet = { shards: 4, arrivals: 400, stay: 4, cost: 0.001, burden: [], before: [400, 400, 400, 400] }
    assert.equal(run(fleet, 400, seed).programs, 0)
  }
})

test('a fleet that hardly works is left to the kernel: what is measured of idle shards is noise', () => {
  const steering = new Steering(2)
  steering.decide([0, 1], true)
  for (let n = 0; n < 20; n++) {
    steering.measure(0, 0.04)
    steering.measure(1, 0.001)
  }
  assert.equal(steering.decide([0, 1], true), false)
  assert.ok(steering.isEven)
})
