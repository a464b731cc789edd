import { NO_PICK } from './policy.ts'

/** Endpoints that one request may exclude: it is never tried more often. */
export const MAX_EXCLUDED = 16

/** What a pick is for. */
export const PICK_KIND = { first: 0, retry: 1, hedge: 2 } as const

/** How an endpoint was found. Index = as in `PickRequest.by`. */
export const PICKED_BY = ['policy', 'sticky', 'guard', 'excluded', 'warming-declined'] as const
export const BY = { policy: 0, sticky: 1, guard: 2, excluded: 3, warmingDeclined: 4 } as const

/** No endpoint may be picked now, but some could be if they had not reached the exchanges they may have under way: wait, then ask again. */
export const ALL_FULL = -2

/**
 * One question to the balancer and its answer; made once and reused, so that a pick allocates nothing. Who asks sets the first half
 * and calls `Balancer.pick`, which fills in the second.
 */
export class PickRequest {
  // ── the question ──
  kind: number = PICK_KIND.first
  /** What the request hashes to, an unsigned 32-bit number; without `hasKey` it means nothing. */
  key = 0
  hasKey = false
  /** Hash of the endpoint that this client sticks to (`ClusterView.hashes`), -1: none. */
  stickyHash = -1
  /** Slots of the endpoints that were tried before: none of them is picked again (traefik #2723). */
  readonly excluded: Int32Array = new Int32Array(MAX_EXCLUDED)
  excludedCount = 0

  // ── the answer ──
  /** Slot of the endpoint, NO_PICK or ALL_FULL. */
  slot: number = NO_PICK
  /** `BY`. */
  by: number = BY.policy
  /** Set it is of (index in the balancer's present plan) and its index in that set's view. */
  set = -1
  index: number = NO_PICK

  /** Ready for another request. */
  reset(): void {
    this.kind = PICK_KIND.first
    this.key = 0
    this.hasKey = false
    this.stickyHash = -1
    this.excludedCount = 0
  }

  /** Never this endpoint again. False if the request has been tried as often as can be: it must not be again. */
  exclude(slot: number): boolean {
    if (this.excludedCount === MAX_EXCLUDED) return false
    this.excluded[this.excludedCount++] = slot
    return true
  }

  excludes(slot: number): boolean {
    const { excluded, excludedCount } = this
    for (let i = 0; i < excludedCount; i++) if (excluded[i] === slot) return true
    return false
  }
}
