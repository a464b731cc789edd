import fc from 'fast-check'
import { endpointHash } from '../../src/balance/identity.ts'
import { Maglev } from '../../src/balance/maglev.ts'
import type { Policy } from '../../src/balance/policy.ts'
import { Rendezvous } from '../../src/balance/rendezvous.ts'
import { RingHash } from '../../src/balance/ring-hash.ts'
import { ClusterView } from '../../src/balance/view.ts'
import { seededRng } from '../../src/base/random.ts'
import type { Rng } from '../../src/base/random.ts'

export type Endpoint = { readonly id: number; readonly weight: number }
export type Hashing = Policy & Required<Pick<Policy, 'propensity'>>

/** The hashing policies as they are by default. */
export const HASHING: Readonly<Record<string, () => Hashing>> = {
  'ring hash': () => new RingHash({ minSize: 1024, maxSize: 1_048_576 }),
  maglev: () => new Maglev({ tableSize: 65_537 }),
  rendezvous: () => new Rendezvous(),
}

export const fleetView = (fleet: readonly Endpoint[]): ClusterView => {
  const view = new ClusterView(fleet.length)
  fleet.forEach(({ id, weight }, index) => {
    view.hashes[index] = endpointHash(`10.0.${id >> 8}.${id & 255}:8080`)
    view.baseWeights[index] = view.weights[index] = weight
  })
  return view
}

export const rng: Rng = seededRng(3)
export const keysOf = (count: number): readonly number[] =>
  Array.from({ length: count }, () => rng.uint32() || 1)
export const KEYS: readonly number[] = keysOf(400)

export const made = (make: () => Hashing, view: ClusterView): Hashing => {
  const policy = make()
  policy.rebuild(view, rng)
  return policy
}

/** Id of the endpoint of each key. */
export const ownersOf = (
  make: () => Hashing,
  fleet: readonly Endpoint[],
  keys: readonly number[] = KEYS,
): readonly number[] => {
  const view = fleetView(fleet)
  const policy = made(make, view)
  return keys.map((key) => fleet[policy.pick(view, key, rng)]!.id)
}

const weight = fc.oneof(
  fc.constant(1),
  fc.integer({ min: 1, max: 10 }),
  fc.integer({ min: 1, max: 1_000_000 }),
)
const endpoint: fc.Arbitrary<Endpoint> = fc.record({ id: fc.nat(60_000), weight })
export const anyFleet: fc.Arbitrary<Endpoint[]> = fc.uniqueArray(endpoint, {
  minLength: 1,
  maxLength: 24,
  size: 'max',
  selector: ({ id }) => id,
})
export const equalFleet = (least: number): fc.Arbitrary<Endpoint[]> =>
  fc
    .tuple(fc.uniqueArray(fc.nat(60_000), { minLength: least, maxLength: 24, size: 'max' }), weight)
    .map(([ids, one]) => ids.map((id) => ({ id, weight: one })))
/** Tables take a millisecond to build. */
export const few = { numRuns: 25 } as const
