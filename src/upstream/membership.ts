import { endpointHash } from '../balance/identity.ts'
import type { Member } from '../balance/member.ts'
import { subsetOf } from '../balance/subset.ts'
import type { ClusterSpec, EndpointSpec } from '../config/snapshot.ts'
import {
  ADMIN_STATES,
  ENDPOINT_STATE,
  ENDPOINT_STATES,
  HEALTH_REASON,
  HEALTH_REASONS,
} from '../health/states.ts'
import type { WarmthFacts } from '../health/slow-start.ts'
import type { FleetFacts } from './fleet-facts.ts'
import { WarmUps } from './warm-ups.ts'
import type { WarmClock } from './warm-ups.ts'

const { ready, warming, suspect } = ENDPOINT_STATE
const ADMIN_READY = ADMIN_STATES.indexOf('ready')
const ADMIN_DRAIN = ADMIN_STATES.indexOf('drain')
const DRAINED = HEALTH_REASON['an operator drains it']
const TAKEN_DOWN = HEALTH_REASON['an operator took it down']

/** What the picture said of an endpoint when membership was last worked out. */
type Word = {
  readonly state: number
  readonly reason: number
  readonly sinceMs: number
  readonly share: number
  readonly admin: number
  readonly adminWeight: number
}

/** An endpoint in service: its weight without what its agent takes off, and how much of that it had. */
type Service = { readonly nominal: number; readonly warmth: number; readonly sinceMs: number }

type Totals = { succeeded: number; failed: number; latencySumMs: number }

/**
 * Who is a member of a cluster and may be picked: what is configured, what the health actor and operators say, and what slow start allows. An endpoint may
 * be picked if its operator wants it and its health is ready, warming or suspect; in a panic, if its operator wants it.
 */
export class Membership {
  /** Somebody warms up: it changes with time alone. */
  warming = false
  readonly #facts: FleetFacts
  readonly #warmUps: WarmUps = new WarmUps()
  readonly #words = new Map<number, Word>()
  /** Endpoints in service when last looked at; undefined: this is the beginning, and whoever is there is as warm as the health actor says. */
  #inService: ReadonlyMap<number, Service> | undefined
  #hashes: ReadonlyMap<string, number> = new Map()

  constructor(facts: FleetFacts) {
    this.#facts = facts
  }

  /** The picture of an endpoint changed: does that change who may be picked? */
  concerns(slot: number): boolean {
    const word = this.#words.get(slot)
    if (word === undefined) return true
    const { view } = this.#facts
    return (
      word.state !== view.state[slot] ||
      word.admin !== view.admin[slot] ||
      word.share !== view.share[slot] ||
      word.sinceMs !== view.sinceMs[slot] ||
      word.reason !== view.reason[slot] ||
      !Object.is(word.adminWeight, view.adminWeight[slot])
    )
  }

