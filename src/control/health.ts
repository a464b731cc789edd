import type { Rng } from '../base/random.ts'
import type { ClusterSpec, EndpointSpec, Snapshot } from '../config/snapshot.ts'
import { FleetHealth } from '../health/fleet.ts'
import type { ProbeOrder } from '../health/fleet.ts'
import { Happenings } from '../health/happenings.ts'
import type { Happening } from '../health/happenings.ts'
import type { Member } from '../health/member.ts'
import { ADMIN_STATES } from '../health/states.ts'
import { failOnPurpose } from '../io/fault.ts'
import type { Host } from '../io/host.ts'
import { probeOnce } from '../io/probe.ts'
import type { FaultKind } from '../proxy/control.ts'
import type { ActorLine, Fleet } from '../shm/fleet.ts'
import { FleetView } from '../shm/fleet-view.ts'
import type { FoldVisitor } from '../shm/fleet-view.ts'
import { OBSERVATION } from '../shm/observation.ts'
import { HealthVoice } from '../shm/other-voices.ts'
import { AdminWord, Verdict } from '../shm/tables.ts'
import { HealthCounters } from './health-counters.ts'
import { HealthLines } from './health-lines.ts'
import { AdaptiveLimits } from './health-limits.ts'
import { PrequalProbes } from './health-prequal.ts'
import type { HealthControl } from './protocol.ts'

export type HealthContext = {
  readonly fleet: Fleet
  readonly rng: Rng
  /** The machine's monotonic clock, ms. */
  readonly nowMs: () => number
  readonly watch: Host['watch']
  readonly say: (line: string) => void
}

/** Between two looks whether anybody has said anything, while they have, and at most when they have not, ms. */
const BUSY_MS = 20
const IDLE_MS = 100
/** Between two rounds when nobody has: what only time brings about is judged then. */
const SILENT_MS = 500

/**
 * The health actor: the one brain of the process that decides who may be picked. In each round it hears what the shards saw, lets the rules
 * judge (`src/health`), begins the probes that are due and says what changed. All it decided stands in the verdict rows,
 * so its successor goes on where it ended, and while there is none the shards go on by the last word.
 */
export class Health implements HealthControl, FoldVisitor {
  readonly #context: HealthContext
  readonly #view: FleetView
  readonly #voice: HealthVoice
  readonly #counters: HealthCounters
  readonly #lines: HealthLines
  readonly #line: ActorLine
  readonly #brain: FleetHealth
  readonly #limits: AdaptiveLimits
  readonly #prequal: PrequalProbes
  readonly #happenings = new Happenings()
  readonly #heard = new Set<number>()
  readonly #underWay = new Map<ProbeOrder, AbortController>()
  readonly #word = new AdminWord()
  readonly #verdict = new Verdict()
  readonly #known = new Map<number, number>()
  /** As `Host.watch` goes by it. */
  readonly #pace = new Float64Array([IDLE_MS, IDLE_MS, 0])
  #stopRounds: (() => void) | undefined
  #capped = 0
  #roundAtMs = 0

