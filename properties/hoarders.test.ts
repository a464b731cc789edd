/** Whose idle connections are closed when there are too few: against a model that looks at everything anew for every single one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Crowd, Hoarders } from '../src/limit/hoarders.ts'

type Held = { readonly client: number; readonly idleMs: number }

const crowdOf = (held: readonly Held[]): Crowd => {
  const crowd = new Crowd()
  for (const { client, idleMs } of held) crowd.add(client, idleMs)
  return crowd
}

/** Few clients with many connections, and many with one; ids as a hash makes them. */
const held = fc.record({
  client: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  idleMs: fc.oneof(
    fc.constant(-1),
    fc.integer({ min: 0, max: 50 }),
    fc.double({ min: 0, max: 1e6, noNaN: true }),
  ),
})

const countOf = (all: readonly Held[], client: number): number =>
  all.filter((each) => each.client === client).length

test('chosen are idle connections of whoever has most to spare at that moment, the longest idle of a client first, as many as asked for or as there are', () => {
  fc.assert(
    fc.property(
      fc.array(held, { maxLength: 150, size: 'max' }),
      fc.nat(200),
      fc.integer({ min: 0, max: 60 }),
      (all, most, leastMs) => {
        const hoarders = new Hoarders()
        const crowd = crowdOf(all)
        const order = hoarders.choose(crowd, most, leastMs)
        assert.equal(order.length, Math.min(most, hoarders.surplus(crowd, leastMs)))
        const left = new Map(all.entries())
        const spare = (client: number): number => {
          const own = [...left.values()].filter((each) => each.client === client)
          return Math.min(own.filter(({ idleMs }) => idleMs >= leastMs).length, own.length - 1)
        }
        for (const index of order) {
          const chosen = left.get(index)
          assert.ok(chosen !== undefined, 'nobody is chosen twice')
          assert.ok(chosen.idleMs >= leastMs)
          const worst = Math.max(...[...left.values()].map(({ client }) => spare(client)))
          assert.ok(worst > 0 && spare(chosen.client) === worst)
          const idlest = Math.max(
            ...[...left.values()].filter((e) => e.client === chosen.client).map((e) => e.idleMs),
          )
          assert.equal(chosen.idleMs, idlest)
          left.delete(index)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('a client with one connection is never chosen, whatever others hoard; nor is the last one of anybody', () => {
  fc.assert(
    fc.property(fc.array(held, { maxLength: 120, size: 'max' }), fc.nat(200), (all, most) => {
      const order = new Set(new Hoarders().choose(crowdOf(all), most, 0))
      for (const client of new Set(all.map((each) => each.client))) {
        const taken = all.filter((each, index) => each.client === client && order.has(index)).length
        assert.ok(taken < countOf(all, client))
      }
    }),
  )
})

/** Everybody's connections, idle for a minute unless they are awake. */
const asleep = (client: number, count: number): Held[] =>
  Array.from({ length: count }, () => ({ client, idleMs: 60_000 }))
const awake = (client: number, count: number): Held[] =>
  Array.from({ length: count }, () => ({ client, idleMs: 10 }))

test('who hoards and then bursts is scored for it: of two equal hoards its own goes first, and that is forgotten with time', () => {
  const hoarders = new Hoarders()
  const quiet = asleep(1, 20)
  hoarders.look(crowdOf([...quiet, ...asleep(2, 20)]), 0)
  hoarders.look(crowdOf([...quiet, ...asleep(2, 20)]), 1000)
  hoarders.look(crowdOf([...quiet, ...awake(2, 20)]), 2000)
  hoarders.look(crowdOf([...quiet, ...awake(2, 20)]), 3000)
  assert.ok(hoarders.burstsOf(2) > 0.9)
  assert.equal(hoarders.burstsOf(1), 0)
  const all = [...quiet, ...asleep(2, 20)]
  const chosen = hoarders.choose(crowdOf(all), 10, 0)
  assert.deepEqual(
    chosen.filter((index) => all[index]!.client === 1),
    [],
    'levelled to half of the other first',
  )
  for (let nowMs = 4000; nowMs < 1_000_000; nowMs += 1000) hoarders.look(crowdOf(all), nowMs)
  assert.ok(hoarders.burstsOf(2) < 0.01)
})

test('one who uses what it holds all the time, or holds few, has no bursts', () => {
  const hoarders = new Hoarders()
  for (let at = 0; at < 20; at++) {
    const few = at % 2 === 0 ? asleep(2, 7) : awake(2, 7)
    hoarders.look(crowdOf([...awake(1, 100), ...few]), at * 1000)
  }
  assert.deepEqual([hoarders.burstsOf(1), hoarders.burstsOf(2)], [0, 0])
})

test('memory is bounded: hundreds of thousands of clients with hoards leave a few hundred remembered, the largest of them', () => {
  const hoarders = new Hoarders()
  const largest = 77
  for (let round = 0; round < 30; round++) {
    const crowd = new Crowd()
    for (let who = 0; who < 500; who++)
      for (let i = 0; i < 9; i++) crowd.add(round * 1000 + 1000 + who, 60_000)
    for (let i = 0; i < 50; i++) crowd.add(largest, 60_000)
    hoarders.look(crowd, round * 1000)
  }
  assert.ok(hoarders.remembered <= 256, `${hoarders.remembered}`)
  const crowd = crowdOf(awake(largest, 50))
  hoarders.look(crowd, 31_000)
  assert.ok(hoarders.burstsOf(largest) >= 1)
})
