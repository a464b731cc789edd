import type { ClusterSpec, EndpointSpec, ProbeSpec, Snapshot } from '../config/snapshot.ts'
import type { Verdict } from '../shm/tables.ts'
import { ClusterHealth } from './cluster.ts'
import { EndpointLife } from './endpoint.ts'
import type { Member } from './member.ts'
import { RateCap } from './rate-cap.ts'
import { ProbeSchedule } from './schedule.ts'
import type { HealthSink, HealthWorld, ProbeResult } from './world.ts'

/** A probe to be done. Its answer counts as long as nobody cancelled it. */
export type ProbeOrder = {
  readonly cluster: ClusterSpec
  readonly endpoint: EndpointSpec
  readonly probe: ProbeSpec
  readonly timeoutMs: number
}

export type FleetHealthWorld = HealthWorld & {
  /** What a predecessor decided of this tenant of its slot; undefined: nothing. */
  readonly verdict: (endpoint: EndpointSpec) => Verdict | undefined
  /** Give up this probe: nobody waits for its answer. */
  readonly cancel: (order: ProbeOrder) => void
}

/** Where a cluster has no probe of its own, an ejected endpoint that accepts connections again may come back. */
const RECOVERY_PROBE: ProbeSpec = { kind: 'tcp' }
const RECOVERY_TIMEOUT_MS = 2000

type Place = { readonly cluster: ClusterHealth; readonly member: Member }

/**
 * The health of all clusters, and whom to probe when. Pure: the actor around it (`control/health.ts`) tells it what the rings said, what the
 * clock says and what came of its probes.
 *
 * Law: from the moment a configuration is applied nothing is probed, and no answer believed, by the one before (haproxy #3330).
 */
export class FleetHealth {
  readonly #clusters = new Map<number, ClusterHealth>()
  readonly #places = new Map<number, Place>()
  readonly #underWay = new Map<number, ProbeOrder>()
  readonly #schedule: ProbeSchedule
  readonly #cap = new RateCap(1)
  readonly #world: FleetHealthWorld
  readonly #inner: HealthWorld
  #nowMs = 0
  #isFirst = true

  constructor(world: FleetHealthWorld) {
    this.#world = world
    this.#schedule = new ProbeSchedule(world.rng)
    const sink: HealthSink = {
      ...world.sink,
      changed: (cluster, member, detail) => {
        world.sink.changed(cluster, member, detail)
        const place = this.#places.get(member.spec.id)
        if (place !== undefined) this.#plan(place)
      },
    }
    this.#inner = { ...world, sink }
  }

  get clusters(): IterableIterator<ClusterHealth> {
    return this.#clusters.values()
  }

  /** Probes that waited because of the cap, counted once per look. */
  get capped(): number {
    return this.#schedule.capped
  }

