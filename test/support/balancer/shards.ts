import { PickRequest } from '../../../src/balance/pick-request.ts'
import { BUILT_IN } from '../../../src/balance/policy-source.ts'
import { seededRng } from '../../../src/base/random.ts'
import type { ClusterSpec } from '../../../src/config/snapshot.ts'
import { ADMIN_STATES, ENDPOINT_STATE, HEALTH_REASON } from '../../../src/health/states.ts'
import type { AdminState, EndpointState, HealthReason } from '../../../src/health/states.ts'
import { zeroStripe } from '../../../src/shm/fleet.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import { HealthVoice, MainVoice } from '../../../src/shm/other-voices.ts'
import { AdminWord, Verdict } from '../../../src/shm/tables.ts'
import { FoldRecorder } from '../../../src/telemetry/fold-recorder.ts'
import { ShardRecorder } from '../../../src/telemetry/recorder.ts'
import { ClusterBalancing } from '../../../src/upstream/balancing.ts'
import { FleetFacts } from '../../../src/upstream/fleet-facts.ts'
import { makeFleet } from '../sim-shard.ts'

/** A shard's balancing of one cluster, over the fleet's memory, without the shard. */
class BalancingShard {
  readonly facts: FleetFacts
  readonly balancing: ClusterBalancing
  readonly request: PickRequest = new PickRequest()
  readonly #recorder: ShardRecorder

  constructor(fleet: Fleet, shard: number, spec: ClusterSpec, nowMs: number) {
    const rng = seededRng(shard + 1)
    this.#recorder = new ShardRecorder(fleet, shard, rng)
    this.facts = new FleetFacts(fleet, shard, new FoldRecorder(fleet, shard))
    const events = { fault: () => {}, shadowFault: () => {}, shadowPicked: () => {}, say: () => {} }
    this.balancing = new ClusterBalancing({ facts: this.facts, policies: BUILT_IN, events, seed: rng }, spec)
    this.balancing.apply(spec, nowMs)
  }

  pick(nowMs: number): number {
    return this.balancing.pick(this.request, nowMs)
  }

  picks(count: number, nowMs: number): number[] {
    return Array.from({ length: count }, () => this.pick(nowMs))
  }

  began(spec: ClusterSpec, slot: number, nowMs: number): void {
    this.#recorder.picked(spec.id, slot)
    this.balancing.began(endpointOf(spec, slot), nowMs)
  }
}

const endpointOf = (spec: ClusterSpec, slot: number): ClusterSpec['endpoints'][number] => {
  const endpoint = spec.endpoints.find(({ id }) => id === slot)
  if (endpoint === undefined) throw new Error(`no endpoint in slot ${slot}`)
  return endpoint
}

/** Some shards, a health actor and an operator, over one fleet, one turn after another. */
export class BalancingFleet {
  readonly fleet: Fleet
  readonly shards: BalancingShard[]
  nowMs = 1_000_000
  spec: ClusterSpec
  readonly #health: HealthVoice
  readonly #main: MainVoice

  constructor(spec: ClusterSpec, shards = 2) {
    this.spec = spec
    this.fleet = makeFleet(shards)
    this.#health = new HealthVoice(this.fleet)
    this.#main = new MainVoice(this.fleet)
    this.shards = Array.from(
      { length: shards },
      (_, shard) => new BalancingShard(this.fleet, shard, spec, this.nowMs),
    )
    this.turn(0)
  }

  /** Time passes; every shard's batch ends and its next one begins. */
  turn(ms = 1): void {
    this.nowMs += ms
    for (const { facts } of this.shards) facts.voice.flush(this.nowMs)
    for (const { facts, balancing } of this.shards) {
      facts.hear(this.nowMs)
      balancing.turn(this.nowMs)
    }
  }

  apply(spec: ClusterSpec): void {
    this.spec = spec
    for (const { balancing } of this.shards) balancing.apply(spec, this.nowMs)
  }

  verdict(slot: number, state: EndpointState, reason: HealthReason, more: Partial<Verdict> = {}): void {
    const verdict = Object.assign(new Verdict(), { sinceMs: this.nowMs, ...more })
    verdict.state = ENDPOINT_STATE[state]
    verdict.reason = HEALTH_REASON[reason]
    this.#health.nowMs = this.nowMs
    this.#health.verdict(slot, verdict)
  }

  admin(slot: number, state: AdminState, weight: number = Number.NaN): void {
    const word = new AdminWord()
    word.state = ADMIN_STATES.indexOf(state)
    word.weight = weight
    this.#main.nowMs = this.nowMs
    this.#main.admin(slot, word)
  }

  /** A shard dies, and its successor begins with what the fleet remembers. */
  restart(shard: number): void {
    zeroStripe(this.fleet, shard)
    this.shards[shard] = new BalancingShard(this.fleet, shard, this.spec, this.nowMs)
  }

  began(shard: number, slot: number): void {
    this.shards[shard]!.began(this.spec, slot, this.nowMs)
  }
}
