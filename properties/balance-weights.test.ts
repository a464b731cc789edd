import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LeastRequestEdf } from '../src/balance/least-request.ts'
import { Orca } from '../src/balance/orca.ts'
import { makePolicy } from '../src/balance/registry.ts'
import { RoundRobin } from '../src/balance/round-robin.ts'
import type { ClusterView } from '../src/balance/view.ts'
import { WeightedDraw } from '../src/balance/weighted-draw.ts'
import { seededRng } from '../src/base/random.ts'
import { assertShares, morePicks, sharesOf, tally, viewOf } from '../test/support/balance.ts'

const seed = fc.integer()
const weight = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1_000_000 }))
const weights = fc.array(weight, { minLength: 1, maxLength: 40 })
const warmth = fc.integer({ min: 1, max: 100 }).map((percent) => percent / 100)
const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0)

/** A weighted draw as one would write it down. */
const along = (line: readonly number[], point: number): number => {
  let end = 0
  return line.findIndex((length) => (end += length) > point)
}

test('a weighted draw finds what walking along the line finds, at every point', () => {
  const points = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 })
  fc.assert(
    fc.property(fc.array(fc.oneof(weight, fc.constant(0)), { minLength: 2 }), points, (line, at) => {
      fc.pre(line.some((length) => length !== line[0]))
      const draw = new WeightedDraw()
      draw.rebuild(Float64Array.from(line))
      for (const part of at) assert.equal(draw.at(part * sum(line)), along(line, part * sum(line)))
    }),
  )
})

const HEEDING = [
  ['round-robin', {}],
  ['weighted-random', {}],
  ['p2c', {}],
  ['p2c', { choices: 5 }],
  ['least-request', { mode: 'scan' }],
  ['least-request', { mode: 'edf' }],
  ['one-plus-beta', {}],
  ['peak-ewma', {}],
  ['failure-biased-ewma', {}],
  ['least-time', {}],
  ['orca', {}],
  ['d2', {}],
] as const

const PICKS = 4000

for (const [name, options] of HEEDING) {
  const title = [name, ...Object.values(options)].join(' ')
  test(`${title}: an idle fleet is used as its weights say, with slow start and after it (envoy #19437)`, () => {
    const members = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), warmth), {
      minLength: 2,
      maxLength: 8,
    })
    fc.assert(
      fc.property(members, seed, (endpoints, at) => {
        const rng = seededRng(at)
        const view = viewOf(endpoints.map(([base]) => base))
        endpoints.forEach(([base, warm], i) => (view.weights[i] = base * warm))
        const policy = makePolicy({ name, options })
        policy.rebuild(view, rng)
        // The first half of a cycle is a matter of the start: bounds below.
        const cold = tally(morePicks(policy, view, PICKS, rng), view.size)
        assertFollows(cold, [...view.weights], title)
        view.weights.set(view.baseWeights)
        policy.reweigh?.(view, rng)
        assertFollows(tally(morePicks(policy, view, PICKS, rng), view.size), [...view.weights], title)
      }),
      { numRuns: 12 },
    )
  })
}

/** Not further off than chance would be: policies that take turns are much nearer. */
const assertFollows = (counts: readonly number[], due: readonly number[], what: string): void => {
  const rare = sharesOf(due).some((share) => share * PICKS < 50)
  if (!rare) return assertShares(counts, sharesOf(due), what)
  sharesOf(due).forEach((share, i) => {
    const slack = 6 * Math.sqrt(share * PICKS) + 6
    assert.ok(Math.abs(counts[i]! - share * PICKS) <= slack, `${what}: ${counts.join()} for ${due.join()}`)
  })
}

/**
 * The bound of a fixed cycle holds for weights that change at will: the cup game lets the filler pour as it likes. What an endpoint is due is the sum of its
 * shares at each pick.
 */
