import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SlotTable } from '../src/config/slots.ts'
import type { Snapshot } from '../src/config/snapshot.ts'
import { Operators } from '../src/control/operators.ts'
import { Overlay } from '../src/control/overlay.ts'
import { ADMIN_STATES } from '../src/health/states.ts'
import type { AdminState } from '../src/health/states.ts'
import { AdminWord } from '../src/shm/tables.ts'
import { clusterSpec, endpointSpec } from '../test/support/specs.ts'
import { makeFleet } from '../test/unit/telemetry/support.ts'

/** The few that there may be: their slots are soon given to one another. */
const ADDRESSES = ['10.0.0.1:80', '10.0.0.2:80', '[::1]:80', 'unix:/a']
const CLUSTERS = ['web', 'api']

type Present = readonly (readonly [cluster: string, address: string])[]
type Change =
  | { readonly kind: 'publish'; readonly present: Present }
  | {
      readonly kind: 'patch'
      readonly cluster: string
      readonly address: string
      readonly patch: { readonly admin?: AdminState; readonly weight?: number | null }
    }

const place = fc.tuple(fc.constantFrom(...CLUSTERS), fc.constantFrom(...ADDRESSES))
const patch = fc.oneof(
  fc.record({ admin: fc.constantFrom(...ADMIN_STATES) }),
  fc.record({ weight: fc.oneof(fc.constant(null), fc.constantFrom(0, 1, 7, 1_000_000)) }),
  fc.record({ admin: fc.constantFrom(...ADMIN_STATES), weight: fc.constantFrom(null, 3) }),
)
const change: fc.Arbitrary<Change> = fc.oneof(
  fc
    .uniqueArray(place, { selector: (pair) => pair.join(' '), maxLength: 6 })
    .map((present) => ({ kind: 'publish' as const, present })),
  fc
    .tuple(place, patch)
    .map(([[cluster, address], wanted]) => ({ kind: 'patch' as const, cluster, address, patch: wanted })),
)

function snapshotOf(slots: SlotTable, present: Present): Snapshot {
  const clusters = CLUSTERS.map((name) => {
    const endpoints = present
      .filter(([cluster]) => cluster === name)
      .map(([, address]) => {
        const id = slots.endpoint(name, address)
        return endpointSpec(id, address, { generation: slots.generation(id) })
      })
    return clusterSpec({ id: slots.cluster(name), name, endpoints })
  })
  return { clusters, listeners: [] } as unknown as Snapshot
}

test('what operators want of an endpoint holds until undone: over reloads, while it is away, and whoever has its slot meanwhile', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const fleet = makeFleet(1)
      const lines: string[] = []
      const operators = new Operators(fleet, { machineMs: () => 1, say: (line) => lines.push(line) })
      const slots = new SlotTable({ listener: 1, cluster: 4, endpoint: 16 })
      const wishes = new Map<string, { admin: AdminState; weight: number | null }>()
      let snapshot = snapshotOf(slots, [])
      const wishOf = (cluster: string, address: string): { admin: AdminState; weight: number | null } =>
        wishes.get(`${cluster} ${address}`) ?? { admin: 'ready', weight: null }
      for (const step of changes) {
        if (step.kind === 'publish') {
          snapshot = snapshotOf(slots, step.present)
          operators.prepare(snapshot)
          slots.release({ ...slots.unused(snapshot), listener: [], cluster: [] })
        } else {
          const { cluster, address } = step
          const present = snapshot.clusters.some(
            ({ name, endpoints }) =>
              name === cluster && endpoints.some((endpoint) => endpoint.address === address),
          )
          const before = wishOf(cluster, address)
          const after = present ? { ...before, ...step.patch } : before
          const said = lines.length
          const result = operators.patch(snapshot, { ...step, peer: 'peer' })
          assert.equal(result.ok, present)
          const changed = after.admin !== before.admin || after.weight !== before.weight
          assert.equal(lines.length - said, Number(changed), 'one line for a change, none for none')
          wishes.set(`${cluster} ${address}`, after)
        }
        for (const { name, endpoints } of snapshot.clusters) {
          for (const { id, generation, address } of endpoints) {
            const row = new AdminWord()
            const word = fleet.admin.read(id, row) && row.generation === generation ? row : new AdminWord()
            const { admin, weight } = wishOf(name, address)
            assert.equal(ADMIN_STATES[word.state], admin)
            assert.deepEqual(word.weight, weight ?? Number.NaN)
          }
        }
      }
      const wished = [...wishes.values()].filter(({ admin, weight }) => admin !== 'ready' || weight !== null)
      assert.equal(operators.overlays, wished.length)
    }),
  )
})

test('wishes are bounded: those of endpoints that went go first, none of those that are there is lost', () => {
  const fleet = makeFleet(1)
  const slots = new SlotTable({ listener: 1, cluster: 4, endpoint: 16 })
  const written: AdminWord[] = []
  const overlay = new Overlay(
    fleet.admin,
    { admin: (slot, word) => (fleet.admin.write(slot, word), written.push(word)) },
    2,
  )
  const drain = (snapshot: Snapshot, address: string): void => {
    const applied = overlay.patch(snapshot, { cluster: 'web', address }, { admin: 'drain' })
    assert.ok(applied.ok)
  }
  const first = snapshotOf(slots, [
    ['web', ADDRESSES[0]!],
    ['web', ADDRESSES[1]!],
  ])
  drain(first, ADDRESSES[0]!)
  drain(first, ADDRESSES[1]!)
  const second = snapshotOf(slots, [
    ['web', ADDRESSES[0]!],
    ['web', ADDRESSES[2]!],
  ])
  overlay.apply(second)
  drain(second, ADDRESSES[2]!)
  assert.equal(overlay.size, 2)
  const written0 = written.length
  overlay.apply(second)
  assert.equal(written.length, written0, 'nothing is said twice')
  overlay.apply(first)
  const stateOf = (at: number): number => {
    const row = new AdminWord()
    assert.ok(fleet.admin.read(first.clusters[0]!.endpoints[at]!.id, row))
    return row.state
  }
  assert.deepEqual([stateOf(0), stateOf(1)], [1, 0])
})
