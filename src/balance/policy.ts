import type { Rng } from '../base/random.ts'
import type { ClusterView } from './view.ts'

/** No endpoint to pick. */
export const NO_PICK = -1

export type PolicyReads = 'noted' | 'all'

/**
 * A pure choice. The same compiled policy runs live, in shadow, in replay and in the simulator, so clock (`view.nowMs`) and chance
 * are arguments and the only state is its own. It is called by one shard and need not know of others: the view holds the fleet.
 *
 * Whoever writes one: README says how, `src/lab/examples` holds a template and an example, and `weir policy test` runs every law on it.
 */
export interface Policy {
  /**
   * Its choices follow `view.weights`, which slow start lowers for a warming endpoint. If false or absent, the balancer itself
   * declines the share of picks of a warming endpoint that it is not due.
   */
  readonly heedsWeights?: boolean
  /** Its picks follow the key. A warming endpoint's share is then declined by the key too, not by chance: keys that came to it stay. */
  readonly followsKey?: boolean
  /**
   * Whose statistics (all columns but hashes, weights and warmth) its picks depend on: `noted`: those of the endpoints it notes, no others; `all`, or absent:
   * anybody's. The less it is, the cheaper a pick is kept for replay, and the larger the views are in which that is done.
   */
  readonly reads?: PolicyReads
  /** Membership changed: from now on indexes mean other endpoints. Called before the first pick. Statistics are the view's and outlive this. */
  rebuild(view: ClusterView, rng: Rng): void
  /** Only `view.weights` (and what it is made of) changed. Absent: `rebuild` is called, unless only `view.warmth` changed and it heeds no weights. */
  reweigh?(view: ClusterView, rng: Rng): void
  /** Index of the endpoint for a request with hash key `key` (an unsigned 32-bit number; 0 if the cluster has none), or NO_PICK if `view.size` is 0. */
  pick(view: ClusterView, key: number, rng: Rng): number
  /** Probability, over the generator's draws, with which `pick` would have returned `index` where it was just called; NaN if it cannot say. */
  propensity?(view: ClusterView, key: number, index: number): number
  /**
   * For replay: write what the next pick depends on beside the view into `state` and return how many numbers that are; -1 if they do not fit. Absent: nothing.
   * Must not allocate: it is called before picks.
   */
  save?(state: Float64Array): number
  /** Go back to what `save` wrote. Called after `rebuild` with the same membership. */
  restore?(state: Float64Array, length: number): void
}
