import type { Rng } from '../base/random.ts'

/** What a policy sees of a cluster: plain local arrays, read without atomics. Index i is the same endpoint in every array. */
export type ClusterView = {
  /** Endpoints that may be picked: those with a weight above 0. */
  readonly size: number
  /** > 0 for every i < size. */
  readonly weights: Float64Array
}

/** No endpoint to pick. */
export const NO_PICK = -1

/**
 * A pure choice. The same compiled policy runs live, in shadow and in the simulator, so clock and chance are arguments and
 * the only state is its own.
 */
export interface Policy {
  /** Membership or weights changed: prepare for `view`. Called before the first pick. */
  rebuild(view: ClusterView, rng: Rng): void
  /** Index of the endpoint for a request with hash key `key` (0 if the cluster has none), or NO_PICK if `view.size` is 0. */
  pick(view: ClusterView, key: number, rng: Rng): number
}
