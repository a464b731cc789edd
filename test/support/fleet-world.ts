/** A fleet whose actors all run in this thread, one command after another, beside the model of what they said. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LoadReport } from '../../src/shm/beliefs.ts'
import { sumGauge, zeroStripe } from '../../src/shm/fleet.ts'
import type { Fleet } from '../../src/shm/fleet.ts'
import { FleetView } from '../../src/shm/fleet-view.ts'
import type { FoldVisitor } from '../../src/shm/fleet-view.ts'
import { GAUGE, GAUGE_WORDS } from '../../src/shm/layout.ts'
import type { OtherActor } from '../../src/shm/layout.ts'
import { HealthVoice, MainVoice } from '../../src/shm/other-voices.ts'
import { AdminWord, Verdict } from '../../src/shm/tables.ts'
import { Answer, FleetVoice } from '../../src/shm/voice.ts'
import { smallFleet } from './fleet.ts'
import { FleetModel } from './fleet-model.ts'

export const SHARDS = 3
export const SLOTS = 3
const CLUSTERS = 2
export const DECAY_MS = 1000

export type Viewer = number | OtherActor
/** The shards, the actor that speaks of verdicts, and one that only listens. */
export const VIEWERS: readonly Viewer[] = [0, 1, 2, 'health', 'telemetry']

const KINDS = [
  'begin',
  'begin',
  'end',
  'answer',
  'fail',
  'report',
  'probe',
  'healthReport',
  'healthProbe',
  'verdict',
  'admin',
  'limit',
  'tick',
  'flush',
  'fold',
  'flood',
  'die',
  'lateViewer',
] as const
export type Step = {
  readonly kind: (typeof KINDS)[number]
  readonly shard: number
  readonly slot: number
  readonly viewer: number
  readonly x: number
}

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    shard: fc.nat(SHARDS - 1),
    slot: fc.nat(SLOTS - 1),
    viewer: fc.nat(VIEWERS.length - 1),
    x: fc.integer({ min: 1, max: 1000 }),
  }),
  { maxLength: 120, size: 'max' },
)

export class FleetWorld {
  readonly fleet: Fleet = smallFleet({
    shards: SHARDS,
    endpoints: SLOTS,
    clusters: CLUSTERS,
    ringRecords: 32,
  })
  readonly model: FleetModel = new FleetModel(SHARDS)
  readonly views: Map<Viewer, FleetView> = new Map()
  readonly voices: FleetVoice[] = []
  readonly generations: number[] = Array.from({ length: SLOTS }, () => 0)
  nowMs = 1
  readonly #health: HealthVoice
  readonly #main: MainVoice

  constructor() {
    for (const viewer of VIEWERS) this.views.set(viewer, this.#newView(viewer))
    for (let shard = 0; shard < SHARDS; shard++) this.voices.push(this.#newVoice(shard))
    this.#health = new HealthVoice(this.fleet)
    this.#main = new MainVoice(this.fleet)
  }

  #newView(viewer: Viewer): FleetView {
    const view = new FleetView(this.fleet, viewer)
    for (const [slot, generation] of this.generations.entries()) view.adopt(slot, generation, DECAY_MS)
    for (let cluster = 0; cluster < CLUSTERS; cluster++) view.adoptCluster(cluster)
    return view
  }

  #newVoice(shard: number): FleetVoice {
    return new FleetVoice(this.fleet, shard, this.views.get(shard))
  }

