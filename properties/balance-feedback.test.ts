import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { costModelOf } from '../src/balance/cost.ts'
import { RelativeDegradation } from '../src/balance/d2.ts'
import { POLICY_DEFAULTS } from '../src/balance/options.ts'
import { Orca } from '../src/balance/orca.ts'
import type { Policy } from '../src/balance/policy.ts'
import { Prequal } from '../src/balance/prequal.ts'
import { makePolicy } from '../src/balance/registry.ts'
import { ClusterView } from '../src/balance/view.ts'
import { mix32, seededRng } from '../src/base/random.ts'
import { endpointModel } from '../src/lab/fleet-model.ts'
import { Simulation } from '../src/lab/simulation.ts'
import { morePicks, tally, viewOf } from '../test/support/balance.ts'

const seed = fc.nat(1_000_000)
const few = { numRuns: 8 }

for (const name of ['failure-biased-ewma', 'peak-ewma', 'least-time', 'd2']) {
  test(`${name}: an endpoint that starts to fail at once loses traffic, and keeps losing (fasthttp PR #865)`, () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 3, max: 6 }), (at, size) => {
        const endpoints = Array.from({ length: size }, () => endpointModel())
        const spec = { name, options: {} }
        const simulation = new Simulation({
          endpoints,
          shards: 2,
          sharing: true,
          tickMs: 1,
          perSecond: 150 * size,
          policy: () => makePolicy(spec),
          cost: costModelOf(spec),
          seed: at,
        })
        simulation.run(20_000)
        endpoints[0]!.failing = 1
        simulation.run(40_000)
        const before = simulation.picks.slice()
        simulation.run(20_000)
        const counts = simulation.picks.map((count, i) => count - before[i]!)
        const share = counts[0]! / counts.reduce((sum, count) => sum + count)
        assert.ok(share < 0.5 / size, `${(share * 100).toFixed(1)} % of ${size}`)
      }),
      few,
    )
  })
}

for (const name of ['peak-ewma', 'failure-biased-ewma', 'least-time']) {
  test(`${name}: a cold newcomer has one request at a time until it has answered, however many come`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 30 }),
        fc.integer({ min: 1, max: 500 }),
        seed,
        (n, requests, at) => {
          const rng = seededRng(at)
          const view = viewOf(Array.from({ length: n }, () => 1))
          for (let i = 1; i < n; i++) {
            view.cost[i] = 5 + rng.next() * 50
            view.costAtMs[i] = view.nowMs - rng.next() * 5000
            view.inFlight[i] = rng.below(5)
          }
          const policy = makePolicy({ name, options: name === 'least-time' ? { explore: 0 } : {} })
          policy.rebuild(view, rng)
          for (let i = 0; i < requests; i++) {
            view.considered.clear()
            view.inFlight[policy.pick(view, 0, rng)]!++
          }
          assert.ok(view.inFlight[0]! <= 1, `${view.inFlight[0]} under way`)
        },
      ),
    )
  })
}

/** Views of one fleet with changing members: what is known of an endpoint goes with its identity. */
const memberships = fc.array(fc.uniqueArray(fc.nat(11), { minLength: 1, maxLength: 12 }), {
  minLength: 2,
  maxLength: 8,
})

type Known = {
  readonly id: number
  answers: number
  errors: number
  sumMs: number
  qps: number
  probes: number
}

const fleet = (): Known[] =>
  Array.from({ length: 12 }, (_, id) => ({ id, answers: 0, errors: 0, sumMs: 0, qps: 0, probes: 0 }))

const write = (view: ClusterView, members: readonly Known[]): void =>
  members.forEach(({ id, answers, errors, sumMs, qps, probes }, i) => {
    view.hashes[i] = mix32(id + 1)
    view.readySinceMs[i] = 0
    view.succeeded[i] = answers
    view.failed[i] = errors
    view.latencySumMs[i] = sumMs
    view.reportedQps[i] = qps
    view.utilisation[i] = qps > 0 ? 0.5 : 0
    view.reportedAtMs[i] = qps > 0 ? view.nowMs : -1
    view.probeSeq[i] = probes
    view.probedLatencyMs[i] = qps
    view.probedAtMs[i] = view.nowMs
  })

/** What a policy has learned of each endpoint of a view, as a number, by identity. */
type Learned = (policy: Policy, view: ClusterView) => Map<number, number>

