import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { keySet, planSets } from '../src/balance/sets.ts'
import type { Plan, PlanMember, PlanSpec } from '../src/balance/sets.ts'
import type { LocalitySpec } from '../src/config/snapshot.ts'
import { seededRng } from '../src/base/random.ts'
import { chiSquare, chiSquareLimit } from '../test/support/balance.ts'

const zoneName = fc.constantFrom('a', 'b', 'c', '', '__proto__')
const share = fc.oneof(fc.nat(5), fc.double({ min: 0, max: 10, noNaN: true }))

const member: fc.Arbitrary<PlanMember> = fc
  .record({
    weight: fc.oneof(fc.constant(1), fc.nat(3), fc.integer({ min: 1, max: 1_000_000 })),
    warmth: fc.oneof(fc.constant(1), fc.constant(0.1), fc.double({ min: 0.001, max: 1, noNaN: true })),
    priority: fc.oneof(fc.constant(0), fc.nat(3)),
    zone: zoneName,
    labels: fc.dictionary(fc.constantFrom('region', '__proto__'), zoneName),
    healthy: fc.boolean(),
    takenOut: fc.nat(4).map((n) => n === 0),
  })
  .map(({ takenOut, ...rest }) => ({ ...rest, usable: !takenOut && rest.weight > 0 }))

const members = fc.array(member, { maxLength: 24, size: 'max' })

const locality: fc.Arbitrary<LocalitySpec> = fc.record({
  zone: zoneName,
  mode: fc.constantFrom('none', 'zone', 'weights', 'nearest'),
  weights: fc.dictionary(zoneName, share),
  proxies: fc.oneof(fc.constant({}), fc.dictionary(zoneName, share)),
  minSize: fc.nat(6),
  label: fc.constantFrom('region', ''),
  order: fc.subarray(['a', 'b', 'c']),
})
const none: LocalitySpec = {
  zone: '',
  mode: 'none',
  weights: {},
  proxies: {},
  minSize: 0,
  label: '',
  order: [],
}
const panic = fc.constantFrom(0, 0.3, 0.5, 0.9, 1)
const spec: fc.Arbitrary<PlanSpec> = fc.record({ locality, panic })

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9
const picked = (plan: Plan): Set<number> => new Set(plan.flatMap((set) => set.members))
const shareOf = (plan: Plan, which: (name: string) => boolean): number =>
  plan.reduce((sum, set) => sum + (which(set.name) ? set.share : 0), 0)

test('sets: shares add up to 1, no set is empty or of no share, no endpoint is in two', () => {
  fc.assert(
    fc.property(members, spec, (all, of) => {
      const plan = planSets(all, of)
      if (plan.length > 0)
        assert.ok(
          near(
            shareOf(plan, () => true),
            1,
          ),
        )
      for (const set of plan) {
        assert.ok(set.share > 0 && set.members.length > 0)
        assert.deepEqual(
          set.members,
          [...set.members].toSorted((a, b) => a - b),
        )
      }
      assert.equal(picked(plan).size, plan.flatMap((set) => set.members).length)
      assert.equal(new Set(plan.map((set) => set.name)).size, plan.length)
    }),
  )
})

test('sets: whom an operator took out is in none, who is ill only in a panic; there is a set while anybody is healthy (nginx #1656)', () => {
  fc.assert(
    fc.property(members, spec, (all, of) => {
      const plan = planSets(all, of)
      for (const set of plan) {
        for (const index of set.members) {
          assert.ok(all[index]!.usable)
          assert.ok(all[index]!.healthy || set.panic)
        }
        if (set.panic) assert.ok(of.panic > 0)
      }
      const some = all.some(({ usable, healthy }) => usable && (healthy || of.panic > 0))
      assert.equal(plan.length > 0, some)
    }),
  )
})

test('sets: in a level that gets requests no healthy endpoint is left out, if zones are not heeded (traefik #12306)', () => {
  fc.assert(
    fc.property(members, panic, (all, threshold) => {
      const plan = planSets(all, { locality: none, panic: threshold })
      const levels = new Set(plan.map(({ name }) => name))
      const found = picked(plan)
      all.forEach(({ usable, healthy, priority }, index) => {
        if (usable && healthy && levels.has(`priority ${priority}`)) assert.ok(found.has(index))
      })
      // Whoever is healthy on the most preferred level that has anybody is asked.
      const first = Math.min(...all.filter((one) => one.usable && one.healthy).map((one) => one.priority))
      if (first !== Infinity) assert.ok(levels.has(`priority ${first}`))
    }),
  )
})

/** The loads as what lies between the marks of a vessel that is filled level by level. */
const vessel = (all: readonly PlanMember[], priority: number): number => {
  const usable = all.filter((one) => one.usable)
  const upTo = (last: number): number => {
    let filled = 0
    for (const level of new Set(usable.map((one) => one.priority))) {
      if (level > last) continue
      const here = usable.filter((one) => one.priority === level)
      const weight = here.reduce((sum, one) => sum + one.weight, 0)
      const healthy = here.reduce((sum, one) => sum + (one.healthy ? one.weight * one.warmth : 0), 0)
      filled += Math.min(1, (1.4 * healthy) / weight)
    }
    return filled
  }
  const scale = Math.min(1, upTo(Infinity))
  return Math.min(1, upTo(priority) / scale) - Math.min(1, upTo(priority - 1) / scale)
}

