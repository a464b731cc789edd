import type { SlotIds, SlotKind } from '../config/slots.ts'
import { BELIEF_WIDTH } from '../shm/beliefs.ts'
import type { Fleet, Stripe } from '../shm/fleet.ts'
import { GAUGE_WORDS, RETRY_WORDS } from '../shm/layout.ts'

/**
 * Slots that no configuration names any more are given back once nobody counts on them: exchanges finish on the snapshot
 * they began with, and a new tenant must not inherit what they still write. So a slot rests until its gauges are 0
 * in all shards and `restMs` have passed since it was last named; then its rows are zeroed and it is free.
 */
export const REST_MS = 60_000

const KINDS = ['listener', 'cluster', 'endpoint'] as const satisfies readonly SlotKind[]

export class Reclaimer {
  readonly #fleet: Fleet
  readonly #restMs: number
  /** Since when each resting slot is named by nobody, by kind. */
  readonly #resting: Readonly<Record<SlotKind, Map<number, number>>> = {
    listener: new Map(),
    cluster: new Map(),
    endpoint: new Map(),
  }

  constructor(fleet: Fleet, restMs: number = REST_MS) {
    this.#fleet = fleet
    this.#restMs = restMs
  }

  /** `unused`: all ids that are taken and named by nobody now. Returns those that are zeroed and may be released. */
  reclaim(unused: SlotIds, nowMs: number): SlotIds {
    const [listener, cluster, endpoint] = KINDS.map((kind) => this.#rested(kind, unused[kind], nowMs))
    return { listener: listener ?? [], cluster: cluster ?? [], endpoint: endpoint ?? [] }
  }

  #rested(kind: SlotKind, unused: readonly number[], nowMs: number): readonly number[] {
    const resting = this.#resting[kind]
    const named = new Set(unused)
    for (const id of resting.keys()) if (!named.has(id)) resting.delete(id)
    for (const id of unused) if (!resting.has(id)) resting.set(id, nowMs)
    const free = unused.filter(
      (id) => nowMs - (resting.get(id) ?? nowMs) >= this.#restMs && this.#idle(kind, id),
    )
    for (const id of free) {
      resting.delete(id)
      for (const stripe of this.#fleet.stripes) this.#zero(kind, id, stripe)
      this.#clear(kind, id)
    }
    return free
  }

  #idle(kind: SlotKind, id: number): boolean {
    return this.#fleet.stripes.every((stripe) => gaugesOf(kind, stripe, id).every((value) => value === 0))
  }

  #zero(kind: SlotKind, id: number, stripe: Stripe): void {
    const { widths } = this.#fleet.shape
    const row = (table: Float64Array, width: number): unknown => table.fill(0, id * width, (id + 1) * width)
    if (kind === 'listener') row(stripe.listeners, widths.listener)
    else if (kind === 'endpoint') {
      row(stripe.endpoints, widths.endpoint)
      row(stripe.beliefs, BELIEF_WIDTH)
    } else {
      row(stripe.clusters, widths.cluster)
      row(stripe.histograms, widths.histograms)
      stripe.retries.fill(0, id * RETRY_WORDS, (id + 1) * RETRY_WORDS)
    }
  }

  /** What the health actor and operators said of it. */
  #clear(kind: SlotKind, id: number): void {
    const { verdicts, admin, limits, healthBeliefs } = this.#fleet
    if (kind === 'cluster') limits.clear(id)
    if (kind !== 'endpoint') return
    verdicts.clear(id)
    admin.clear(id)
    healthBeliefs.fill(0, id * BELIEF_WIDTH, (id + 1) * BELIEF_WIDTH)
  }
}

function gaugesOf(kind: SlotKind, stripe: Stripe, id: number): readonly number[] {
  const tables = {
    listener: stripe.listenerGauges,
    cluster: stripe.clusterGauges,
    endpoint: stripe.endpointGauges,
  }
  return [...tables[kind].subarray(id * GAUGE_WORDS, (id + 1) * GAUGE_WORDS)]
}