/** Compares what was learned before and after each change. `after`: what may have become of it. */
const survives = (make: () => Policy, learned: Learned, lists: readonly number[][], at: number): void => {
  const rng = seededRng(at)
  const all = fleet()
  const policy = make()
  let nowMs = 1_000_000
  let before = new Map<number, number>()
  for (const list of lists) {
    const members = list.map((id) => all[id]!)
    const view = new ClusterView(members.length)
    view.nowMs = nowMs
    write(view, members)
    policy.rebuild(view, rng)
    const after = learned(policy, view)
    for (const [id, value] of after) {
      const was = before.get(id)
      if (was !== undefined) assert.ok(Math.abs(value - was) < 1e-9, `${was} became ${value}`)
    }
    for (let round = 0; round < 3; round++) {
      for (const member of members) {
        member.answers += rng.below(100)
        member.errors += rng.below(10)
        member.sumMs += rng.below(3000)
        member.qps = rng.below(100)
        member.probes += rng.below(2)
      }
      nowMs += 5000
      view.nowMs = nowMs
      write(view, members)
      morePicks(policy, view, 1, rng)
    }
    before = learned(policy, view)
  }
}

test('d2: the health of those that stay survives any change of membership (pingora #269)', () => {
  fc.assert(
    fc.property(memberships, seed, (lists, at) => {
      const health: Learned = (_, view) => {
        const known = new Map<number, number>()
        for (let i = 0; i < 400 * view.size; i++) {
          const [index = 0] = morePicks(policy, view, 1, chance)
          known.set(view.hashes[index]!, 1 - view.considered.scores[0]!)
        }
        return known
      }
      const chance = seededRng(at + 1)
      const policy = new RelativeDegradation(POLICY_DEFAULTS.d2)
      survives(() => policy, health, lists, at)
    }),
    { numRuns: 30 },
  )
})

test('orca: what is believed of those that stay survives any change of membership (pingora #269)', () => {
  fc.assert(
    fc.property(memberships, seed, (lists, at) => {
      const chance = seededRng(at + 1)
      const weights: Learned = (policy, view) => {
        const known = new Map<number, number>()
        for (let i = 0; i < 20 * view.size; i++) {
          const [index = 0] = morePicks(policy, view, 1, chance)
          known.set(view.hashes[index]!, 1 / view.considered.scores[0]!)
        }
        return known
      }
      // Updates come with the rounds, never between a change and a look.
      const options = { ...POLICY_DEFAULTS.orca, blackoutMs: 0, updateMs: 5000 }
      survives(() => new Orca(options), weights, lists, at)
    }),
    { numRuns: 30 },
  )
})

/** Requests every ms at endpoints that take `serviceMs` each; with each comes a probe of one of them, late by nothing. */
const prequalCounts = (serviceMs: readonly number[], requests: number, at: number): number[] => {
  const rng = seededRng(at)
  const view = viewOf(serviceMs.map(() => 1))
  const policy = new Prequal(POLICY_DEFAULTS.prequal)
  policy.rebuild(view)
  const ends: { index: number; atMs: number }[] = []
  const picks: number[] = []
  for (let i = 0; i < requests; i++) {
    view.nowMs++
    for (let ended = ends.length - 1; ended >= 0; ended--) {
      if (ends[ended]!.atMs > view.nowMs) continue
      view.inFlight[ends[ended]!.index]!--
      ends.splice(ended, 1)
    }
    const probed = rng.below(view.size)
    view.probedRif[probed] = view.inFlight[probed]!
    view.probedLatencyMs[probed] = serviceMs[probed]! * (0.8 + 0.4 * rng.next())
    view.probedAtMs[probed] = view.nowMs
    view.probeSeq[probed]!++
    const [index = 0] = morePicks(policy, view, 1, rng)
    view.inFlight[index]!++
    ends.push({ index, atMs: view.nowMs - Math.log(1 - rng.next()) * serviceMs[index]! })
    picks.push(index)
  }
  return tally(picks, view.size)
}

test('prequal: no identical endpoint starves (traefik #12306), and one ten times as slow gets less than half its share', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 24 }), seed, (n, at) => {
      const alike = prequalCounts(
        Array.from({ length: n }, () => 20),
        4000,
        at,
      )
      for (const count of alike) assert.ok(count > 2000 / n, alike.join())
      const [slow = 0] = prequalCounts(
        Array.from({ length: n }, (_, i) => (i === 0 ? 200 : 20)),
        4000,
        at,
      )
      assert.ok(slow < 2000 / n, `${slow} of ${4000 / n}`)
    }),
    { numRuns: 15 },
  )
})
