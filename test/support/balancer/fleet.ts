import { Balancer } from '../../../src/balance/balancer.ts'
import type { BalancerSpec } from '../../../src/balance/balancer.ts'
import type { Decision } from '../../../src/balance/decision.ts'
import { endpointHash } from '../../../src/balance/identity.ts'
import type { Member } from '../../../src/balance/member.ts'
import { PickRequest } from '../../../src/balance/pick-request.ts'
import { meanAgeMs } from '../../../src/balance/picture.ts'
import type { SlotPicture } from '../../../src/balance/picture.ts'
import { BUILT_IN, DEFAULT_POLICY } from '../../../src/balance/policy-source.ts'
import type { PolicySource } from '../../../src/balance/policy-source.ts'
import { planSets } from '../../../src/balance/sets.ts'
import type { PlanSpec } from '../../../src/balance/sets.ts'
import { seededRng } from '../../../src/base/random.ts'
import type { PolicySpec } from '../../../src/config/snapshot.ts'
import { clusterSpec } from '../specs.ts'

/** What is known of an endpoint, whatever a test wants it to be. */
export type Facts = {
  inFlight: number
  startSumMs: number
  cost: number
  costAtMs: number
  succeeded: number
  failed: number
  latencySumMs: number
  utilisation: number
  reportedQps: number
  reportedAtMs: number
  probedRif: number
  probedLatencyMs: number
  probedAtMs: number
  probeSeq: number
}

const nothing = (): Facts => ({
  inFlight: 0,
  startSumMs: 0,
  cost: 0,
  costAtMs: -1,
  succeeded: 0,
  failed: 0,
  latencySumMs: 0,
  utilisation: 0,
  reportedQps: 0,
  reportedAtMs: -1,
  probedRif: 0,
  probedLatencyMs: 0,
  probedAtMs: -1,
  probeSeq: 0,
})

/** A picture of plain objects. */
export class TestPicture implements SlotPicture {
  readonly facts: Map<number, Facts> = new Map()

  of(slot: number): Facts {
    let facts = this.facts.get(slot)
    if (facts === undefined) this.facts.set(slot, (facts = nothing()))
    return facts
  }

  write(view: Parameters<SlotPicture['write']>[0], index: number, slot: number): void {
    const { startSumMs, ...facts } = this.of(slot)
    for (const [name, value] of Object.entries(facts)) view[name as keyof typeof facts][index] = value
    view.ageMs[index] = meanAgeMs(view.nowMs, facts.inFlight, startSumMs)
  }

  age(view: Parameters<SlotPicture['age']>[0], index: number, slot: number): void {
    const { inFlight, startSumMs } = this.of(slot)
    view.ageMs[index] = meanAgeMs(view.nowMs, inFlight, startSumMs)
  }
}

export const memberOf = (slot: number, more: Partial<Member> = {}): Member => {
  const address = `10.0.${slot >> 8}.${slot & 255}:80`
  return {
    slot,
    address,
    hash: endpointHash(address),
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
  }
}

export const members = (count: number, more: Partial<Member> = {}): Member[] =>
  Array.from({ length: count }, (_, slot) => memberOf(slot, more))

export const policyNamed = (name: string, options: PolicySpec['options'] = {}): PolicySpec => ({
  name,
  module: undefined,
  options,
})

/** A balancer with everything around it that a shard would give it. */
export class TestFleet {
  readonly picture: TestPicture = new TestPicture()
  readonly policies: PolicySource
  readonly balancer: Balancer
  readonly request: PickRequest = new PickRequest()
  readonly said: string[] = []
  faults = 0
  shadowFaults = 0
  /** Slots the shadow picked, and how often that was where the request went. */
  readonly shadowPicks: number[] = []
  agreed = 0
  nowMs = 1000
  spec: BalancerSpec
  plan: PlanSpec = { locality: clusterSpec().locality, panic: 0.5 }

  constructor(spec: Partial<BalancerSpec> = {}, seed = 1, policies: PolicySource = BUILT_IN) {
    this.policies = policies
    this.spec = { policy: DEFAULT_POLICY, shadow: undefined, ...spec }
    const events = {
      fault: () => void this.faults++,
      shadowFault: () => void this.shadowFaults++,
      say: (line: string) => void this.said.push(line),
      shadowPicked: (slot: number, agreed: boolean) => {
        this.shadowPicks.push(slot)
        if (agreed) this.agreed++
      },
    }
    this.balancer = new Balancer(
      { picture: this.picture, policies, events, seed: seededRng(seed) },
      this.spec,
    )
  }

  set(all: readonly Member[]): this {
    this.balancer.setMembers(planSets(all, this.plan), all, this.spec, this.nowMs)
    return this
  }

  /** Slot of a pick for `key`; the answer stands in `request`. */
  pick(key?: number, decision?: Decision): number {
    const { request } = this
    request.hasKey = key !== undefined
    request.key = key ?? 0
    return this.balancer.pick(request, this.nowMs, decision)
  }

  picks(count: number, keyOf?: (i: number) => number): number[] {
    return Array.from({ length: count }, (_, i) => this.pick(keyOf?.(i)))
  }
}
