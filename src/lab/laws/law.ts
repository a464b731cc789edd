import type { CostModel } from '../../balance/cost.ts'
import type { Policy } from '../../balance/policy.ts'
import { ClusterView } from '../../balance/view.ts'
import { mix32, seededRng } from '../../base/random.ts'
import type { Rng } from '../../base/random.ts'
import type { PolicyOptions } from '../../config/snapshot.ts'

/** A policy on trial. */
export type Subject = {
  readonly name: string
  readonly options: PolicyOptions
  /** A fresh instance. */
  readonly make: () => Policy
  /** How the cluster would measure costs for it. */
  readonly cost: CostModel
}

/** What must hold of a policy, whatever the seed. */
export type Law = {
  readonly name: string
  /** The bug of others that it excludes, '' if none is known. */
  readonly excludes: string
  /** Why it says nothing about this policy; '' if it does. */
  readonly exempt: (subject: Subject) => string
  /** What was seen that must not be; '' if nothing. */
  readonly check: (subject: Subject, seed: number) => string
}

export const forAll = (): string => ''

/** A view of `size` endpoints with weights as given, or 1. */
export const makeView = (size: number, weights: readonly number[] = []): ClusterView => {
  const view = new ClusterView(size)
  for (let i = 0; i < size; i++) {
    view.hashes[i] = mix32(i + 1)
    view.baseWeights[i] = weights[i] ?? 1
    view.weights[i] = view.baseWeights[i]!
  }
  return view
}

/** Put anything at all that may occur into a view. */
export const disturb = (view: ClusterView, rng: Rng): void => {
  const { size } = view
  view.nowMs = Math.max(0, view.nowMs + (rng.next() < 0.1 ? -20_000 : 2000) * rng.next())
  for (let i = 0; i < size; i++) {
    view.inFlight[i] = rng.next() < 0.5 ? 0 : rng.below(1000)
    if (rng.next() < 0.7) {
      view.cost[i] = rng.next() < 0.1 ? 3_600_000 : rng.next() * 100
      view.costAtMs[i] = view.nowMs - rng.next() * 30_000
    }
    view.succeeded[i]! += rng.below(100)
    view.failed[i]! += rng.below(10)
    view.latencySumMs[i]! += rng.next() * 1000
    view.ageMs[i] = rng.next() * 10
    view.utilisation[i] = rng.next() * 2
    view.reportedQps[i] = rng.next() * 1000
    view.reportedEps[i] = rng.next() * 10
    view.reportedAtMs[i] = rng.next() < 0.3 ? -1 : view.nowMs - rng.next() * 1000
    view.readySinceMs[i] = view.nowMs - rng.next() * 60_000
    if (rng.next() < 0.3) {
      view.probedRif[i] = rng.below(50)
      view.probedLatencyMs[i] = rng.next() * 50
      view.probedAtMs[i] = view.nowMs
      view.probeSeq[i]!++
    }
  }
}

/** Pick for the next key. */
export const pickOnce = (policy: Policy, view: ClusterView, key: number, rng: Rng): number => {
  view.considered.clear()
  return policy.pick(view, key, rng)
}

/** Whether the key alone decides: one key always goes to one endpoint, and not all keys to the same. */
export const isByKey = ({ make }: Subject): boolean => {
  const rng = seededRng(1)
  const view = makeView(16)
  const policy = make()
  policy.rebuild(view, rng)
  const picksOf = (key: number): Set<number> =>
    new Set(Array.from({ length: 12 }, () => pickOnce(policy, view, key, rng)))
  const keys = Array.from({ length: 24 }, () => picksOf(rng.uint32()))
  return keys.every((picks) => picks.size === 1) && new Set(keys.flatMap((picks) => [...picks])).size > 1
}