  /** Take over a configuration: the first, or any later one. */
  apply(snapshot: Snapshot, nowMs: number): void {
    this.#nowMs = nowMs
    this.#cap.limit(snapshot.probes.maxPerSecond)
    const isBirth = this.#isFirst && !this.#isKnown(snapshot)
    this.#isFirst = false
    const kept = new Set(snapshot.clusters.flatMap(({ endpoints }) => endpoints.map(({ id }) => id)))
    for (const slot of this.#places.keys()) if (!kept.has(slot)) this.#leave(slot)
    for (const spec of snapshot.clusters) this.#applyCluster(spec, isBirth)
    const ids = new Set(snapshot.clusters.map(({ id }) => id))
    for (const id of this.#clusters.keys()) if (!ids.has(id)) this.#clusters.delete(id)
  }

  failure(slot: number, fault: number, atMs: number, tookMs: number): void {
    this.#places.get(slot)?.cluster.failure(slot, fault, atMs, tookMs)
  }

  response(
    slot: number,
    status: number,
    atMs: number,
    times: { firstByteMs: number; totalMs: number },
  ): void {
    this.#places.get(slot)?.cluster.response(slot, status, atMs, times)
  }

  /** An operator spoke about an endpoint. */
  heed(slot: number, nowMs: number): void {
    this.#nowMs = nowMs
    const place = this.#places.get(slot)
    if (place !== undefined) place.cluster.heed(place.member, place.member.spec, nowMs)
  }

  /** The tenant of a slot, for whoever reads records. */
  endpoint(slot: number): { readonly cluster: ClusterSpec; readonly member: Member } | undefined {
    const place = this.#places.get(slot)
    return place === undefined ? undefined : { cluster: place.cluster.spec, member: place.member }
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs
    for (const cluster of this.#clusters.values()) cluster.tick(nowMs)
  }

  /** A probe to begin now; undefined: none is due, or the cap is reached. */
  nextProbe(nowMs: number): ProbeOrder | undefined {
    this.#nowMs = nowMs
    const slot = this.#schedule.next(nowMs, this.#cap)
    const place = this.#places.get(slot)
    if (place === undefined) return undefined
    const { spec } = place.cluster
    const order: ProbeOrder = {
      cluster: spec,
      endpoint: place.member.spec,
      probe: spec.health?.probe ?? RECOVERY_PROBE,
      timeoutMs: spec.health?.timeoutMs ?? RECOVERY_TIMEOUT_MS,
    }
    this.#underWay.set(slot, order)
    return order
  }

  /** When `nextProbe` may have one, the cap aside. */
  nextDueMs(): number {
    return this.#schedule.nextDueMs()
  }

  /** What came of a probe. False: it was cancelled meanwhile and changes nothing. */
  probed(order: ProbeOrder, result: ProbeResult, nowMs: number): boolean {
    this.#nowMs = nowMs
    const slot = order.endpoint.id
    if (this.#underWay.get(slot) !== order) return false
    this.#underWay.delete(slot)
    const place = this.#places.get(slot)
    if (place === undefined) return false
    place.cluster.probed(slot, result, nowMs)
    this.#schedule.done(slot, nowMs)
    this.#plan(place)
    return true
  }

  #applyCluster(spec: ClusterSpec, isBirth: boolean): void {
    const known = this.#clusters.get(spec.id)
    const cluster = known ?? new ClusterHealth(spec, this.#inner, this.#wasProven(spec))
    this.#clusters.set(spec.id, cluster)
    const probeBefore = JSON.stringify(cluster.spec.health)
    cluster.respec(spec)
    if (probeBefore !== JSON.stringify(spec.health))
      for (const { spec: endpoint } of cluster.members) this.#cancel(endpoint.id)
    for (const endpoint of spec.endpoints) this.#applyEndpoint(cluster, endpoint, isBirth)
  }

  #applyEndpoint(cluster: ClusterHealth, spec: EndpointSpec, isBirth: boolean): void {
    const nowMs = this.#nowMs
    const before = this.#places.get(spec.id)
    const stays = before?.cluster === cluster && before.member.spec.generation === spec.generation
    if (!stays) {
      if (before !== undefined) this.#leave(spec.id)
      const row = this.#world.verdict(spec)
      const life = new EndpointLife(nowMs)
      if (row !== undefined) life.resume(row)
      const member = row !== undefined || isBirth ? cluster.adopt(spec, life) : cluster.welcome(spec, nowMs)
      if (row !== undefined) member.share = row.share
      this.#places.set(spec.id, { cluster, member })
      if (row === undefined) this.#world.sink.changed(cluster.spec, member, '')
    }
    const place = this.#places.get(spec.id)
    if (place === undefined) return
    cluster.heed(place.member, spec, nowMs)
    this.#plan(place)
  }

  #leave(slot: number): void {
    this.#places.get(slot)?.cluster.remove(slot)
    this.#places.delete(slot)
    this.#schedule.remove(slot)
    this.#cancel(slot)
  }

  #cancel(slot: number): void {
    const order = this.#underWay.get(slot)
    if (order === undefined) return
    this.#underWay.delete(slot)
    this.#schedule.done(slot, this.#nowMs)
    this.#world.cancel(order)
  }

  #plan({ cluster, member }: Place): void {
    const slot = member.spec.id
    const cadence = cluster.cadence(member)
    if (cadence === undefined) {
      this.#schedule.remove(slot)
      this.#cancel(slot)
      return
    }
    this.#schedule.plan(slot, cluster.spec.id, cadence, this.#nowMs)
    const { life } = member
    if (life.is('quarantined') && life.ejectedUntilMs > this.#nowMs)
      this.#schedule.at(slot, life.ejectedUntilMs)
  }

  #isKnown({ clusters }: Snapshot): boolean {
    return clusters.some(({ endpoints }) => endpoints.some((spec) => this.#world.verdict(spec) !== undefined))
  }

  /** A predecessor took somebody out by checks, or saw them pass again: then they had passed somewhere. */
  #wasProven({ endpoints }: ClusterSpec): boolean {
    return endpoints.some((spec) => {
      const row = this.#world.verdict(spec)
      if (row === undefined) return false
      const life = new EndpointLife(0)
      life.resume(row)
      return life.isByChecks
    })
  }
}
