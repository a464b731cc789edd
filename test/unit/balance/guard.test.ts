import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decision } from '../../../src/balance/decision.ts'
import { explainDecision } from '../../../src/balance/explain.ts'
import { FAULTS_IN_A_ROW } from '../../../src/balance/guard.ts'
import { BY } from '../../../src/balance/pick-request.ts'
import { BUILT_IN } from '../../../src/balance/policy-source.ts'
import type { Policy } from '../../../src/balance/policy.ts'
import { replayPick } from '../../../src/balance/replay.ts'
import type { ClusterView } from '../../../src/balance/view.ts'
import type { Sfc32 } from '../../../src/base/random.ts'
import { makePolicy } from '../../../src/balance/registry.ts'
import type { PolicySpec } from '../../../src/config/snapshot.ts'
import { members, policyNamed, TestFleet } from '../../support/balancer/fleet.ts'

const OWN: PolicySpec = { name: 'own', module: 'file:///own.ts', options: {} }

/** A fleet of five under a policy of an operator's. */
const under = (policy: Partial<Policy>, shadow = false): TestFleet => {
  const own = { rebuild: () => {}, pick: () => 0, ...policy } as Policy
  const policies = { make: (spec: PolicySpec) => (spec.name === 'own' ? own : BUILT_IN.make(spec)) }
  const spec = shadow ? { policy: policyNamed('random'), shadow: OWN } : { policy: OWN }
  return new TestFleet(spec, 1, policies).set(members(5))
}

const spread = (fleet: TestFleet, count = 200): number => new Set(fleet.picks(count)).size

const WRONG: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('no idea')
  },
  'throws what cannot be shown': () => {
    throw { toString: () => assert.fail() }
  },
  NaN: () => Number.NaN,
  'a fraction': () => 1.5,
  'out of range': () => 5,
  negative: () => -1,
  'far out of range': () => 2 ** 32,
  'a string': () => '1',
  'a bigint': () => 1n,
  'an object that poses as a number': () => ({ valueOf: () => 1 }),
  nothing: () => undefined,
}

for (const [what, pick] of Object.entries(WRONG)) {
  test(`a policy of an operator's that picks wrongly (${what}) fails no request: the default one picks, which is counted and explained`, () => {
    const fleet = under({ pick: pick as Policy['pick'] })
    const decision = new Decision()
    assert.ok(fleet.pick(undefined, decision) >= 0)
    assert.equal(fleet.request.by, BY.guard)
    const explained = explainDecision(decision, [])
    assert.deepEqual([explained.by, explained.policy], ['guard', 'p2c'])
    assert.equal(spread(fleet), 5, 'all are used')
    assert.equal(fleet.faults, 201)
    const { replay } = explained
    assert.ok(replay !== null)
    const again = replayPick(
      { ...explained, replay },
      makePolicy({ name: replay.policy, options: replay.options }),
    )
    assert.equal(again, replay.picked, 'the pick of the stand-in replays')
  })
}

test('-0 is an index', () => {
  const fleet = under({ pick: () => -0 })
  assert.equal(fleet.pick(), 0)
  assert.equal(fleet.faults, 0)
})

