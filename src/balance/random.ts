import type { Rng } from '../base/random.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'

/** Uniform choice, weights ignored (`weighted-random` heeds them): the policy others are measured against. */
export class Random implements Policy {
  readonly reads = 'noted'

  rebuild(): void {}

  pick(view: ClusterView, _key: number, rng: Rng): number {
    if (view.size === 0) return NO_PICK
    const index = rng.below(view.size)
    view.considered.note(index, 0)
    return index
  }

  propensity(view: ClusterView): number {
    return 1 / view.size
  }
}