test('round robin has no bursts while weights change all the time: a slow start neither restarts nor favours', () => {
  const changes = fc.array(fc.tuple(fc.nat(39), warmth, fc.integer({ min: 0, max: 3 })), {
    minLength: 100,
    maxLength: 200,
  })
  fc.assert(
    fc.property(fc.array(weight, { minLength: 2, maxLength: 20 }), changes, seed, (base, steps, at) => {
      fc.pre(new Set(base).size > 1)
      const rng = seededRng(at)
      const view = viewOf(base)
      const policy = new RoundRobin()
      policy.rebuild(view, rng)
      const n = view.size
      const bound = base.reduce((harmonic, _, i) => harmonic + 1 / (i + 1), 1)
      const ahead = base.map(() => 0)
      for (const [which, warm, picks] of steps) {
        view.weights[which % n] = base[which % n]! * warm
        if (view.weights.every((each) => each === view.weights[0])) view.weights[0]! *= 2
        policy.reweigh(view)
        for (let i = 0; i < picks; i++) {
          sharesOf([...view.weights]).forEach((share, endpoint) => (ahead[endpoint]! -= share))
          ahead[policy.pick(view)]!++
          for (const by of ahead) assert.ok(Math.abs(by) <= bound, `${by} ahead`)
        }
      }
    }),
  )
})

test('round robin: from equal weights to unequal and back it goes on where it was', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 50 }), fc.nat(100), seed, (n, before, at) => {
      const view = viewOf(Array.from({ length: n }, () => 7))
      const policy = new RoundRobin()
      policy.rebuild(view, seededRng(at))
      let last = 0
      for (let i = 0; i <= before; i++) last = policy.pick(view)
      view.weights[0] = 7 + 1e-9
      policy.reweigh(view)
      const rotation = Array.from({ length: n }, (_, i) => (last + 1 + i) % n)
      assert.deepEqual(
        rotation.map(() => policy.pick(view)),
        rotation,
      )
      view.weights[0] = 7
      policy.reweigh(view)
      assert.deepEqual(
        rotation.map(() => policy.pick(view)),
        rotation,
      )
    }),
  )
})

/** In virtual time t each has ⌊t / period⌋ or one more turn, so all together have n more or fewer than t / Σ at most. */
test("earliest deadline has no bursts: within 1 + n · share of what is due, always (envoy #3284, Caddy's weighted round robin)", () => {
  fc.assert(
    fc.property(weights, seed, (each, at) => {
      const view = viewOf(each)
      const policy = new LeastRequestEdf(1)
      policy.rebuild(view, seededRng(at))
      const shares = sharesOf(each)
      const counts = each.map(() => 0)
      for (let picks = 1; picks <= 400; picks++) {
        counts[policy.pick(view)]!++
        shares.forEach((share, i) => {
          const off = Math.abs(counts[i]! - share * picks)
          assert.ok(off <= 1 + each.length * share + 1e-6, `${i} is ${off} off after ${picks}`)
        })
      }
    }),
  )
})

const reported = fc.oneof(
  fc.double({ min: 0, max: 1000, noNaN: true }),
  fc.constantFrom(0, -1, 1e300, 1e-300, Infinity, Number.NaN),
)
const reports = fc.array(fc.tuple(fc.nat(9), reported, reported, reported), { maxLength: 20 })

/** What turns are given by: the score of a pick is 1 / weight. */
const weightsSeen = (policy: Orca, view: ClusterView): Map<number, number> => {
  const seen = new Map<number, number>()
  for (let i = 0; i < 20 * view.size; i++) {
    view.considered.clear()
    const index = policy.pick(view)
    seen.set(index, 1 / view.considered.scores[0]!)
  }
  return seen
}

test('feedback cannot move a weight by more than a factor of two per update, nor beyond a hundredth and a hundred times the mean', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 10 }), fc.array(reports, { maxLength: 8 }), (n, updates) => {
      const view = viewOf(Array.from({ length: n }, () => 1))
      const policy = new Orca({ penalty: 1, blackoutMs: 0, expiryMs: 180_000, updateMs: 1000 })
      policy.rebuild(view, seededRng(1))
      // A light one may not have had a turn between two updates.
      const before = new Map([...weightsSeen(policy, view)].map(([index, was]) => [index, { was, at: 0 }]))
      for (const [at, update] of updates.entries()) {
        for (const [which, qps, eps, use] of update) {
          view.reportedQps[which % n] = qps
          view.reportedEps[which % n] = eps
          view.utilisation[which % n] = use
          view.reportedAtMs[which % n] = view.nowMs
        }
        view.nowMs += 1000
        for (const [index, is] of weightsSeen(policy, view)) {
          assert.ok(is >= 0.01 - 1e-12 && is <= 100)
          const seen = before.get(index)
          const most = seen === undefined ? Infinity : 2 ** (at + 1 - seen.at) * (1 + 1e-9)
          const { was = is } = seen ?? {}
          assert.ok(is <= was * most && is >= was / most, `${was} to ${is}`)
          before.set(index, { was: is, at: at + 1 })
        }
      }
    }),
  )
})