  /** All members as of now, in the order of the configuration. */
  members(spec: ClusterSpec, nowMs: number): Member[] {
    const { endpoints, slowStart } = spec
    const hashes = this.#hashesOf(endpoints)
    const chosen = subsetOf(
      endpoints.map(({ priority }, i) => ({ priority, hash: hashes[i]! })),
      spec.subset,
    )
    const inSubset = new Set(chosen)
    const inService = new Map<number, Service>()
    const clock = this.#clock(spec, nowMs)
    this.warming = false
    const members = endpoints.map((endpoint, i) => {
      const { id: slot, address, priority, zone, labels } = endpoint
      const standing = this.#standing(endpoint, inSubset.has(i))
      const nominal = this.#nominal(endpoint)
      let warmth = 1
      if (!standing.healthy) this.#warmUps.forget(slot)
      else {
        if (slowStart !== undefined) {
          this.#begin(slot, nominal, nowMs)
          warmth = this.#warmUps.warmth(slowStart, slot, this.#saidSinceMs(slot), clock)
          if (warmth < 1) this.warming = true
        }
        inService.set(slot, { nominal, warmth, sinceMs: this.#servesSinceMs(slot, nowMs) })
      }
      const readySinceMs = inService.get(slot)?.sinceMs ?? nowMs
      return { slot, address, hash: hashes[i]!, priority, zone, labels, warmth, readySinceMs, ...standing }
    })
    this.#inService = inService
    return members
  }

  #standing(
    endpoint: EndpointSpec,
    inSubset: boolean,
  ): Pick<Member, 'weight' | 'healthy' | 'usable' | 'why'> {
    const { view } = this.#facts
    const { id: slot } = endpoint
    const state = view.state[slot]!
    const admin = view.admin[slot]!
    const weight = this.#nominal(endpoint) * view.share[slot]!
    const wanted = admin === ADMIN_READY
    const usable = inSubset && wanted && weight > 0
    const serving = state === ready || state === warming || state === suspect
    this.#words.set(slot, wordOf(view, slot))
    const why = !inSubset
      ? 'not in the subset of this proxy'
      : !wanted
        ? HEALTH_REASONS[admin === ADMIN_DRAIN ? DRAINED : TAKEN_DOWN]!
        : weight === 0
          ? 'its weight is 0'
          : serving
            ? ''
            : `${ENDPOINT_STATES[state]}: ${HEALTH_REASONS[view.reason[slot]!]}`
    return { weight, healthy: usable && serving, usable, why }
  }

  /** As patched, else as configured. */
  #nominal({ id, weight }: EndpointSpec): number {
    const patched = this.#facts.view.adminWeight[id]!
    return Number.isNaN(patched) ? weight : patched
  }

  /** Newcomers and those whose weight grew begin their slow start. */
  #begin(slot: number, nominal: number, nowMs: number): void {
    if (this.#inService === undefined) return
    const before = this.#inService.get(slot)
    if (before === undefined) this.#warmUps.begin(slot, nowMs)
    else if (nominal > before.nominal) {
      this.#warmUps.begin(slot, nowMs, (before.nominal * before.warmth) / nominal)
    }
  }

  /** Since when it is in service; in the beginning, since when it is in its state. */
  #servesSinceMs(slot: number, nowMs: number): number {
    if (this.#inService === undefined) return this.#facts.view.sinceMs[slot]!
    return this.#inService.get(slot)?.sinceMs ?? nowMs
  }

  #saidSinceMs(slot: number): number {
    const { view } = this.#facts
    return view.state[slot] === warming ? view.sinceMs[slot]! : -1
  }

  #clock({ endpoints, slowStart }: ClusterSpec, nowMs: number): WarmClock {
    const { totals } = this.#facts
    const all: Totals = { succeeded: 0, failed: 0, latencySumMs: 0 }
    if (slowStart?.by === 'feedback') {
      for (const { id } of endpoints) {
        totals.sum(id)
        all.succeeded += totals.succeeded[id]!
        all.failed += totals.failed[id]!
        all.latencySumMs += totals.latencySumMs[id]!
      }
    }
    return { nowMs, facts: (slot) => factsOf(totals, slot, all) }
  }

  #hashesOf(endpoints: readonly EndpointSpec[]): readonly number[] {
    const known = this.#hashes
    const hashes = endpoints.map(({ address }) => known.get(address) ?? endpointHash(address))
    if (known.size !== endpoints.length || endpoints.some(({ address }) => !known.has(address))) {
      this.#hashes = new Map(endpoints.map(({ address }, i) => [address, hashes[i]!]))
    }
    return hashes
  }
}

const wordOf = (view: FleetFacts['view'], slot: number): Word => ({
  state: view.state[slot]!,
  reason: view.reason[slot]!,
  sinceMs: view.sinceMs[slot]!,
  share: view.share[slot]!,
  admin: view.admin[slot]!,
  adminWeight: view.adminWeight[slot]!,
})

const factsOf = (totals: FleetFacts['totals'], slot: number, all: Totals): WarmthFacts => ({
  succeeded: totals.succeeded[slot]!,
  failed: totals.failed[slot]!,
  latencySumMs: totals.latencySumMs[slot]!,
  clusterSucceeded: all.succeeded,
  clusterFailed: all.failed,
  clusterLatencySumMs: all.latencySumMs,
})
