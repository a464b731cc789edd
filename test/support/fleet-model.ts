/** What actors said of the fleet, as plain maps: the oracle of the fleet view. Knows no ring, no column, no fold. */

/** Producers of beliefs: shards by index, then the health actor. */
type Said<T> = Map<string, T>
type Cost = { readonly cost: number; readonly at: number }
type Report = {
  readonly at: number
  readonly source: number
  readonly utilisation: number
  readonly qps: number
  readonly eps: number
}
type Probe = { readonly at: number; readonly rif: number; readonly latencyMs: number; readonly count: number }
export type Live = { readonly shard: number; readonly slot: number; readonly startMs: number }
export type VerdictSaid = {
  readonly state: number
  readonly reason: number
  readonly sinceMs: number
  readonly share: number
  readonly ejections: number
  readonly ejectedUntilMs: number
}
export type AdminSaid = { readonly state: number; readonly weight: number }

export class FleetModel {
  live: Live[] = []
  readonly costs: Said<Cost> = new Map()
  readonly reports: Said<Report> = new Map()
  readonly probes: Said<Probe> = new Map()
  readonly verdicts: Map<number, VerdictSaid> = new Map()
  readonly admin: Map<number, AdminSaid> = new Map()
  readonly limits: Map<number, number> = new Map()
  readonly #producers: number

  constructor(shards: number) {
    this.#producers = shards + 1
  }

  /** Exchanges under way at the endpoint, without those of `shard`. */
  others(slot: number, shard: number): readonly Live[] {
    return this.live.filter((exchange) => exchange.slot === slot && exchange.shard !== shard)
  }

  key(producer: number, slot: number): string {
    return `${producer}:${slot}`
  }

  /** The tenant left: all that was said of it is forgotten. */
  vacate(slot: number): void {
    for (const said of [this.costs, this.reports, this.probes])
      for (let producer = 0; producer < this.#producers; producer++) said.delete(this.key(producer, slot))
    this.verdicts.delete(slot)
    this.admin.delete(slot)
  }

  probed(producer: number, slot: number, probe: Omit<Probe, 'count'>): void {
    const count = (this.probes.get(this.key(producer, slot))?.count ?? 0) + 1
    this.probes.set(this.key(producer, slot), { ...probe, count })
  }

  /** Largest of all costs, decayed to `nowMs`; undefined if nobody took one. */
  costNow(slot: number, nowMs: number, decayMs: number): number | undefined {
    const decayed = this.#all(this.costs, slot).map(({ cost, at }) => cost * Math.exp((at - nowMs) / decayMs))
    return decayed.length === 0 ? undefined : Math.max(...decayed)
  }

  report(slot: number): Report | undefined {
    return newest(this.#all(this.reports, slot))
  }

  probe(slot: number): Probe | undefined {
    return newest(this.#all(this.probes, slot))
  }

  probeCount(slot: number): number {
    return this.#all(this.probes, slot).reduce((sum, { count }) => sum + count, 0)
  }

  /** In the order of the producers. */
  #all<T>(said: Said<T>, slot: number): T[] {
    return Array.from({ length: this.#producers }, (_, producer) =>
      said.get(this.key(producer, slot)),
    ).filter((word) => word !== undefined)
  }
}

/** The first of the newest. */
const newest = <T extends { readonly at: number }>(words: readonly T[]): T | undefined =>
  words.toSorted((a, b) => b.at - a.at)[0]
