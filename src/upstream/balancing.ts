import { Balancer } from '../balance/balancer.ts'
import type { BalancerEvents } from '../balance/balancer.ts'
import { costModelOf } from '../balance/cost.ts'
import type { CostModel } from '../balance/cost.ts'
import type { Decision } from '../balance/decision.ts'
import type { PickRequest } from '../balance/pick-request.ts'
import type { PolicySource } from '../balance/policy-source.ts'
import { planSets } from '../balance/sets.ts'
import type { Rng } from '../base/random.ts'
import type { ClusterSpec, EndpointSpec } from '../config/snapshot.ts'
import type { LoadReport } from '../shm/beliefs.ts'
import type { Answer } from '../shm/voice.ts'
import type { FleetFacts, Hearer } from './fleet-facts.ts'
import { Membership } from './membership.ts'

/** What warms up is looked at so often: 150 steps of a slow start of 30 s. */
const WARM_STEP_MS = 200
/** Policies that go by totals. A module of the operator's may. */
const GO_BY_TOTALS: ReadonlySet<string> = new Set(['d2'])

export type BalancingParts = {
  readonly facts: FleetFacts
  readonly policies: PolicySource
  readonly events: BalancerEvents
  readonly seed: Rng
}

/**
 * How one shard balances one cluster: who may be picked, worked out anew when the configuration, an operator or the health actor
 * says something, and what our exchanges show of the endpoints, said to the whole fleet.
 */
export class ClusterBalancing implements Hearer {
  readonly #facts: FleetFacts
  readonly #membership: Membership
  readonly #balancer: Balancer
  #spec: ClusterSpec
  #endpoints: ReadonlyMap<number, EndpointSpec> = new Map()
  #cost: CostModel
  #goesByTotals = false
  #concerned = false
  #warmedAtMs = -Infinity

  constructor(parts: BalancingParts, spec: ClusterSpec) {
    const { facts, policies, events, seed } = parts
    this.#facts = facts
    this.#membership = new Membership(facts)
    this.#balancer = new Balancer({ picture: facts, policies, events, seed }, spec)
    this.#spec = spec
    this.#cost = costModelOf(spec.policy)
    facts.view.adoptCluster(spec.id)
  }

