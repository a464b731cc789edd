import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ClusterSpec } from '../src/config/snapshot.ts'
import { mayEject } from '../src/health/ejection.ts'
import { ENDPOINT_LIFE } from '../src/health/states.ts'
import type { EndpointState } from '../src/health/states.ts'
import { HEALTH, HealthSim, healthCluster, OUTLIERS, SLOW_START } from '../test/support/health-sim.ts'

type Deed =
  | { readonly kind: 'refuse' | 'answer' | 'error' | 'slow'; readonly slot: number; readonly times: number }
  | { readonly kind: 'pass'; readonly ms: number; readonly sick: readonly number[] }
  | {
      readonly kind: 'wish'
      readonly slot: number
      readonly state: 'ready' | 'drain' | 'down'
      readonly weight: number
    }
  | { readonly kind: 'restart' | 'reload' }
  | { readonly kind: 'resize'; readonly count: number }

const anySlot = fc.integer({ min: 0, max: 5 })
const exchange = fc.record({
  kind: fc.constantFrom('refuse', 'answer', 'error', 'slow'),
  slot: anySlot,
  times: fc.integer({ min: 1, max: 6 }),
})
const passing = fc.record({
  kind: fc.constant('pass' as const),
  ms: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constant(100_000)),
  sick: fc.array(anySlot, { maxLength: 3 }),
})
const other = fc.oneof(
  fc.record({
    kind: fc.constant('wish' as const),
    slot: anySlot,
    state: fc.constantFrom('ready', 'drain', 'down'),
    weight: fc.constantFrom(NaN, 1, 5),
  }),
  fc.record({ kind: fc.constantFrom('restart', 'reload') }),
  fc.record({ kind: fc.constant('resize' as const), count: fc.integer({ min: 1, max: 6 }) }),
)
const deeds: fc.Arbitrary<Deed[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: exchange },
    { weight: 3, arbitrary: passing },
    { weight: 1, arbitrary: other },
  ),
  { maxLength: 80 },
)

/** Whether the table leads from one state to another in any number of steps within one moment. */
function leads(from: EndpointState, to: EndpointState): boolean {
  const seen = new Set([ENDPOINT_LIFE.state[from]])
  for (const state of seen)
    for (const event of ENDPOINT_LIFE.events)
      if (ENDPOINT_LIFE.allows(state, ENDPOINT_LIFE.event[event]))
        seen.add(ENDPOINT_LIFE.next(state, ENDPOINT_LIFE.event[event]))
  return seen.has(ENDPOINT_LIFE.state[to])
}

function act(sim: HealthSim, deed: Deed, specOf: (count: number) => ClusterSpec): void {
  switch (deed.kind) {
    case 'pass':
      return sim.pass(deed.ms, (id) => !deed.sick.includes(id), deed.ms > 10_000 ? 500 : 20)
    case 'wish':
      return sim.wish(deed.slot, deed.state, deed.weight)
    case 'restart':
      return sim.restart()
    case 'reload':
      return sim.reload(sim.snapshot.clusters)
    case 'resize':
      return sim.reload([specOf(deed.count)])
    default:
      for (let i = 0; i < deed.times; i++) {
        sim.nowMs += 1
        if (deed.kind === 'refuse') sim.refuse(deed.slot)
        else if (deed.kind === 'error') sim.answer(deed.slot, 500)
        else sim.answer(deed.slot, 200, deed.kind === 'slow' ? 900 : 1)
      }
  }
}

