/**
 * A template for a policy of your own. Copy it beside your configuration, say `policy: ./template.ts` (or `policy: { name: ./template.ts, share: 0.2 }`)
 * and `weir check`; `weir policy test ./template.ts` tries the laws of balancing on it.
 *
 * The contract: a module exports `policy`, a function that takes the options of the configuration and returns a new policy. Every shard makes one for each
 * set of endpoints and asks it for each request. No import is needed but of types. It is one file: only that is watched for changes at a reload.
 */
import type { ClusterView, Policy, PolicyOptions, Rng } from 'weir'

/** Options come as they were written: numbers, text, true or false. Throw what is wrong with them: the configuration is refused with it. */
const shareOf = ({ share = 0.1 }: PolicyOptions): number => {
  if (typeof share !== 'number' || !(share >= 0 && share <= 1))
    throw new Error('share is a number from 0 to 1')
  return share
}

/** At random, but for a share of the picks that go in turn. */
class Template implements Policy {
  readonly #share: number
  /** State is the policy's own; make it anew in `rebuild`, where indexes get another meaning. */
  #next = 0

  constructor(share: number) {
    this.#share = share
  }

  /** Membership changed; called before the first pick. Build tables here, not in `pick`. Statistics are the view's and outlive this. */
  rebuild(view: ClusterView, rng: Rng): void {
    // Begin somewhere at random: shards that all began with the first endpoint would send it their first requests together.
    this.#next = view.size === 0 ? 0 : rng.below(view.size)
  }

  /**
   * The index of an endpoint of the view, or -1 if it holds none. The view holds only endpoints that may be picked. Clock (`view.nowMs`) and chance (`rng`)
   * are arguments, so that a decision can be replayed. Allocate nothing: this runs for every request.
   */
  pick(view: ClusterView, _key: number, rng: Rng): number {
    if (view.size === 0) return -1
    const inTurn = rng.next() < this.#share
    const index = inTurn ? this.#next : rng.below(view.size)
    if (inTurn) this.#next = (this.#next + 1) % view.size
    // What was looked at and how good it seemed (lower is better), for `weir explain`.
    view.considered.note(index, 0)
    return index
  }

  /** The rest is optional (see `Policy`). For replay: what the next pick depends on beside the view. */
  save(state: Float64Array): number {
    state[0] = this.#next
    return 1
  }

  restore(state: Float64Array): void {
    this.#next = state[0] ?? 0
  }
}

export const policy = (options: PolicyOptions): Policy => new Template(shareOf(options))
