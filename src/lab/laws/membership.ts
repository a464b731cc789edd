import { Balancer } from '../../balance/balancer.ts'
import type { Member } from '../../balance/member.ts'
import { PICK_KIND, PickRequest } from '../../balance/pick-request.ts'
import { NO_PICK } from '../../balance/policy.ts'
import type { Policy } from '../../balance/policy.ts'
import { makePolicy } from '../../balance/registry.ts'
import { planSets } from '../../balance/sets.ts'
import { mix32, seededRng } from '../../base/random.ts'
import type { Rng } from '../../base/random.ts'
import type { LocalitySpec, PolicySpec } from '../../config/snapshot.ts'
import { EventQueue } from '../event-queue.ts'
import { endpointModel, FleetModel } from '../fleet-model.ts'
import { forAll } from './law.ts'
import type { Law, Subject } from './law.ts'

/** What the balancer holds whatever policy it has: it is what keeps a researcher's policy from doing harm. */

const NO_LOCALITY: LocalitySpec = {
  zone: '',
  mode: 'none',
  weights: {},
  proxies: {},
  minSize: 6,
  label: '',
  order: [],
}
const PANIC = 0.3
const ignore = (): void => {}
const EVENTS = { fault: ignore, say: ignore, shadowFault: ignore, shadowPicked: ignore }

/** A balancer with the policy, members that come and go, and exchanges under way. */
class Stage {
  readonly balancer: Balancer
  members: readonly Member[] = []
  readonly request = new PickRequest()
  readonly inFlight = new Map<number, number>()
  readonly #spec: PolicySpec

