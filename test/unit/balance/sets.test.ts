import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawSet, keySet, planSets } from '../../../src/balance/sets.ts'
import type { PlanMember, PlanSpec } from '../../../src/balance/sets.ts'
import type { LocalitySpec } from '../../../src/config/snapshot.ts'

const member = (of: Partial<PlanMember> = {}): PlanMember => ({
  weight: 1,
  warmth: 1,
  priority: 0,
  zone: '',
  labels: {},
  healthy: true,
  usable: true,
  ...of,
})

const specOf = (locality: Partial<LocalitySpec> = {}, panic = 0): PlanSpec => ({
  panic,
  locality: {
    zone: '',
    mode: 'none',
    weights: {},
    proxies: {},
    minSize: 0,
    label: '',
    order: [],
    ...locality,
  },
})

/** A hundred endpoints per priority, so many of them healthy. */
const levels = (healthy: readonly number[]): PlanMember[] =>
  healthy.flatMap((count, priority) =>
    Array.from({ length: 100 }, (_, i) => member({ priority, healthy: i < count })),
  )

/** `name: percent` of each set, whole percents, `!` for panic. */
const told = (members: readonly PlanMember[], spec: PlanSpec): string =>
  planSets(members, spec)
    .map(({ name, share, panic }) => `${name}: ${Math.round(share * 100)}${panic ? '!' : ''}`)
    .join('; ')

const percents = (healthy: readonly number[], panic = 0): (number | string)[] => {
  const plan = planSets(levels(healthy), specOf({}, panic))
  return healthy.map((_, priority) => {
    const set = plan.find(({ name }) => name === `priority ${priority}`)
    const percent = Math.round((set?.share ?? 0) * 100)
    return set?.panic === true ? `${percent}!` : percent
  })
}

test('sets: priority levels overflow as in the tables that Envoy documents', () => {
  for (const [healthy, expected] of [
    [
      [100, 100],
      [100, 0],
    ],
    [
      [72, 100],
      [100, 0],
    ],
    [
      [71, 100],
      [99, 1],
    ],
    [
      [50, 100],
      [70, 30],
    ],
    [
      [25, 100],
      [35, 65],
    ],
    [
      [0, 100],
      [0, 100],
    ],
    [
      [72, 72, 100],
      [100, 0, 0],
    ],
    [
      [71, 71, 100],
      [99, 1, 0],
    ],
    [
      [50, 50, 100],
      [70, 30, 0],
    ],
    [
      [25, 25, 100],
      [35, 35, 30],
    ],
    [
      [25, 25, 20],
      [36, 36, 29],
    ],
  ] as const)
    assert.deepEqual(percents(healthy), expected, healthy.join())
})

test('sets: panic as in the table that Envoy documents, at 50 %', () => {
  for (const [healthy, expected] of [
    [
      [72, 72],
      [100, 0],
    ],
    [
      [71, 71],
      [99, 1],
    ],
    [
      [50, 60],
      [70, 30],
    ],
    [
      [25, 100],
      [35, 65],
    ],
    [
      [25, 25],
      ['50!', '50!'],
    ],
    [
      [5, 65],
      ['7!', 93],
    ],
  ] as const)
    assert.deepEqual(percents(healthy, 0.5), expected, healthy.join())
})

test('sets: a level alone panics below the threshold, wherever that is; those an operator took out stay out', () => {
  const members = [
    member(),
    member({ healthy: false }),
    member({ usable: false }),
    member({ weight: 0, usable: false }),
  ]
  const [calm] = planSets(members, specOf({}, 0.5))
  assert.deepEqual([calm?.members, calm?.panic], [[0], false])
  const [panic] = planSets(members, specOf({}, 0.51))
  assert.deepEqual([panic?.members, panic?.panic], [[0, 1], true])
  assert.deepEqual(planSets([member({ healthy: false })], specOf({}, 0)), [])
  assert.deepEqual(planSets([member({ usable: false })], specOf({}, 1)), [])
  assert.deepEqual(planSets([], specOf({}, 1)), [])
})

test('sets: a level that warms up takes over only as it does, while there is another', () => {
  const cold = Array.from({ length: 4 }, () => member({ warmth: 0.1 }))
  assert.equal(told([...cold, member({ priority: 1 })], specOf()), 'priority 0: 14; priority 1: 86')
  assert.equal(told(cold, specOf()), 'priority 0: 100')
})

const zoned = (counts: Readonly<Record<string, number>>, of: Partial<PlanMember> = {}): PlanMember[] =>
  Object.entries(counts).flatMap(([zone, count]) =>
    Array.from({ length: count }, () => member({ zone, ...of })),
  )

test('sets: requests stay in our zone if it can take them; else the rest goes where there are more endpoints than proxies', () => {
  const proxies = { a: 1, b: 1, c: 1 }
  const of = (zone: string): PlanSpec => specOf({ mode: 'zone', zone, proxies })
  const members = zoned({ a: 2, b: 4, c: 6 })
  assert.equal(told(members, of('c')), 'priority 0, zone c: 100')
  assert.equal(told(members, of('b')), 'priority 0, zone b: 100')
  assert.equal(told(members, of('a')), 'priority 0, zone a: 50; priority 0, zone c: 50')
  assert.equal(told(zoned({ b: 1, c: 1 }), of('a')), 'priority 0, zone b: 50; priority 0, zone c: 50')
})

