import { endpointHash } from '../balance/identity.ts'
import type { Member } from '../balance/member.ts'
import { subsetOf } from '../balance/subset.ts'
import type { ClusterSpec, EndpointSpec, SlowStartSpec } from '../config/snapshot.ts'
import {
  ABSENT_REASONS,
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
const SERVING: ReadonlySet<number> = new Set([ready, warming, suspect])
const ADMIN_READY = ADMIN_STATES.indexOf('ready')
const ADMIN_DRAIN = ADMIN_STATES.indexOf('drain')
const DRAINED = HEALTH_REASON['an operator drains it']
const TAKEN_DOWN = HEALTH_REASON['an operator took it down']

type Totals = { succeeded: number; failed: number; latencySumMs: number }

/** What is held of an endpoint from one look to the next: what the picture said of it, and how it served. */
type Standing = {
  state: number
  reason: number
  stateSinceMs: number
  share: number
  admin: number
  adminWeight: number
  /** undefined: this is the first look of all. */
  serves: boolean | undefined
  servesSinceMs: number
  /** Its weight without what its agent takes off, and the part of it that it was due. */
  nominal: number
  warmth: number
}

/** An endpoint as configured, and what follows from that alone. */
type Entry = {
  readonly endpoint: EndpointSpec
  readonly hash: number
  readonly inSubset: boolean
  readonly standing: Standing
}

/**
 * Who is a member of a cluster and may be picked: what is configured, what the health actor and operators say, and what slow start allows. An endpoint may
 * be picked if its operator wants it and its health is ready, warming or suspect; in a panic, if its operator wants it and somebody is there.
 */
export class Membership {
  /** Somebody warms up: it changes with time alone. */
  warming = false
  readonly #facts: FleetFacts
  readonly #warmUps: WarmUps = new WarmUps()
  #spec: ClusterSpec | undefined
  #entries: readonly Entry[] = []
  #standings: ReadonlyMap<number, Standing> = new Map()

  constructor(facts: FleetFacts) {
    this.#facts = facts
  }

  /** The picture of an endpoint changed: does that change who may be picked? */
  concerns(slot: number): boolean {
    const standing = this.#standings.get(slot)
    if (standing === undefined) return true
    const { view } = this.#facts
    return (
      standing.state !== view.state[slot] ||
      standing.admin !== view.admin[slot] ||
      standing.share !== view.share[slot] ||
      standing.stateSinceMs !== view.sinceMs[slot] ||
      standing.reason !== view.reason[slot] ||
      !Object.is(standing.adminWeight, view.adminWeight[slot])
    )
  }

  /** All members as of now, in the order of the configuration. The first time, everybody is as warm as the health actor says; who comes later, or comes back, warms up. */
  members(spec: ClusterSpec, nowMs: number): Member[] {
    if (spec !== this.#spec) this.#configure(spec)
    const clock = this.#clock(spec, nowMs)
    this.warming = false
    return this.#entries.map((entry) => this.#member(entry, spec.slowStart, clock))
  }

  #configure(spec: ClusterSpec): void {
    const { endpoints, subset } = spec
    const before = new Map(this.#entries.map((entry) => [entry.endpoint.id, entry]))
    const kept = endpoints.map((endpoint) => sameTenant(before.get(endpoint.id), endpoint))
    const hashes = endpoints.map(({ address }, i) => kept[i]?.hash ?? endpointHash(address))
    const asked = endpoints.map(({ priority }, i) => ({ priority, hash: hashes[i]! }))
    const chosen = new Set(subsetOf(asked, subset))
    const serves = this.#spec === undefined ? undefined : false
    this.#entries = endpoints.map((endpoint, i) => ({
      endpoint,
      hash: hashes[i]!,
      inSubset: chosen.has(i),
      standing: kept[i]?.standing ?? unseen(serves),
    }))
    this.#standings = new Map(this.#entries.map(({ endpoint, standing }) => [endpoint.id, standing]))
    this.#spec = spec
  }

  #member(entry: Entry, slowStart: SlowStartSpec | undefined, clock: WarmClock): Member {
    const { endpoint, hash, inSubset, standing } = entry
    const { id: slot, address, priority, zone, labels } = endpoint
    note(standing, this.#facts.view, slot)
    const nominal = Number.isNaN(standing.adminWeight) ? endpoint.weight : standing.adminWeight
    const weight = nominal * standing.share
    const usable = inSubset && standing.admin === ADMIN_READY && weight > 0
    const healthy = usable && SERVING.has(standing.state)
    if (healthy) this.#serve(slot, standing, { nominal, slowStart, clock })
    else this.#rest(slot, standing)
    const why = healthy ? '' : whyNot(entry, weight)
    const absent = !SERVING.has(standing.state) && ABSENT_REASONS.has(standing.reason)
    const { warmth, servesSinceMs: readySinceMs } = standing
    const said = { healthy, usable, absent, why, readySinceMs }
    return { slot, address, hash, weight, warmth, priority, zone, labels, ...said }
  }

  #serve(slot: number, standing: Standing, { nominal, slowStart, clock }: Service): void {
    const { state, stateSinceMs, serves, warmth } = standing
    const { nowMs } = clock
    if (serves === undefined) standing.servesSinceMs = stateSinceMs
    else if (!serves) {
      standing.servesSinceMs = nowMs
      this.#warmUps.begin(slot, nowMs)
    } else if (nominal > standing.nominal) {
      this.#warmUps.begin(slot, nowMs, (standing.nominal * warmth) / nominal)
    }
    standing.serves = true
    standing.nominal = nominal
    if (slowStart === undefined) {
      this.#warmUps.forget(slot)
      standing.warmth = 1
      return
    }
    const saidSinceMs = state === warming ? stateSinceMs : -1
    standing.warmth = this.#warmUps.warmth(slowStart, slot, saidSinceMs, clock)
    if (standing.warmth < 1) this.warming = true
  }

  #rest(slot: number, standing: Standing): void {
    standing.serves = false
    standing.warmth = 1
    this.#warmUps.forget(slot)
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
}

