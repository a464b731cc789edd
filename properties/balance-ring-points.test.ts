import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { changePoints, layPoints } from '../src/balance/ring-points.ts'
import type { RingFleet, RingPoints } from '../src/balance/ring-points.ts'
import { hashPair } from '../src/base/hash.ts'

/** The definition: all points, sorted by place and, of equals, by identity. */
const sorted = ({ identities, counts }: RingFleet): RingPoints => {
  const points = [...identities].flatMap((identity, owner) =>
    Array.from({ length: counts[owner]! }, (_, point) => ({
      hash: hashPair(identity, point) >>> 0,
      identity,
      owner,
    })),
  )
  const inPlace = points.toSorted((a, b) => a.hash - b.hash || a.identity - b.identity)
  return {
    hashes: Uint32Array.from(inPlace, ({ hash }) => hash),
    owners: Int32Array.from(inPlace, ({ owner }) => owner),
  }
}

const fleetOf = (endpoints: readonly (readonly [identity: number, count: number])[]): RingFleet => ({
  identities: Uint32Array.from(endpoints, ([identity]) => identity),
  counts: Int32Array.from(endpoints, ([, count]) => count),
})

const endpoint = fc.tuple(fc.nat(0xffff_ffff), fc.integer({ min: 1, max: 60 }))
const fleet = fc.uniqueArray(endpoint, { maxLength: 30, size: 'max', selector: ([identity]) => identity })

test('ring points: laid anew, they are all points in order', () => {
  fc.assert(
    fc.property(fleet, (endpoints) => {
      assert.deepEqual(layPoints(fleetOf(endpoints)), sorted(fleetOf(endpoints)))
    }),
  )
})

test('ring points: after any sequence of changes they are as if laid anew', () => {
  const change = fc.record({ at: fc.nat(), to: fc.option(endpoint), turn: fc.nat() })
  fc.assert(
    fc.property(fleet, fc.array(change, { maxLength: 12, size: 'max' }), (start, changes) => {
      let now = start.map(([identity, count]) => [identity, count] as const)
      let points = layPoints(fleetOf(now))
      for (const { at, to, turn } of changes) {
        const before = fleetOf(now)
        // One goes, one comes or has another count, and all may stand elsewhere.
        const rest = now.filter(([identity], index) => index !== at % now.length && identity !== to?.[0])
        const next = to === null ? rest : [...rest, to]
        now = next.map((_, index) => next[(index + turn) % next.length]!)
        points = changePoints(points, before, fleetOf(now))
        assert.deepEqual(points, sorted(fleetOf(now)))
      }
    }),
  )
})

test('ring points: equal ones stand in the order of identity, however they came there', () => {
  const all = fleetOf([
    [7, 150_000],
    [3, 150_000],
    [5, 40_000],
  ])
  const expected = sorted(all)
  const { hashes } = expected
  assert.ok(
    hashes.some((hash, at) => hash === hashes[at + 1] && expected.owners[at] !== expected.owners[at + 1]),
  )
  assert.deepEqual(layPoints(all), expected)
  for (const left of [0, 1, 2]) {
    const before = fleetOf(
      [...all.identities].flatMap((id, at) => (at === left ? [] : [[id, all.counts[at]!] as const])),
    )
    assert.deepEqual(changePoints(layPoints(before), before, all), expected)
  }
})