  run({ kind, shard, slot, viewer, x }: Step): void {
    const voice = this.voices[shard]!
    for (const each of [voice, this.#health, this.#main]) each.nowMs = this.nowMs
    if (kind === 'begin') this.begin(shard, slot)
    else if (kind === 'end') this.end(shard, slot)
    else if (kind === 'tick') this.nowMs += x / 8
    else if (kind === 'flush') voice.flush(this.nowMs)
    else if (kind === 'fold') this.fold(VIEWERS[viewer]!)
    else if (kind === 'flood') for (let i = 0; i < 40; i++) this.#answer(shard, slot, x + i)
    else if (kind === 'die') this.die(shard)
    else if (kind === 'lateViewer') this.#lateViewer(VIEWERS[viewer]!)
    else if (kind === 'answer') this.#answer(shard, slot, x)
    else if (kind === 'fail') this.#fail(shard, slot, x)
    else this.#say(kind, shard, slot, x)
  }

  begin(shard: number, slot: number): void {
    this.fleet.stripe(shard).endpointGauges[slot * GAUGE_WORDS + GAUGE.inFlight]!++
    this.voices[shard]!.began(slot, this.generations[slot]!, this.nowMs)
    this.model.live.push({ shard, slot, startMs: this.nowMs })
  }

  /** The oldest exchange of the shard at the endpoint, if there is one. */
  end(shard: number, slot: number): void {
    const at = this.model.live.findIndex((exchange) => exchange.shard === shard && exchange.slot === slot)
    if (at === -1) return
    const [exchange] = this.model.live.splice(at, 1)
    this.fleet.stripe(shard).endpointGauges[slot * GAUGE_WORDS + GAUGE.inFlight]!--
    this.voices[shard]!.ended(slot, exchange!.startMs)
  }

  /** The shard dies where it stands, what it had not flushed unsaid; a successor starts from the columns. */
  die(shard: number): void {
    zeroStripe(this.fleet, shard)
    this.model.live = this.model.live.filter((exchange) => exchange.shard !== shard)
    this.views.set(shard, this.#newView(shard))
    this.voices[shard] = this.#newVoice(shard)
  }

  fold(viewer: Viewer, visitor?: FoldVisitor): void {
    this.views.get(viewer)!.fold(this.nowMs, visitor)
  }

  /** Everybody has said and heard everything. */
  settle(): void {
    for (const voice of this.voices) voice.flush(this.nowMs)
    for (const viewer of VIEWERS) this.fold(viewer)
  }

  /** A shard's voice must feed the view it has: a new view goes with a new voice. */
  #lateViewer(viewer: Viewer): void {
    if (typeof viewer === 'number') this.voices[viewer]?.flush(this.nowMs)
    this.views.set(viewer, this.#newView(viewer))
    if (typeof viewer === 'number') this.voices[viewer] = this.#newVoice(viewer)
  }

  #answer(shard: number, slot: number, x: number): void {
    const answer = new Answer()
    Object.assign(answer, { status: 200, firstByteMs: x / 2, totalMs: x, cost: x % 5 === 0 ? -1 : x })
    this.#know(shard, slot)
    this.voices[shard]!.answered(slot, answer)
    if (answer.cost >= 0)
      this.model.costs.set(this.model.key(shard, slot), { cost: answer.cost, at: this.nowMs })
  }

  #fail(shard: number, slot: number, x: number): void {
    this.#know(shard, slot)
    this.voices[shard]!.failed(slot, x % 7, x, 2 * x)
    this.model.costs.set(this.model.key(shard, slot), { cost: 2 * x, at: this.nowMs })
  }

  /** Whoever speaks of an endpoint had an exchange there. */
  #know(shard: number, slot: number): void {
    this.begin(shard, slot)
    this.end(shard, slot)
  }

  #say(kind: Step['kind'], shard: number, slot: number, x: number): void {
    const at = this.nowMs
    const tenant = { slot, generation: this.generations[slot]! }
    const numbers = { utilisation: x / 100, qps: x, eps: x / 1000 }
    const load = Object.assign(new LoadReport(), numbers)
    if (kind === 'report') {
      this.#know(shard, slot)
      this.voices[shard]!.report(slot, x % 2, load)
      this.model.reports.set(this.model.key(shard, slot), { at, source: x % 2, ...numbers })
    } else if (kind === 'probe') {
      this.#know(shard, slot)
      this.voices[shard]!.probed(slot, x, x / 3)
      this.model.probed(shard, slot, { at, rif: x, latencyMs: x / 3 })
    } else if (kind === 'healthReport') {
      this.#health.report(tenant, load)
      this.model.reports.set(this.model.key(SHARDS, slot), { at, source: 2, ...numbers })
    } else if (kind === 'healthProbe') {
      this.#health.probed(tenant, x, x / 7)
      this.model.probed(SHARDS, slot, { at, rif: x, latencyMs: x / 7 })
    } else this.#decree(kind, slot, x)
  }

  #decree(kind: Step['kind'], slot: number, x: number): void {
    const generation = this.generations[slot]!
    if (kind === 'verdict') {
      const facts = { state: x % 6, reason: x % 14, sinceMs: x, share: x / 1000, ejections: x % 4 }
      const said = { ...facts, ejectedUntilMs: 3 * x }
      this.#health.verdict(slot, Object.assign(new Verdict(), said, { generation }))
      this.model.verdicts.set(slot, said)
    } else if (kind === 'admin') {
      const said = { state: x % 3, weight: x % 4 === 0 ? Number.NaN : x }
      this.#main.admin(slot, Object.assign(new AdminWord(), said, { generation }))
      this.model.admin.set(slot, said)
    } else if (kind === 'limit') {
      const max = x % 9 === 0 ? Infinity : x
      this.#health.limit(slot % CLUSTERS, max)
      this.model.limits.set(slot % CLUSTERS, max)
    }
  }

  /** All gauges together = exchanges that live. */
  checkGauges(): void {
    for (let slot = 0; slot < SLOTS; slot++)
      assert.equal(
        sumGauge(this.fleet, 'endpointGauges', slot, GAUGE.inFlight),
        this.model.others(slot, -1).length,
      )
  }
}
