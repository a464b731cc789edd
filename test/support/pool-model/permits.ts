import type { Places } from '../../../src/upstream/admission.ts'
import assert from 'node:assert/strict'
import type { ConnectionPermits, PermitAnswer } from '../../../src/upstream/permits.ts'

/** Connections to the endpoints of one cluster, counted for this shard and for another one. Limits are checked one by one, in a plain way. */
export class ModelPermits {
  maxPerHost = 0
  maxTotal = 0
  readonly ours: number[]
  readonly others: number[]
  /** Requests of ours that wait, per endpoint. */
  readonly waiting: number[]
  /** Endpoints for which the other shard waits. */
  readonly wanted: Set<number> = new Set()

  constructor(endpoints: number) {
    this.ours = Array.from({ length: endpoints }, () => 0)
    this.others = this.ours.slice()
    this.waiting = this.ours.slice()
  }

  answer(endpoint: number): PermitAnswer {
    const host = (this.ours[endpoint] ?? 0) + (this.others[endpoint] ?? 0)
    if (this.maxPerHost > 0 && host >= this.maxPerHost) return 'maxPerHost'
    const total = [...this.ours, ...this.others].reduce((sum, open) => sum + open, 0)
    return this.maxTotal > 0 && total >= this.maxTotal ? 'maxTotal' : 'granted'
  }

  /** What the pool of an endpoint is given. */
  of(endpoint: number): ConnectionPermits {
    return {
      take: () => {
        const answer = this.answer(endpoint)
        if (answer === 'granted') this.ours[endpoint]!++
        return answer
      },
      adopt: () => void this.ours[endpoint]!++,
      give: () => assert.ok(this.ours[endpoint]!-- > 0, 'a permit is given back twice'),
      waiting: (delta) => assert.ok((this.waiting[endpoint]! += delta) >= 0, 'waits less than not at all'),
      otherWaiting: () => (this.wanted.has(endpoint) ? 1 : -1),
      otherIdle: () => -1,
    }
  }
}

/** Pools are asked here, not clusters. */
export const NO_PLACES: Places = {
  take: () => true,
  give: () => {},
  takeAt: () => true,
  giveAt: () => {},
  waiting: () => {},
  otherWaiting: () => -1,
}