for (const [name, health] of [
  ['with checks', HEALTH],
  ['without checks', undefined],
] as const) {
  test(`whatever happens, in whatever order, restarts, reloads and jumps of the clock among it (${name}): the table is the law, and an ejection is neither lost nor miscounted nor too short nor too long (envoy #18950, #40697, #26758)`, () => {
    fc.assert(
      fc.property(fc.integer(), deeds, fc.boolean(), (seed, story, slowStart) => {
        const specOf = (count: number): ClusterSpec =>
          healthCluster(count, { outliers: OUTLIERS, health, slowStart: slowStart ? SLOW_START : undefined })
        const sim = new HealthSim(seed, [specOf(4)])
        const before = new Map<number, EndpointState>()
        let counts = new Map<number, number>()
        let seen = sim.changes.length
        for (const deed of story) {
          act(sim, deed, specOf)
          const present = new Set(
            sim.snapshot.clusters.flatMap(({ endpoints }) => endpoints.map(({ id }) => id)),
          )
          for (const change of sim.changes.slice(seen)) {
            const was = before.get(change.slot) ?? 'ready'
            assert.ok(leads(was, change.state), `${was} → ${change.state}`)
            if (change.state === 'quarantined' && was !== 'quarantined') {
              const forgiven = counts.get(change.slot) ?? 0
              assert.ok(
                change.ejections >= 1 && change.ejections <= forgiven + 1,
                'it counts one more, or fewer are remembered',
              )
              const leastMs = Math.min(OUTLIERS.ejectionMs * change.ejections, OUTLIERS.maxEjectionMs)
              const lastsMs = change.ejectedUntilMs - change.atMs
              assert.ok(
                lastsMs >= leastMs && lastsMs <= leastMs * 1.2 + 1,
                `${lastsMs} ms, the ${change.ejections}th`,
              )
            }
            if (
              was === 'quarantined' &&
              ['warming', 'ready'].includes(change.state) &&
              change.reason === 'recovered'
            ) {
              const until = lastEjection(sim, change.slot, change.atMs)
              assert.ok(change.atMs >= until, 'it is back before its time')
            }
            before.set(change.slot, change.state)
            counts.set(change.slot, change.ejections)
          }
          counts = new Map([...counts].filter(([id]) => present.has(id)))
          seen = sim.changes.length
        }
      }),
      { numRuns: 150 },
    )
  })
}

function lastEjection(sim: HealthSim, slot: number, atMs: number): number {
  const ejections = sim.changes.filter(
    (each) => each.slot === slot && each.state === 'quarantined' && each.atMs <= atMs,
  )
  return ejections.at(-1)?.ejectedUntilMs ?? 0
}

test('evidence leaves at least one endpoint in service while one is, and keeps to the budget (envoy: all ejected)', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.oneof(exchange, passing) as fc.Arbitrary<Deed>, { maxLength: 80 }),
      fc.integer({ min: 1, max: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (seed, story, count, maxEjected) => {
        const spec = healthCluster(count, { outliers: { ...OUTLIERS, maxEjected } })
        const sim = new HealthSim(seed, [spec])
        for (const deed of story) {
          act(sim, deed, () => spec)
          const inService = sim.inService().length
          assert.ok(inService >= 1)
          assert.ok(count - inService <= Math.max(1, Math.floor(maxEjected * count)))
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('the budget against its words: one always stays, one may always go, beyond that the share of those out for any reason', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.nat(30),
      fc.nat(30),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (n, q, d, share) => {
        fc.pre(q + d < n)
        const allowed = mayEject({ endpoints: n, inService: n - q - d, quarantined: q, down: d }, share)
        if (n - q - d === 1) assert.equal(allowed, false)
        else if (q === 0) assert.equal(allowed, true)
        else assert.equal(allowed, (q + d + 1) / n <= share + 1e-9)
      },
    ),
  )
})

test('connection failures in a row, and the budget, against a naive model', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ slot: fc.integer({ min: 0, max: 3 }), failed: fc.boolean() }), { maxLength: 60 }),
      (story) => {
        const outliers = { ...OUTLIERS, http: undefined, latency: undefined, maxEjected: 0.5 }
        const sim = new HealthSim(1, [healthCluster(4, { outliers })])
        const runs = [0, 0, 0, 0]
        const out = new Set<number>()
        for (const { slot: at, failed } of story) {
          sim.nowMs += 1
          if (failed) sim.refuse(at)
          else sim.answer(at)
          if (!out.has(at)) {
            runs[at] = failed ? (runs[at] ?? 0) + 1 : 0
            if ((runs[at] ?? 0) >= 3 && out.size < 2) out.add(at)
          }
          const quarantined = [0, 1, 2, 3].filter((id) => sim.state(id) === 'quarantined')
          assert.deepEqual(
            quarantined,
            [...out].sort((a, b) => a - b),
          )
        }
      },
    ),
  )
})