  apply(spec: ClusterSpec, nowMs: number): void {
    const before = this.#endpoints
    const { decayMs } = this.#cost
    this.#spec = spec
    this.#cost = costModelOf(spec.policy)
    this.#goesByTotals = goesByTotals(spec)
    this.#endpoints = new Map(spec.endpoints.map((endpoint) => [endpoint.id, endpoint]))
    for (const slot of before.keys()) if (!this.#endpoints.has(slot)) this.#facts.release(slot, this)
    for (const { id, generation } of spec.endpoints) {
      const same = before.get(id)?.generation === generation && decayMs === this.#cost.decayMs
      if (!same) this.#facts.adopt(id, generation, this.#cost.decayMs, this)
    }
    if (this.#goesByTotals) for (const { id } of spec.endpoints) this.#facts.totals.sum(id)
    this.#plan(nowMs)
  }

  /** The cluster left the configuration. */
  retire(nowMs: number): void {
    this.apply({ ...this.#spec, endpoints: [] }, nowMs)
  }

  pick(request: PickRequest, nowMs: number, decision?: Decision): number {
    this.#balancer.stalenessMs = this.#facts.stalenessMs
    return this.#balancer.pick(request, nowMs, decision)
  }

  // ── what our exchanges show ──

  /** A try begins at the endpoint, after the recorder has counted it; `ended` must be told the same time. */
  began({ id, generation }: EndpointSpec, nowMs: number): void {
    this.#facts.voice.began(id, generation, nowMs)
    this.#balancer.began(id)
  }

  /** It is over, after the recorder has counted that. */
  ended({ id }: EndpointSpec, startMs: number): void {
    this.#facts.voice.ended(id, startMs)
    this.#balancer.ended(id)
  }

  /** The endpoint answered a try that is not yet ended. Its cost is worked out here; `retryAfterMs`: what it asked for, 0: nothing. */
  answered({ id }: EndpointSpec, answer: Answer, retryAfterMs: number): void {
    const { voice } = this.#facts
    const cost = this.#facts.ownCost(id)
    const atMs = this.#facts.ownCostAtMs(id)
    const { firstByteMs, status } = answer
    const heeded = Math.min(retryAfterMs, this.#spec.feedback.retryAfterMaxMs)
    answer.cost =
      status >= 500 || heeded > 0
        ? this.#cost.afterFailure(cost, atMs, voice.nowMs, firstByteMs, heeded)
        : this.#cost.after(cost, atMs, voice.nowMs, firstByteMs)
    voice.answered(id, answer)
  }

  /** The endpoint failed a try that is not yet ended. `fault`: `FAULT`. */
  failed({ id }: EndpointSpec, fault: number, tookMs: number): void {
    const { voice } = this.#facts
    const cost = this.#facts.ownCost(id)
    const atMs = this.#facts.ownCostAtMs(id)
    voice.failed(id, fault, tookMs, this.#cost.afterFailure(cost, atMs, voice.nowMs, tookMs, 0))
  }

  /** A try that is not yet ended was given up: the endpoint would have taken longer still, which counts where that is more than was known. */
  gaveUp({ id }: EndpointSpec, tookMs: number): void {
    const { voice } = this.#facts
    const cost = this.#facts.ownCost(id)
    if (tookMs <= cost) return
    const atMs = this.#facts.ownCostAtMs(id)
    voice.gaveUp(id, tookMs, this.#cost.after(cost, atMs, voice.nowMs, tookMs))
  }

  /** The endpoint reported its load. `source`: `REPORT_SOURCE`. */
  reported({ id }: EndpointSpec, source: number, load: LoadReport): void {
    this.#facts.voice.report(id, source, load)
  }

  /** With an answer it told its own requests in flight, and the latency at that load. */
  probed({ id }: EndpointSpec, rif: number, latencyMs: number): void {
    this.#facts.voice.probed(id, rif, latencyMs)
  }

  /** Exchanges that the health actor lets the cluster have under way; Infinity: as many as there are. */
  get learntLimit(): number {
    return this.#facts.view.limit[this.#spec.id]!
  }

  // ── what others say ──

  heard(slot: number, nowMs: number): void {
    if (this.#membership.concerns(slot)) this.#concerned = true
    else this.#balancer.refresh(slot, nowMs)
  }

  heardAll(nowMs: number): void {
    if (this.#concerned) this.#plan(nowMs)
  }

  /** Now and then: what changes with time alone. */
  turn(nowMs: number): void {
    if (this.#membership.warming && nowMs >= this.#warmedAtMs + WARM_STEP_MS) this.#plan(nowMs)
    if (this.#goesByTotals) this.#refreshTotals(nowMs)
    else this.#balancer.turn(nowMs)
  }

  #refreshTotals(nowMs: number): void {
    for (const slot of this.#endpoints.keys()) {
      this.#facts.totals.sum(slot)
      this.#balancer.refresh(slot, nowMs)
    }
  }

  #plan(nowMs: number): void {
    this.#concerned = false
    this.#warmedAtMs = nowMs
    const { limits } = this.#spec
    const members = this.#membership.members(this.#spec, nowMs)
    this.#balancer.mostPerEndpoint = limits.inFlightPerEndpoint > 0 ? limits.inFlightPerEndpoint : Infinity
    this.#balancer.setMembers(planSets(members, this.#spec), members, this.#spec, nowMs)
  }
}

const goesByTotals = ({ policy, shadow }: ClusterSpec): boolean =>
  [policy, shadow].some((spec) => spec?.module !== undefined || GO_BY_TOTALS.has(spec?.name ?? ''))
