import { mix32, Sfc32 } from '../base/random.ts'
import type { Rng } from '../base/random.ts'
import type { PolicySpec } from '../config/snapshot.ts'
import type { Decision } from './decision.ts'
import { Guard } from './guard.ts'
import type { GuardEvents } from './guard.ts'
import { ELSEWHERE, LineUp } from './line-up.ts'
import type { Member } from './member.ts'
import { ALL_FULL, BY, PICK_KIND } from './pick-request.ts'
import type { PickRequest } from './pick-request.ts'
import { PickSet } from './pick-set.ts'
import type { SlotPicture } from './picture.ts'
import { DEFAULT_POLICY } from './policy-source.ts'
import type { PolicySource } from './policy-source.ts'
import { NO_PICK } from './policy.ts'
import { RestDraw } from './rest.ts'
import type { Plan } from './sets.ts'
import { Shadow } from './shadow.ts'
import type { ShadowEvents } from './shadow.ts'

/** Picks that a policy may make for one request before the rest is drawn from. */
const DRAWS = 4

/** Endpoints up to which a propensity, which mostly looks at all of them, is worked out for every pick. */
const CHEAP_PROPENSITY = 32

/** Why what a policy picked will not do. */
const FIT = 0
const TRIED = 1
const FULL = 2
const WARMING = 4

export type BalancerSpec = {
  readonly policy: PolicySpec
  /** A policy that is asked as well, and never obeyed. */
  readonly shadow: PolicySpec | undefined
}

export interface BalancerEvents extends GuardEvents, ShadowEvents {}

export type BalancerParts = {
  readonly picture: SlotPicture
  readonly policies: PolicySource
  readonly events: BalancerEvents
  /** Seeds the streams of chance: each policy has one, and the balancer itself. */
  readonly seed: Rng
}

/**
 * Which endpoint a request goes to, for one cluster on one shard. Who may be picked comes from whoever knows configuration and health; the
 * views hold these and nobody else, so no policy can pick another. A policy picks; what it picks is declined if the request has been there before, if
 * it is full, or if it is warming up and has had its due. Nothing is allocated per pick.
 */
export class Balancer {
  /** Exchanges, of all shards, that may be under way at one endpoint. */
  mostPerEndpoint: number = Infinity
  /** Age of the oldest fact of another shard that came into the views this turn, ms. */
  stalenessMs = 0
  readonly #parts: BalancerParts
  readonly #rng: Sfc32
  readonly #rest: RestDraw
  readonly #lineUp: LineUp
  #spec: BalancerSpec