test('what a policy throws is said in one bounded line, and not again for a minute', () => {
  const fleet = under({
    pick: () => {
      throw new Error(`line\nbreaks\u001b[31m ${'x'.repeat(1000)}`)
    },
  })
  fleet.picks(100)
  assert.equal(fleet.said.length, 1)
  assert.match(fleet.said[0]!, /^policy own failed, the default policy picked: Error: line breaks \[31m x+$/)
  assert.ok(fleet.said[0]!.length < 300)
  fleet.nowMs += 61_000
  fleet.picks(100)
  assert.equal(fleet.said.length, 2)
})

test('a policy that fails a thousand times in a row is not asked again until the next rebuild', () => {
  let asked = 0
  let broken = true
  const fleet = under({
    pick: () => {
      asked++
      if (broken) throw new Error('broken')
      return 3
    },
  })
  fleet.picks(5000)
  assert.equal(asked, FAULTS_IN_A_ROW)
  assert.equal(fleet.faults, FAULTS_IN_A_ROW)
  broken = false
  fleet.set(members(6))
  assert.deepEqual(new Set(fleet.picks(100)), new Set([3]))
  assert.equal(fleet.request.by, BY.policy)
})

test('now and then is not in a row: a policy that also picks goes on', () => {
  let asked = 0
  const fleet = under({
    pick: () => {
      if (++asked % 500 !== 0) throw new Error('broken')
      return 3
    },
  })
  fleet.picks(5000)
  assert.equal(asked, 5000)
})

for (const what of ['rebuild', 'reweigh', 'save', 'propensity'] as const) {
  test(`a policy whose ${what} throws fails no request`, () => {
    const fleet = under({
      [what]: () => {
        throw new Error('broken')
      },
    })
    fleet.set(members(5, { weight: 2 }))
    assert.ok(fleet.pick(undefined, new Decision()) >= 0)
    assert.ok(fleet.faults > 0)
  })
}

test('a module whose policy cannot be made leaves the cluster to the default policy', () => {
  const policies = {
    make: (spec: PolicySpec) => {
      if (spec.name === 'own') throw new Error('no such thing')
      return BUILT_IN.make(spec)
    },
  }
  const fleet = new TestFleet({ policy: OWN }, 1, policies).set(members(5))
  assert.equal(spread(fleet), 5)
  assert.match(fleet.said[0]!, /switched off.*no such thing/)
})

/** Everything a policy can reach is ruined. */
const vandal = (view: ClusterView, rng: Sfc32): never => {
  for (const column of Object.values(view))
    if (ArrayBuffer.isView(column)) (column as Float64Array).fill(Number.NaN)
  view.considered.count = 1e9
  view.considered.indexes.fill(-7)
  try {
    rng.restore([0, 0, 0, 0])
    Object.assign(rng, { next: () => 7, below: () => 7, uint32: () => 7, save: () => assert.fail() })
  } catch {
    // it does not let itself be changed
  }
  structuredClone(view.inFlight.buffer, { transfer: [view.inFlight.buffer as ArrayBuffer] })
  Object.assign(view, { cost: undefined, weights: null, nowMs: 'never' })
  Object.defineProperty(view, 'epoch', { value: 1, writable: false })
  Object.freeze(view)
  throw new Error('done')
}

test('a policy that ruins all it is given ruins it for itself: the view of the others stays true, and their chance', () => {
  const fleet = under({ pick: (view, _key, rng) => vandal(view, rng as Sfc32) })
  for (let i = 0; i < 50; i++) fleet.balancer.began(fleet.pick(undefined, new Decision()))
  const { view } = fleet.balancer.sets[0]!
  assert.equal(
    view.inFlight.reduce((sum, count) => sum + count, 0),
    50,
  )
  assert.ok(
    view.inFlight.every((count) => count >= 7 && count <= 13),
    `${view.inFlight.join()}: the default policy balances`,
  )
  assert.ok(view.weights.every((weight) => weight === 1))
  fleet.picture.of(2).inFlight = 9
  fleet.balancer.refresh(2, 2000)
  assert.equal(view.inFlight[2], 9)
  fleet.set(members(5, { weight: 3 }))
  fleet.picture.of(2).inFlight = 0
  fleet.set(members(4))
  assert.equal(spread(fleet), 4)
})

test('a policy of an operator’s sees what the live view holds', () => {
  let seen: ClusterView | undefined
  const fleet = under({
    pick: (view) => {
      seen = view
      view.considered.note(1, 0.5)
      return 1
    },
  })
  fleet.pick()
  fleet.balancer.began(1)
  fleet.picture.of(3).cost = 77
  fleet.balancer.refresh(3, 1500)
  fleet.nowMs = 1500
  const decision = new Decision()
  fleet.pick(undefined, decision)
  assert.deepEqual([seen?.inFlight[1], seen?.cost[3], seen?.nowMs, seen?.size], [1, 77, 1500, 5])
  assert.notEqual(seen, fleet.balancer.sets[0]!.view)
  const { candidates } = explainDecision(decision, [])
  assert.deepEqual([candidates.length, candidates[0]!.score, candidates[0]!.inFlight], [1, 0.5, 1])
})

test('a shadow that throws is counted, and matters to nobody', () => {
  const fleet = under(
    {
      pick: () => {
        throw new Error('broken')
      },
    },
    true,
  )
  assert.equal(spread(fleet), 5)
  assert.deepEqual([fleet.faults, fleet.shadowFaults, fleet.shadowPicks.length], [0, 200, 0])
  assert.match(fleet.said[0]!, /^shadow policy own/)
})