  constructor(context: HealthContext) {
    const { fleet, rng, nowMs, say } = context
    this.#context = context
    this.#view = new FleetView(fleet, 'health')
    this.#voice = new HealthVoice(fleet)
    this.#counters = new HealthCounters(fleet)
    this.#lines = new HealthLines(say)
    this.#line = fleet.actor('health')
    const inFlight = (slot: number): number => this.#view.inFlight[slot] ?? 0
    this.#brain = new FleetHealth({
      rng,
      inFlight,
      startSumMs: (slot) => this.#view.startSum[slot] ?? 0,
      admin: (endpoint) => this.#adminOf(endpoint),
      verdict: (endpoint) => this.#verdictOf(endpoint),
      cancel: (order) => this.#underWay.get(order)?.abort(),
      sink: {
        changed: (cluster, member, detail) => this.#changed(cluster, member, detail),
        warn: (cluster, message) => this.#lines.line(`${cluster.name}: ${message}`, nowMs()),
        ejected: (reason) => this.#counters.ejected(reason),
        refusedByBudget: () => this.#counters.add('refusedByBudget'),
      },
    })
    this.#limits = new AdaptiveLimits(this.#voice, rng)
    const world = { voice: this.#voice, counters: this.#counters, rng, nowMs, inFlight }
    this.#prequal = new PrequalProbes({ ...world, fleet: this.#brain })
  }

  fault(kind: FaultKind): void {
    failOnPurpose(kind)
  }

  /** Work by this snapshot from now on. The first one begins the rounds. */
  apply(snapshot: Snapshot): void {
    const nowMs = this.#context.nowMs()
    this.#voice.nowMs = nowMs
    this.#adopt(snapshot)
    this.#brain.apply(snapshot, nowMs)
    this.#limits.apply(snapshot, nowMs)
    this.#prequal.apply(snapshot)
    this.#round()
    this.#stopRounds ??= this.#context.watch(this.#pace, this.#view.heads, () => this.#round())
  }

  /** End: no probe goes on. */
  stop(): void {
    this.#stopRounds?.()
    this.#stopRounds = noop
    for (const control of this.#underWay.values()) control.abort()
    this.#prequal.stop()
  }

  record(_producer: number, words: Int32Array, doubles: Float64Array, at: number): void {
    const word0 = words[2 * at]!
    const slot = words[2 * at + 1]!
    const kind = word0 & 255
    if (kind === OBSERVATION.admin) this.#heard.add(slot)
    if (kind !== OBSERVATION.response && kind !== OBSERVATION.failure) return
    const happening = this.#happenings.add()
    happening.failed = kind === OBSERVATION.failure
    happening.slot = slot
    happening.code = happening.failed ? (word0 >>> 8) & 255 : word0 >>> 16
    happening.atMs = doubles[at + 2]!
    happening.firstByteMs = doubles[at + 3]!
    happening.totalMs = happening.failed ? doubles[at + 3]! : doubles[at + 4]!
  }

  /** Evidence was lost; what is needed to go on is in the columns, but an operator's word may have been among it. */
  lapped(_producer: number, lost: number): void {
    this.#counters.add('recordsLost', lost)
    for (const slot of this.#known.keys()) this.#heard.add(slot)
  }

  #round(): void {
    const nowMs = this.#context.nowMs()
    this.#roundAtMs = nowMs
    this.#voice.nowMs = nowMs
    this.#line.beat(nowMs)
    const records = this.#view.fold(nowMs, this)
    for (const slot of this.#heard) this.#brain.heed(slot, nowMs)
    this.#heard.clear()
    this.#happenings.drain((happening) => this.#happened(happening))
    this.#brain.tick(nowMs)
    this.#limits.tick(nowMs)
    this.#prequal.tick(nowMs)
    this.#view.clearDirty()
    this.#beginProbes(nowMs)
    this.#pace[0] = records > 0 ? BUSY_MS : Math.min(IDLE_MS, this.#pace[0]! + BUSY_MS)
    this.#plan()
  }

  /** The next round, if nobody says anything before. */
  #plan(): void {
    const isPaced = this.#limits.any || this.#prequal.any
    const dueMs = this.#brain.nextDueMs() - this.#roundAtMs
    this.#pace[1] = Math.max(BUSY_MS / 4, Math.min(isPaced ? this.#pace[0]! : SILENT_MS, dueMs))
  }

  #happened(happening: Happening): void {
    const { slot, code, atMs, firstByteMs, totalMs } = happening
    const place = this.#brain.endpoint(slot)
    if (place === undefined) return
    const { id } = place.cluster
    this.#prequal.request(id)
    if (happening.failed) return this.#brain.failure(slot, code, atMs, totalMs)
    if (code < 500) this.#limits.sample(id, firstByteMs, atMs - totalMs)
    this.#brain.response(slot, code, atMs, { firstByteMs, totalMs })
  }

  #beginProbes(nowMs: number): void {
    for (let order = this.#brain.nextProbe(nowMs); order !== undefined; order = this.#brain.nextProbe(nowMs))
      void this.#probe(order)
    this.#counters.add('capped', this.#brain.capped - this.#capped)
    this.#capped = this.#brain.capped
  }

  async #probe(order: ProbeOrder): Promise<void> {
    const { endpoint, probe, timeoutMs } = order
    const { address, configured } = endpoint
    const control = new AbortController()
    this.#underWay.set(order, control)
    const result = await probeOnce({ address, configured, probe, timeoutMs }, control.signal)
    this.#underWay.delete(order)
    const nowMs = this.#context.nowMs()
    this.#voice.nowMs = nowMs
    const counts = this.#brain.probed(order, result, nowMs)
    this.#counters.add(counts ? (result.passed ? 'passed' : 'failed') : 'cancelled')
    this.#plan()
  }

  /** Into its row and to everybody. */
  #changed(cluster: ClusterSpec, member: Member, detail: string): void {
    const { spec, life, share } = member
    const verdict = this.#verdict
    verdict.generation = spec.generation
    verdict.state = life.state
    verdict.reason = life.reason
    verdict.sinceMs = life.sinceMs
    verdict.ejections = life.ejections
    verdict.ejectedUntilMs = life.ejectedUntilMs
    verdict.share = share
    this.#voice.verdict(spec.id, verdict)
    this.#lines.changed(cluster, member, detail, this.#context.nowMs())
  }

  /** Hear of the tenants of the snapshot, and of nobody else. */
  #adopt({ clusters }: Snapshot): void {
    const tenants = clusters.flatMap(({ endpoints }) => endpoints)
    const kept = new Set(tenants.map(({ id }) => id))
    for (const slot of this.#known.keys()) {
      if (kept.has(slot)) continue
      this.#view.forget(slot)
      this.#known.delete(slot)
    }
    for (const { id, generation } of tenants) {
      if (this.#known.get(id) === generation) continue
      this.#known.set(id, generation)
      this.#view.adopt(id, generation, COST_DECAY_MS)
    }
    this.#lines.forget(kept)
  }

  #adminOf({ id, generation }: EndpointSpec): { state: (typeof ADMIN_STATES)[number]; weight: number } {
    const word = this.#word
    if (!this.#context.fleet.admin.read(id, word) || word.generation !== generation)
      return { state: 'ready', weight: NaN }
    return { state: ADMIN_STATES[word.state] ?? 'ready', weight: word.weight }
  }

  #verdictOf({ id, generation }: EndpointSpec): Verdict | undefined {
    const verdict = new Verdict()
    const isKnown = this.#context.fleet.verdicts.read(id, verdict) && verdict.generation === generation
    return isKnown ? verdict : undefined
  }
}

/** Nothing here heeds costs. */
const COST_DECAY_MS = 10_000

function noop(): void {}