  constructor(parts: BalancerParts, spec: BalancerSpec) {
    const { seed, picture } = parts
    this.#parts = parts
    this.#spec = spec
    this.#rng = new Sfc32(seed.uint32(), seed.uint32(), seed.uint32())
    this.#rest = new RestDraw(this.#rng)
    const { policy, shadow } = spec
    this.#lineUp = new LineUp(picture, {
      policy,
      shadow,
      epoch: 0,
      name: '',
      panic: false,
      addresses: [],
      members: [],
    })
  }

  /** From now on of these sets. `members`: all there are, those that may not be picked included; `plan` names them by index. */
  setMembers(plan: Plan, members: readonly Member[], spec: BalancerSpec, nowMs: number): void {
    const { policy, shadow } = spec
    const fresh = !samePolicy(policy, this.#spec.policy) || !samePolicy(shadow, this.#spec.shadow)
    this.#spec = spec
    this.#lineUp.replace(plan, members, { fresh, make: this.#makeSet, info: { policy, shadow }, nowMs })
  }

  /** Ask for an endpoint: its slot, NO_PICK or ALL_FULL; the rest of the answer stands in `request`, and in `decision`, if it is wanted. */
  pick(request: PickRequest, nowMs: number, decision?: Decision): number {
    request.by = BY.policy
    request.slot = NO_PICK
    request.set = -1
    request.index = NO_PICK
    if (decision !== undefined) decision.begin(this.#lineUp.nobody, nowMs, this.stalenessMs)
    if (request.stickyHash < 0 || !this.#stick(request, decision)) this.#choose(request, nowMs, decision)
    if (decision !== undefined) decision.end(request)
    return request.slot
  }

  /** An exchange with the endpoint begins; … */
  began(slot: number): void {
    this.#flow(slot, 1)
  }

  /** … and ends. */
  ended(slot: number): void {
    this.#flow(slot, -1)
  }

  /** What the fleet knows of the endpoint changed. */
  refresh(slot: number, nowMs: number): void {
    const place = this.#lineUp.placeOf(slot)
    if (place < 0) return
    const set = this.#lineUp.sets[this.#lineUp.setAt(place)]!
    set.view.nowMs = nowMs
    set.refresh(this.#lineUp.indexAt(place), this.#parts.picture)
  }

  /** What passes with time alone, now and then. */
  turn(nowMs: number): void {
    for (const set of this.#lineUp.sets) set.age(this.#parts.picture, nowMs)
  }

  /** Endpoints that may be picked. */
  get size(): number {
    let size = 0
    for (const set of this.#lineUp.sets) size += set.view.size
    return size
  }

  /** The sets in force, for those who look on. */
  get sets(): readonly PickSet[] {
    return this.#lineUp.sets
  }

  #flow(slot: number, delta: 1 | -1): void {
    const place = this.#lineUp.placeOf(slot)
    if (place >= 0) this.#lineUp.sets[this.#lineUp.setAt(place)]!.flow(this.#lineUp.indexAt(place), delta)
  }

  /** To where the client was before, if that may be; a session does not move because its endpoint warms up, though it counts. */
  #stick(request: PickRequest, decision: Decision | undefined): boolean {
    const place = this.#lineUp.placeOf(this.#lineUp.slotOf(request.stickyHash))
    if (place < 0) return false
    const at = this.#lineUp.setAt(place)
    const set = this.#lineUp.sets[at]!
    const index = this.#lineUp.indexAt(place)
    if (request.excludes(set.slots[index]!) || set.view.inFlight[index]! >= this.mostPerEndpoint) return false
    if (decision !== undefined) decision.stuck(set, index)
    this.#settle(request, at, index, BY.sticky)
    return true
  }

  #choose(request: PickRequest, nowMs: number, decision: Decision | undefined): void {
    const at = this.#lineUp.draw(request, this.#rng)
    if (at < 0) return
    const set = this.#lineUp.sets[at]!
    let { key } = request
    let declined = 0
    set.view.nowMs = nowMs
    for (let draw = 0; draw < DRAWS; draw++) {
      if (decision !== undefined) decision.before(set, key)
      const index = set.guard.pick(set.view, key)
      if (index === NO_PICK) break
      const verdict = this.#judge(set, index, request)
      if (verdict === FIT) {
        if (decision !== undefined) {
          decision.picked(set, index)
          if (declined === 0 && (decision.wanted || set.view.size <= CHEAP_PROPENSITY)) {
            decision.propensity = this.#propensity(at, index, key)
          }
        }
        const by = set.guard.stoodIn ? BY.guard : (declined & WARMING) !== 0 ? BY.warmingDeclined : BY.policy
        this.#settle(request, at, index, by)
        this.#compare(set, request, decision)
        return
      }
      declined |= verdict
      if (request.hasKey) key = mix32(key + 0x9e37_79b9) >>> 0
    }
    this.#drawRest(request, at, declined)
    if (decision !== undefined) decision.fromRest(this.#lineUp.sets[request.set], request.index)
    if (request.slot >= 0) this.#compare(set, request, decision)
  }

  /** May what the policy picked be sent there? */
  #judge(set: PickSet, index: number, request: PickRequest): number {
    const { view, gate, guard } = set
    if (request.excludedCount > 0 && request.excludes(set.slots[index]!)) return TRIED
    if (view.inFlight[index]! >= this.mostPerEndpoint) return FULL
    if (gate.idle) return FIT
    if (!gate.affords(view, index)) return WARMING
    if (guard.heedsWeights) return FIT
    const drawn = guard.followsKey
      ? gate.drawnByKey(view, index, request.key)
      : gate.drawn(view, index, this.#rng)
    return drawn ? FIT : WARMING
  }

  /** From the same set if anybody is left there, else from the next that has somebody; who is only full is waited for before it comes to backups. */
  #drawRest(request: PickRequest, first: number, declined: number): void {
    const { sets } = this.#lineUp
    const by = (declined & (TRIED | FULL)) === 0 ? BY.warmingDeclined : BY.excluded
    let full = false
    for (let i = -1; i < sets.length; i++) {
      const at = i < 0 ? first : i
      if (full && sets[at]!.name === ELSEWHERE) break
      const index = this.#rest.draw(sets[at]!, request, this.mostPerEndpoint)
      if (index !== NO_PICK) {
        this.#settle(request, at, index, by)
        return
      }
      if (this.#rest.sawFull) full = true
    }
    if (full) request.slot = ALL_FULL
  }

  #settle(request: PickRequest, at: number, index: number, by: number): void {
    const set = this.#lineUp.sets[at]!
    set.gate.picked(set.view, index)
    request.slot = set.slots[index]!
    request.set = at
    request.index = index
    request.by = by
  }

  /** Ask the shadow, if there is one: of first tries, for it knows nothing of what was tried before. */
  #compare(set: PickSet, request: PickRequest, decision: Decision | undefined): void {
    const { shadow } = set
    if (shadow === undefined || request.kind !== PICK_KIND.first) return
    const same = this.#lineUp.sets[request.set] === set
    shadow.compare(set.view, set.slots, request.key, same ? request.index : NO_PICK)
    if (decision !== undefined) decision.shadowed(shadow.index)
  }

  /** Of a first draw that was taken. Where chance alone may decline what the policy picked, nobody can say. */
  #propensity(at: number, index: number, key: number): number {
    const set = this.#lineUp.sets[at]!
    if (!set.gate.idle) return Number.NaN
    return this.#lineUp.share(at) * set.guard.propensity(set.view, key, index)
  }

  readonly #makeSet = (name: string): PickSet => {
    const { events } = this.#parts
    const { policy, shadow } = this.#spec
    if (name === ELSEWHERE) return new PickSet(name, this.#guard(DEFAULT_POLICY, events), undefined)
    const guard = this.#guard(policy, events)
    if (shadow === undefined) return new PickSet(name, guard, undefined)
    const shadowEvents = {
      fault: (): void => events.shadowFault(),
      say: (line: string): void => events.say(`shadow ${line}`),
    }
    return new PickSet(name, guard, new Shadow(this.#guard(shadow, shadowEvents), events))
  }

  #guard(spec: PolicySpec, events: GuardEvents): Guard {
    const { policies, seed } = this.#parts
    return new Guard({
      name: spec.name,
      make: () => policies.make(spec),
      makeDefault: () => policies.make(DEFAULT_POLICY),
      foreign: spec.module !== undefined,
      seed,
      events,
    })
  }
}

const samePolicy = (a: PolicySpec | undefined, b: PolicySpec | undefined): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b)