  constructor(subject: Subject, rng: Rng) {
    this.#spec = { name: subject.name, module: 'on trial', options: {} }
    const policies = {
      make: (spec: PolicySpec): Policy => (spec.module === undefined ? makePolicy(spec) : subject.make()),
    }
    const picture = {
      write: (view: { inFlight: Float64Array }, index: number, slot: number): void => {
        view.inFlight[index] = this.inFlight.get(slot) ?? 0
      },
      age: ignore,
    }
    const parts = { picture, policies, events: EVENTS, seed: rng }
    this.balancer = new Balancer(parts, { policy: this.#spec, shadow: undefined })
  }

  set(members: readonly Member[], nowMs: number): void {
    this.members = members
    const plan = planSets(members, { locality: NO_LOCALITY, panic: PANIC })
    this.balancer.setMembers(plan, members, { policy: this.#spec, shadow: undefined }, nowMs)
  }

  pick(key: number, nowMs: number): number {
    this.request.key = key
    this.request.hasKey = true
    return this.balancer.pick(this.request, nowMs)
  }

  flow(slot: number, delta: 1 | -1): void {
    this.inFlight.set(slot, (this.inFlight.get(slot) ?? 0) + delta)
    if (delta === 1) this.balancer.began(slot)
    else this.balancer.ended(slot)
  }
}

const member = (slot: number, more: Partial<Member> = {}): Member => ({
  slot,
  address: `10.0.0.${slot}:80`,
  hash: mix32(slot + 1) >>> 0,
  weight: 1,
  warmth: 1,
  priority: 0,
  zone: '',
  labels: {},
  healthy: true,
  usable: true,
  why: '',
  readySinceMs: 0,
  ...more,
})

const drawMembers = (rng: Rng): Member[] =>
  Array.from({ length: rng.below(8) }, (_, slot) => {
    const usable = rng.next() < 0.85
    const healthy = usable && rng.next() < 0.7
    return member(slot, {
      usable,
      healthy,
      why: healthy ? '' : 'on trial',
      weight: 1 + rng.below(5),
      warmth: rng.next() < 0.2 ? 0.1 : 1,
      priority: rng.next() < 0.2 ? 1 : 0,
    })
  })

/** Membership and clock change at random; `judge` sees every pick. */
const swaps = (
  subject: Subject,
  seed: number,
  judge: (stage: Stage, slot: number) => string,
  excluding = false,
): string => {
  const rng = seededRng(seed)
  const stage = new Stage(subject, rng)
  let nowMs = 1_000_000
  for (let swap = 0; swap < 150; swap++) {
    nowMs = Math.max(0, nowMs + (rng.next() < 0.05 ? -30_000 : 500) * rng.next())
    stage.set(drawMembers(rng), nowMs)
    for (let i = 0; i < 12; i++) {
      stage.request.reset()
      const tries = excluding ? 1 + rng.below(8) : 1
      for (let attempt = 0; attempt < tries; attempt++) {
        stage.request.kind = attempt === 0 ? PICK_KIND.first : PICK_KIND.retry
        const slot = stage.pick(rng.uint32(), nowMs)
        const seen = judge(stage, slot)
        if (seen !== '') return `after ${swap} changes of membership: ${seen}`
        if (slot < 0) break
        if (rng.next() < 0.5) stage.flow(slot, 1)
        stage.request.exclude(slot)
      }
    }
  }
  return ''
}

const onlyTheHealthy: Law = {
  name: 'a quarantined endpoint is never picked outside of a panic, and one an operator took out never at all',
  excludes: '',
  exempt: forAll,
  check: (subject, seed) =>
    swaps(subject, seed, ({ members, balancer, request }, slot) => {
      if (slot === NO_PICK) return ''
      const picked = members.find((one) => one.slot === slot)
      if (picked?.usable !== true) return `slot ${slot} was picked, which is out`
      const panic = balancer.sets[request.set]?.info.panic === true
      return picked.healthy || panic ? '' : `slot ${slot} was picked, which is not healthy`
    }),
}

const someone: Law = {
  name: 'somebody is picked as long as anybody is healthy, during any change',
  excludes: 'nginx #1656',
  exempt: forAll,
  check: (subject, seed) =>
    swaps(subject, seed, ({ members }, slot) =>
      slot === NO_PICK && members.some(({ healthy }) => healthy) ? 'nobody was picked' : '',
    ),
}

const elsewhere: Law = {
  name: 'a retry never goes to an endpoint that was tried',
  excludes: 'traefik #2723',
  exempt: forAll,
  check: (subject, seed) =>
    swaps(
      subject,
      seed,
      ({ request }, slot) => (slot >= 0 && request.excludes(slot) ? `slot ${slot} was picked again` : ''),
      true,
    ),
}

const FLEET = 10
const WARMTH = 0.1
/** A newcomer's share over what it is due, and what is let pass besides. */
const FLOOD = 3
const SLACK = 0.01

const noFlood: Law = {
  name: `a warming endpoint gets at most ${FLOOD} times what it is due: no cold-start flood`,
  excludes: 'envoy #19437',
  exempt: forAll,
  check: (subject, seed) => {
    const rng = seededRng(seed)
    const stage = new Stage(subject, rng)
    const model = new FleetModel(
      Array.from({ length: FLEET + 1 }, () => endpointModel()),
      rng,
    )
    const departures = new EventQueue()
    const old = Array.from({ length: FLEET }, (_, slot) => member(slot))
    stage.set(old, 0)
    const picks = new Float64Array(FLEET + 1)
    for (let i = 0; i < 9000; i++) {
      const nowMs = i * 0.2
      if (i === 3000) stage.set([...old, member(FLEET, { warmth: WARMTH, readySinceMs: nowMs })], nowMs)
      while (departures.nextMs <= nowMs) stage.flow(departures.pop(), -1)
      stage.request.reset()
      const slot = stage.pick(rng.uint32(), nowMs)
      picks[slot]!++
      stage.flow(slot, 1)
      departures.push(model.arrive(slot, nowMs), slot)
    }
    const share = picks[FLEET]! / 6000
    const due = WARMTH / (FLEET + WARMTH)
    return share <= due * FLOOD + SLACK
      ? ''
      : `it is due ${(due * 100).toFixed(2)} % and gets ${(share * 100).toFixed(2)} %`
  },
}

export const MEMBERSHIP_LAWS: readonly Law[] = [onlyTheHealthy, someone, elsewhere, noFlood]
