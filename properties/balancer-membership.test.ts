/** Who is picked while endpoints come, go, fall ill, recover, are drained and change their weights: under every policy. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Member } from '../src/balance/member.ts'
import { ALL_FULL, MAX_EXCLUDED } from '../src/balance/pick-request.ts'
import { NO_PICK } from '../src/balance/policy.ts'
import type { PolicySpec } from '../src/config/snapshot.ts'
import { memberOf, TestFleet } from '../test/support/balancer/fleet.ts'
import { says, SUBJECTS } from '../test/support/balancer/subjects.ts'

const SLOTS = 24

const member: fc.Arbitrary<Partial<Member>> = fc
  .record({
    weight: fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 1_000_000 })),
    warmth: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 1, noNaN: true })),
    priority: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
    sick: fc.boolean(),
    drained: fc.oneof(
      { weight: 4, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
  })
  .map(({ sick, drained, ...rest }) => {
    const usable = !drained && rest.weight > 0
    const healthy = usable && !sick
    const why = healthy ? '' : drained ? 'an operator drains it' : sick ? 'checks fail' : 'its weight is 0'
    return { ...rest, usable, healthy, why }
  })

const population = fc.dictionary(fc.nat(SLOTS - 1).map(String), member, { maxKeys: 12 })

type Step =
  | { readonly kind: 'members'; readonly all: Readonly<Record<string, Partial<Member>>> }
  | { readonly kind: 'request'; readonly key: number; readonly tries: number; readonly stays: boolean }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'elsewhere'; readonly slot: number; readonly inFlight: number }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: population.map((all) => ({ kind: 'members' as const, all })) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      key: fc.nat(0xffff_ffff),
      tries: fc.integer({ min: 1, max: 8 }),
      stays: fc.boolean(),
    }),
  },
  // Clocks jump either way.
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.integer({ min: -100_000, max: 100_000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('elsewhere' as const),
      slot: fc.nat(SLOTS - 1),
      inFlight: fc.nat(30),
    }),
  },
)

/** A fleet, and beside it what must hold of it. */
class Model {
  readonly fleet: TestFleet
  readonly inFlight = Array.from({ length: SLOTS }, () => 0)
  members: readonly Member[] = []

  constructor(policy: PolicySpec, panic: number) {
    this.fleet = new TestFleet({ policy }, 3)
    this.fleet.plan = { ...this.fleet.plan, panic }
  }

  run(step: Step): void {
    if (step.kind === 'members') this.#populate(step.all)
    else if (step.kind === 'request') this.#request(step)
    else if (step.kind === 'pass') {
      this.fleet.nowMs += step.ms
      this.fleet.balancer.turn(this.fleet.nowMs)
    } else this.#elsewhere(step.slot, step.inFlight)
    this.#viewsAreTrue()
  }

  #populate(all: Readonly<Record<string, Partial<Member>>>): void {
    this.members = Object.entries(all).map(([slot, more]) => memberOf(Number(slot), more))
    this.fleet.set(this.members)
  }

  #elsewhere(slot: number, inFlight: number): void {
    this.fleet.picture.of(slot).inFlight += inFlight - (this.inFlight[slot] ?? 0)
    this.inFlight[slot] = inFlight
    this.fleet.balancer.refresh(slot, this.fleet.nowMs)
  }

  /** A request and its retries: never twice to the same endpoint (traefik #2723), and to somebody as long as anybody is left (nginx #1656). */
  #request({ key, tries, stays }: Step & { kind: 'request' }): void {
    const { fleet } = this
    const { request } = fleet
    request.reset()
    const tried = new Set<number>()
    for (let i = 0; i < tries; i++) {
      const slot = fleet.pick(key)
      const left = this.#inSets().filter((each) => !tried.has(each))
      if (slot === NO_PICK) {
        assert.deepEqual(left, [], 'nobody is found though somebody is left')
        return
      }
      assert.notEqual(slot, ALL_FULL, 'there is no limit')
      assert.ok(!tried.has(slot), 'an endpoint that failed the request is tried again')
      assert.ok(left.includes(slot), 'what is picked may not be picked')
      tried.add(slot)
      request.exclude(slot)
      if (stays) this.#elsewhere(slot, (this.inFlight[slot] ?? 0) + 1)
    }
  }

  /** Who may be picked at all: somebody must be, for somebody may be; and then all who are healthy, or hold health of no account. */
  #inSets(): number[] {
    const held = this.fleet.balancer.sets.flatMap(({ slots }) => [...slots])
    const healthy = this.members.filter((each) => each.healthy).map(({ slot }) => slot)
    for (const slot of healthy) assert.ok(held.includes(slot), `${slot} is healthy and in no view`)
    return held
  }

  #viewsAreTrue(): void {
    const { sets } = this.fleet.balancer
    const seen = new Set<number>()
    for (const { info, slots, view } of sets) {
      slots.forEach((slot, index) => {
        const found = this.members.find((each) => each.slot === slot)
        assert.ok(found !== undefined && found.usable, 'an endpoint that an operator took out is in a view')
        assert.ok(found.healthy || info.panic, 'a quarantined endpoint is in a view outside of a panic')
        assert.ok(!seen.has(slot), 'an endpoint is in two views')
        seen.add(slot)
        assert.equal(view.inFlight[index], this.inFlight[slot], 'exchanges under way are lost (pingora #269)')
        assert.equal(view.hashes[index], found.hash)
        assert.equal(view.weights[index], found.weight * found.warmth)
      })
    }
    const first = this.members.filter(({ healthy }) => healthy).map(({ priority }) => priority)
    if (first.length > 0)
      assert.ok(seen.size > 0, 'nobody may be picked while somebody is healthy (nginx #1656)')
  }
}

const LAWS =
  'a quarantined endpoint is never picked outside of a panic, somebody always is while anybody may be (nginx #1656), no retry goes to an endpoint that was tried (traefik #2723), in-flight counts survive every change (pingora #269)'

for (const spec of SUBJECTS) {
  test(`${says(spec)}: ${LAWS}`, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 0.5, 1),
        population,
        fc.array(anyStep, { maxLength: 40 }),
        (panic, first, steps) => {
          const model = new Model(spec, panic)
          model.run({ kind: 'members', all: first })
          for (const each of steps) model.run(each)
          assert.equal(model.fleet.faults, 0, 'the policy failed')
        },
      ),
      { numRuns: 60 },
    )
  })
}

test('a request excludes as many endpoints as it may, and knows when it has', () => {
  const { request } = new TestFleet()
  for (let slot = 0; slot < MAX_EXCLUDED; slot++) assert.ok(request.exclude(slot))
  assert.ok(!request.exclude(99))
  for (let slot = 0; slot < MAX_EXCLUDED; slot++) assert.ok(request.excludes(slot))
})