test('sets: priority levels are filled like a vessel, the preferred first', () => {
  fc.assert(
    fc.property(members, (all) => {
      if (!all.some(({ usable, healthy }) => usable && healthy)) return
      const plan = planSets(all, { locality: none, panic: 0 })
      for (let priority = 0; priority < 4; priority++) {
        const level = `priority ${priority}`
        assert.ok(
          near(
            shareOf(plan, (name) => name === level),
            vessel(all, priority),
          ),
        )
      }
    }),
  )
})

test('sets: when an endpoint falls ill its level does not gain, and of the levels behind none loses', () => {
  fc.assert(
    fc.property(members, fc.nat(), (all, which) => {
      const well = all.flatMap(({ usable, healthy }, index) => (usable && healthy ? [index] : []))
      if (well.length < 2) return
      const ill = well[which % well.length]!
      const calm = { locality: none, panic: 0 }
      const before = planSets(all, calm)
      const after = planSets(
        all.map((one, index) => (index === ill ? { ...one, healthy: false } : one)),
        calm,
      )
      for (let priority = 0; priority < 4; priority++) {
        const of = (plan: Plan): number => shareOf(plan, (name) => name === `priority ${priority}`)
        if (priority === all[ill]!.priority) assert.ok(of(after) <= of(before) + 1e-9)
        if (priority > all[ill]!.priority) assert.ok(of(after) >= of(before) - 1e-9)
      }
    }),
  )
})

test('sets: one level panics exactly below the threshold', () => {
  fc.assert(
    fc.property(members, panic, (all, threshold) => {
      const level = all.map((one) => ({ ...one, priority: 0 }))
      const usable = level.filter((one) => one.usable)
      const healthy = usable.filter((one) => one.healthy)
      const [set] = planSets(level, { locality: none, panic: threshold })
      if (set !== undefined) assert.equal(set.panic, healthy.length < threshold * usable.length)
    }),
  )
})

/** Every zone's proxies plan for themselves: what arrives where, brute force. */
test('sets: if all proxies prefer their own zone, every zone gets exactly its share of the healthy endpoints', () => {
  const proxies = fc.record({ a: fc.nat(5), b: fc.nat(5), c: fc.nat(5), d: fc.nat(5) })
  const inZone = fc
    .record({
      zone: fc.constantFrom('a', 'b', 'c'),
      weight: fc.integer({ min: 1, max: 9 }),
      healthy: fc.boolean(),
    })
    .map((of): PlanMember => ({ ...of, warmth: 1, priority: 0, labels: {}, usable: true }))
  fc.assert(
    fc.property(fc.array(inZone, { minLength: 1, maxLength: 20, size: 'max' }), proxies, (all, counts) => {
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
      const healthy = all.filter((one) => one.healthy)
      if (total === 0 || healthy.length === 0) return
      const weight = healthy.reduce((sum, one) => sum + one.weight, 0)
      const arrived = new Map<string, number>()
      for (const [zone, count] of Object.entries(counts)) {
        const ours: LocalitySpec = { ...none, mode: 'zone', zone, proxies: counts }
        for (const set of planSets(all, { locality: ours, panic: 0 })) {
          const sum = set.members.reduce((of, index) => of + all[index]!.weight, 0)
          for (const index of set.members) {
            const { zone: to, weight: own } = all[index]!
            arrived.set(to, (arrived.get(to) ?? 0) + ((count / total) * set.share * own) / sum)
          }
        }
      }
      for (const zone of ['a', 'b', 'c']) {
        const due = healthy.reduce((sum, one) => sum + (one.zone === zone ? one.weight : 0), 0) / weight
        assert.ok(near(arrived.get(zone) ?? 0, due), zone)
      }
    }),
  )
})

test('sets: the plan does not depend on the order of the members', () => {
  fc.assert(
    fc.property(members, spec, fc.integer(), (all, of, seed) => {
      const rng = seededRng(seed)
      const order = all.map((_, index) => ({ index, at: rng.uint32() })).toSorted((a, b) => a.at - b.at)
      const named = (plan: Plan, indexOf: (index: number) => number): unknown =>
        plan.map((set) => [set.name, set.panic, set.members.map(indexOf).toSorted((a, b) => a - b)])
      const shuffled = planSets(
        order.map(({ index }) => all[index]!),
        of,
      )
      assert.deepEqual(
        named(shuffled, (index) => order[index]!.index),
        named(planSets(all, of), (index) => index),
      )
    }),
  )
})

test('sets: keys are spread by the shares, and one whose share grows only draws keys', () => {
  const planOf = (shares: readonly number[]): Plan =>
    planSets(
      shares.map((_, at) => ({
        weight: 1,
        warmth: 1,
        priority: 0,
        zone: `z${at}`,
        labels: {},
        healthy: true,
        usable: true,
      })),
      {
        panic: 0,
        locality: {
          ...none,
          mode: 'weights',
          weights: Object.fromEntries(shares.map((w, at) => [`z${at}`, w])),
        },
      },
    )
  const rng = seededRng(5)
  const keys = Array.from({ length: 20_000 }, () => rng.uint32() || 1)
  const before = planOf([5, 3, 2])
  const after = planOf([7, 3, 2])
  const counts = [0, 0, 0]
  for (const key of keys) {
    const from = keySet(before, key)
    const to = keySet(after, key)
    counts[from]!++
    assert.ok(from === to || to === 0)
  }
  assert.ok(chiSquare(counts, [0.5, 0.3, 0.2]) < chiSquareLimit(2))
})