test('sets: where proxies are not told they are as the endpoints; a zone that is partly ill then sends the rest away', () => {
  const of = specOf({ mode: 'zone', zone: 'a' })
  assert.equal(told(zoned({ a: 3, b: 1 }), of), 'priority 0, zone a: 100')
  const ill = [...zoned({ a: 2, b: 4 }), ...zoned({ a: 2 }, { healthy: false })]
  assert.equal(told(ill, of), 'priority 0, zone a: 67; priority 0, zone b: 33')
})

test('sets: zones are not heeded in a small cluster, in a panic, or where our own is unknown', () => {
  const members = zoned({ a: 3, b: 2 })
  assert.equal(told(members, specOf({ mode: 'zone', zone: 'a', minSize: 6 })), 'priority 0: 100')
  assert.equal(told(members, specOf({ mode: 'zone', zone: 'a', minSize: 5 })), 'priority 0, zone a: 100')
  assert.equal(told(members, specOf({ mode: 'zone' })), 'priority 0: 100')
  assert.equal(told(members, specOf({ mode: 'zone', zone: 'x' })), 'priority 0: 100')
  assert.equal(told(members, specOf({ mode: 'zone', zone: 'a', proxies: { b: 1 } })), 'priority 0: 100')
  const ill = zoned({ a: 3, b: 2 }, { healthy: false })
  assert.equal(told(ill, specOf({ mode: 'zone', zone: 'a' }, 0.5)), 'priority 0: 100!')
})

test('sets: localities by weight; one without a weight has nothing, unless no other is there', () => {
  const of = specOf({ mode: 'weights', weights: { a: 3, b: 1, c: 0 } })
  assert.equal(told(zoned({ a: 1, b: 9, c: 1, d: 1 }), of), 'priority 0, zone a: 75; priority 0, zone b: 25')
  const ill = [...zoned({ a: 1, b: 1 }), ...zoned({ a: 3 }, { healthy: false })]
  assert.equal(told(ill, of), 'priority 0, zone a: 51; priority 0, zone b: 49')
  assert.equal(told(zoned({ c: 1, d: 1 }), of), 'priority 0: 100')
  assert.equal(told(zoned({ constructor: 1, a: 1 }), of), 'priority 0, zone a: 100')
})

test('sets: the nearest by label first, then the next, the unlisted last; backups after all of them', () => {
  const of = specOf({ mode: 'nearest', label: 'region', order: ['eu', 'us'] })
  const at = (region: string, more: Partial<PlanMember> = {}): PlanMember =>
    member({ labels: { region }, ...more })
  const ill = { healthy: false }
  assert.equal(told([at('us'), at('eu'), at('ap')], of), 'priority 0, region eu: 100')
  assert.equal(told([at('us'), at('eu', ill), at('ap')], of), 'priority 0, region us: 100')
  const far = [at('us', ill), at('eu', ill), at('ap'), member(), at('eu', { priority: 1 })]
  assert.equal(told(far, of), 'priority 0, elsewhere: 100')
  assert.equal(told(far.slice(4), of), 'priority 1, region eu: 100')
})

test('sets: a draw finds each set by its share, a key always the same one', () => {
  const plan = planSets(
    zoned({ a: 1, b: 1, c: 1 }),
    specOf({ mode: 'weights', weights: { a: 5, b: 3, c: 2 } }),
  )
  const counts = [0, 0, 0]
  for (let i = 0; i < 1000; i++) counts[drawSet(plan, (i + 0.5) / 1000)]!++
  assert.deepEqual(counts, [500, 300, 200])
  assert.equal(drawSet(plan, 1 - 2 ** -53), 2)
  assert.equal(drawSet([], 0.5), -1)
  assert.equal(keySet([], 7), -1)
  for (let key = 1; key < 100; key++) assert.equal(keySet(plan, key), keySet(plan, key))
})

test('sets: a panic sends nobody to where nobody is, unless there is nowhere else', () => {
  const gone = member({ healthy: false, absent: true })
  const sick = member({ healthy: false })
  const chosen = (members: readonly PlanMember[]): readonly (readonly number[])[] =>
    planSets(members, specOf({}, 0.5)).map((set) => set.members)
  assert.deepEqual(chosen([gone, gone, gone, member()]), [[3]])
  assert.equal(told([gone, gone, gone, member()], specOf({}, 0.5)), 'priority 0: 100')
  assert.deepEqual(chosen([gone, sick, sick, member()]), [[1, 2, 3]])
  assert.deepEqual(chosen([gone, sick]), [[1]])
  assert.deepEqual(chosen([gone, gone]), [[0, 1]])
  assert.deepEqual(
    chosen([
      { ...gone, usable: false },
      { ...sick, usable: false },
    ]),
    [],
  )
})
