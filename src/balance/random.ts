import type { Rng } from '../base/random.ts'
import { NO_PICK } from './policy.ts'
import type { Policy } from './policy.ts'
import type { ClusterView } from './view.ts'

/** Uniform choice, weights ignored (`weighted-random` heeds them): the policy others are measured against. */
export class Random implements Policy {
  rebuild(): void {}

  pick(view: ClusterView, _key: number, rng: Rng): number {
    return view.size === 0 ? NO_PICK : rng.below(view.size)
  }
}