type Service = {
  readonly nominal: number
  readonly slowStart: SlowStartSpec | undefined
  readonly clock: WarmClock
}

const sameTenant = (known: Entry | undefined, { generation, address }: EndpointSpec): Entry | undefined =>
  known?.endpoint.generation === generation && known.endpoint.address === address ? known : undefined

const unseen = (serves: boolean | undefined): Standing => ({
  state: 0,
  reason: 0,
  stateSinceMs: 0,
  share: 1,
  admin: 0,
  adminWeight: Number.NaN,
  serves,
  servesSinceMs: 0,
  nominal: 0,
  warmth: 1,
})

const note = (standing: Standing, view: FleetFacts['view'], slot: number): void => {
  standing.state = view.state[slot]!
  standing.reason = view.reason[slot]!
  standing.stateSinceMs = view.sinceMs[slot]!
  standing.share = view.share[slot]!
  standing.admin = view.admin[slot]!
  standing.adminWeight = view.adminWeight[slot]!
}

const whyNot = ({ inSubset, standing }: Entry, weight: number): string => {
  const { state, reason, admin } = standing
  if (!inSubset) return 'not in the subset of this proxy'
  if (admin !== ADMIN_READY) return HEALTH_REASONS[admin === ADMIN_DRAIN ? DRAINED : TAKEN_DOWN]!
  return weight === 0 ? 'its weight is 0' : `${ENDPOINT_STATES[state]}: ${HEALTH_REASONS[reason]}`
}

const factsOf = (totals: FleetFacts['totals'], slot: number, all: Totals): WarmthFacts => ({
  succeeded: totals.succeeded[slot]!,
  failed: totals.failed[slot]!,
  latencySumMs: totals.latencySumMs[slot]!,
  clusterSucceeded: all.succeeded,
  clusterFailed: all.failed,
  clusterLatencySumMs: all.latencySumMs,
})
