/**
 * Ids of the fleet memory: small numbers for listeners (by name), clusters (by name) and endpoints (by cluster and address), stable over
 * reloads, so that statistics survive them. One owner: the main thread, which compiles and publishes.
 *
 * An id is given on first sight and stays taken until `release`: after a reload the old snapshot is still in use, and its
 * columns must not get a new meaning before the last exchange on it has finished. So the order is: compile, publish, wait for the old one to
 * drain, then `release(unused(new))`.
 */
import type { Snapshot } from './snapshot.ts'

/** What `compileConfig` needs. Each throws `SlotsExhausted` when all ids are taken. */
export interface Slots {
  listener(name: string): number
  cluster(name: string): number
  endpoint(cluster: string, address: string): number
  /** How often the id of an endpoint was given to another before. */
  generation(endpoint: number): number
}

export type SlotKind = 'listener' | 'cluster' | 'endpoint'

export type SlotCapacity = Readonly<Record<SlotKind, number>>

/** Ids of each kind. */
export type SlotIds = Readonly<Record<SlotKind, readonly number[]>>

export const SLOT_CAPACITY: SlotCapacity = { listener: 64, cluster: 1024, endpoint: 16_384 }

/** Too many in this configuration and the ones not yet released before it: refuse the reload, try again after the drain. */
export class SlotsExhausted extends Error {
  readonly code = 'SLOTS_EXHAUSTED' as const

  constructor(kind: SlotKind, capacity: number) {
    super(`all ${capacity} ${kind} slots are taken, those of draining configurations included`)
  }
}

export class SlotTable implements Slots {
  private readonly listeners: Allocator
  private readonly clusters: Allocator
  private readonly endpoints: Allocator

  constructor(capacity: SlotCapacity = SLOT_CAPACITY) {
    this.listeners = new Allocator('listener', capacity.listener)
    this.clusters = new Allocator('cluster', capacity.cluster)
    this.endpoints = new Allocator('endpoint', capacity.endpoint)
  }

  listener(name: string): number {
    return this.listeners.take(name)
  }

  cluster(name: string): number {
    return this.clusters.take(name)
  }

  endpoint(cluster: string, address: string): number {
    return this.endpoints.take(`${cluster} ${address}`)
  }

  generation(endpoint: number): number {
    return this.endpoints.generation(endpoint)
  }

  /** Ids taken but not in this snapshot (those of a compilation that was never published too): to be released once nothing older is in use. */
  unused(snapshot: Snapshot): SlotIds {
    return {
      listener: this.listeners.except(snapshot.listeners),
      cluster: this.clusters.except(snapshot.clusters),
      endpoint: this.endpoints.except(snapshot.clusters.flatMap((cluster) => cluster.endpoints)),
    }
  }

  /** Give ids back. The columns behind them must be zeroed before the next tenant comes: that is the caller's. */
  release(ids: SlotIds): void {
    this.listeners.release(ids.listener)
    this.clusters.release(ids.cluster)
    this.endpoints.release(ids.endpoint)
  }
}

const MAX_GENERATION = 0x7fff_ffff

/** Keys to the lowest free ids, so that tables stay dense. */
class Allocator {
  private readonly kind: SlotKind
  private readonly capacity: number
  private readonly ids = new Map<string, number>()
  private readonly keys: (string | undefined)[] = []
  /** How often each id was released. */
  private readonly generations: number[] = []
  /** No free id below it. */
  private lowest = 0

  constructor(kind: SlotKind, capacity: number) {
    this.kind = kind
    this.capacity = capacity
  }

  take(key: string): number {
    const known = this.ids.get(key)
    if (known !== undefined) return known
    while (this.keys[this.lowest] !== undefined) this.lowest++
    if (this.lowest >= this.capacity) throw new SlotsExhausted(this.kind, this.capacity)
    this.ids.set(key, this.lowest)
    this.keys[this.lowest] = key
    return this.lowest
  }

  /** Counts up to 2³¹ - 1, then from 0 again, as the fleet memory keeps it. */
  generation(id: number): number {
    return this.generations[id] ?? 0
  }

  except(used: readonly { readonly id: number }[]): readonly number[] {
    const kept = new Set(used.map(({ id }) => id))
    return [...this.ids.values()].filter((id) => !kept.has(id))
  }

  release(ids: readonly number[]): void {
    for (const id of ids) {
      const key = this.keys[id]
      if (key === undefined) throw new Error(`${this.kind} slot ${id} is released twice`)
      this.ids.delete(key)
      this.keys[id] = undefined
      this.generations[id] = (this.generation(id) + 1) & MAX_GENERATION
      this.lowest = Math.min(this.lowest, id)
    }
  }
}
