import type { ClusterSpec, EndpointSpec } from '../config/snapshot.ts'
import type { AgentWord } from './agent-check.ts'
import { Precheck } from './checks.ts'
import { mayEject } from './ejection.ts'
import { EndpointLife } from './endpoint.ts'
import type { Wish } from './endpoint.ts'
import { RecentMax } from './latency.ts'
import { Member, Totals } from './member.ts'
import { DOUBT_AT, EJECT_AT, Evidence, TRUST_BELOW } from './outliers.ts'
import type { Cadence } from './schedule.ts'
import { Standings } from './standing.ts'
import { slowOnes } from './slow-ones.ts'
import type { HealthWorld, ProbeResult } from './world.ts'

/** Suspicion of which nothing can come any more. */
const NEGLIGIBLE = 0.01

/** What time alone changes (doubt that fades, slow starts that end) is looked for this often, ms. */
const WATCH_EVERY_MS = 100

/** The latency rule looks this often at least, ms; else as often as its window has buckets. */
const LATENCY_EVERY_MS = 1000

/**
 * The health of one cluster: who may be picked and why. Everything that happened is told it, the clock's reading with it; it tells
 * the sink what changed. Knows no thread, socket or timer.
 *
 * Laws: whatever is told in whatever order, every change of a state is one of `ENDPOINT_LIFE`; evidence never takes the last endpoint out
 * of service, nor more than the ejection budget; an ejected one is back after its time and `recoverAfter` passed probes in a row, not before.
 */
export class ClusterHealth {
  spec: ClusterSpec
  readonly #members = new Map<number, Member>()
  readonly #world: HealthWorld
  readonly #totals = new Totals()
  /** Those of whom time alone may change something. */
  readonly #watched = new Set<Member>()
  #precheck: Precheck
  #latencyDueMs = -Infinity
  #watchDueMs = -Infinity
  readonly #standing = new Standings()
  /** How long whole answers take, at most. */
  #longest: RecentMax

  constructor(spec: ClusterSpec, world: HealthWorld, proven: boolean) {
    this.spec = spec
    this.#world = world
    this.#precheck = new Precheck(proven)
    this.#longest = new RecentMax(spec.outliers.latency?.windowMs ?? 0)
  }

  get members(): IterableIterator<Member> {
    return this.#members.values()
  }

  member(slot: number): Member | undefined {
    return this.#members.get(slot)
  }

  /** The configuration is another now. What was learned of endpoints that stay, stays; a probe that became another must prove itself anew. */
  respec(spec: ClusterSpec): void {
    const before = this.spec
    this.spec = spec
    if (!same(before.health?.probe, spec.health?.probe)) this.#precheck = new Precheck(false)
    const rulesChanged = !same(before.outliers, spec.outliers)
    if (rulesChanged) this.#longest = new RecentMax(spec.outliers.latency?.windowMs ?? 0)
    for (const member of this.#members.values())
      if (rulesChanged) member.evidence = new Evidence(spec.outliers, -Infinity)
  }

  /** An endpoint of the configuration that has a life already. */
  adopt(spec: EndpointSpec, life: EndpointLife): Member {
    const member = new Member(spec, life, this.spec.outliers)
    this.#members.set(spec.id, member)
    this.#watched.add(member)
    const { weight } = this.#world.admin(spec)
    if (!Number.isNaN(weight)) member.weight = weight
    this.#standing.update(member)
    return member
  }

  /** An endpoint that came by a reload: it warms up. */
  welcome(spec: EndpointSpec, nowMs: number): Member {
    const member = this.adopt(spec, new EndpointLife(nowMs))
    const { slowStart } = this.spec
    if (slowStart !== undefined) member.life.grew(0, 'new', slowStart, nowMs)
    return member
  }

  remove(slot: number): void {
    const member = this.#members.get(slot)
    if (member === undefined) return
    this.#watched.delete(member)
    this.#standing.remove(member)
    this.#members.delete(slot)
  }

  /** Heed the operator's present word, the endpoint's present specification, and the absence of checks. */
  heed(member: Member, spec: EndpointSpec, nowMs: number): void {
    member.spec = spec
    const { life } = member
    const { state, weight } = this.#world.admin(spec)
    this.#reweigh(member, Number.isNaN(weight) ? spec.weight : weight, nowMs)
    const agent = this.spec.health?.probe.kind === 'agent'
    if (!agent && life.wish.by === 'agent' && life.wish.state !== 'ready') this.#obey(member, READY, nowMs)
    if (state !== 'ready' || life.wish.by === 'operator') this.#obey(member, { state, by: 'operator' }, nowMs)
    if (this.spec.health === undefined && life.checksDown) {
      member.checks.down = false
      if (life.checksRose(this.spec, nowMs)) this.#returned(member, '', nowMs)
    }
  }

  failure(slot: number, fault: number, atMs: number, tookMs: number): void {
    const member = this.#members.get(slot)
    if (member === undefined) return
    this.#totals.failed++
    member.totals.failed++
    this.#watched.add(member)
    if (member.life.inService && member.evidence.failure(fault, atMs, tookMs)) this.#tripped(member, atMs)
  }

  response(
    slot: number,
    status: number,
    atMs: number,
    times: { firstByteMs: number; totalMs: number },
  ): void {
    const member = this.#members.get(slot)
    if (member === undefined) return
    const { firstByteMs, totalMs } = times
    this.#totals.answered(status, firstByteMs)
    member.totals.answered(status, firstByteMs)
    if (status >= 500) this.#watched.add(member)
    else this.#longest.note(atMs, totalMs)
    if (!member.life.inService) return
    if (member.evidence.response(status, atMs, firstByteMs, totalMs)) this.#tripped(member, atMs)
  }

  /** Time passed. */
  tick(nowMs: number): void {
    const { outliers, slowStart } = this.spec
    this.#judgeLatency(nowMs)
    if (nowMs < this.#watchDueMs) return
    this.#watchDueMs = nowMs + WATCH_EVERY_MS
    for (const member of this.#watched) {
      const { life } = member
      if (life.is('warming') && (slowStart === undefined || member.isWarm(slowStart, this.#totals, nowMs))) {
        life.warmed(nowMs)
        this.#changed(member, 'warmed up')
      }
      if (life.forgive(outliers, nowMs)) this.#changed(member, '')
      const suspicion = life.inService ? this.#weigh(member, nowMs) : 0
      const settled = life.is('ready') && life.ejections === 0 && suspicion < NEGLIGIBLE
      if (settled || life.is('down') || life.is('draining')) this.#watched.delete(member)
    }
  }

  /** How often to probe it now; undefined: not at all. */
  cadence(member: Member): Cadence | undefined {
    const { health, outliers } = this.spec
    const { life, checks } = member
    const recovering = life.is('quarantined')
    if (recovering) return { intervalMs: outliers.recoverIntervalMs, spread: health?.spread ?? 0.2 }
    if (health === undefined) return undefined
    const { intervalMs, downIntervalMs, spread } = health
    return { intervalMs: checks.unsettled ? Math.min(downIntervalMs, intervalMs) : intervalMs, spread }
  }

  /** A probe of this cluster's present configuration came back. */
  probed(slot: number, result: ProbeResult, nowMs: number): void {
    const member = this.#members.get(slot)
    if (member === undefined) return
    const { health } = this.spec
    if (result.passed) this.#precheck.proven = true
    if (health !== undefined) this.#checked(member, result, nowMs)
    if (result.agent !== undefined) this.#heedAgent(member, result.agent, nowMs)
    const { life } = member
    if (!life.is('quarantined') || nowMs < life.ejectedUntilMs) return
    if (!member.recovery.note(result.passed, this.spec.outliers.recoverAfter) || life.checksDown) return
    life.recover(this.spec, nowMs)
    this.#returned(member, '', nowMs)
  }

  #checked(member: Member, { passed, detail, absent = false }: ProbeResult, nowMs: number): void {
    const { health } = this.spec
    if (health === undefined) return
    const turn = member.checks.note(passed, health.rise, health.fall)
    if (turn === 'rose' && member.life.checksRose(this.spec, nowMs)) this.#returned(member, '', nowMs)
    if (turn !== 'fell') return
    const warn = (): void =>
      this.#world.sink.warn(
        this.spec,
        `its health check fails at ${member.spec.address} (${detail}) and has passed nowhere yet: nobody is taken out by it`,
      )
    if (health.precheck && this.#precheck.spares(warn)) member.checks.spare()
    else if (member.life.checksFell(absent, nowMs)) this.#changed(member, detail)
  }

  #heedAgent(member: Member, word: AgentWord, nowMs: number): void {
    const { share, weight, wish } = word
    const said = share ?? (weight === undefined ? undefined : weight / Math.max(1, member.weight))
    if (said !== undefined && Math.min(1, said) !== member.share) {
      member.share = Math.min(1, said)
      this.#changed(member, word.why)
    }
    const { life } = member
    const operatorRules = life.wish.by === 'operator' && life.wish.state !== 'ready'
    if (wish === undefined || operatorRules) return
    const state = wish === 'maint' ? 'down' : wish
    this.#obey(member, { state, by: 'agent' }, nowMs, word.why)
  }

  #obey(member: Member, wish: Wish, nowMs: number, detail = ''): void {
    const { life } = member
    const wasOut = !life.inService
    if (!life.obey(wish, this.spec, nowMs)) return
    if (wasOut && life.inService) this.#returned(member, detail, nowMs)
    else this.#changed(member, detail)
  }

  #reweigh(member: Member, weight: number, nowMs: number): void {
    const before = member.weight
    if (weight === before) return
    member.weight = weight
    this.#standing.update(member)
    const { slowStart } = this.spec
    if (weight <= before || slowStart === undefined || !member.life.inService) return
    const passed = (nowMs - member.life.sinceMs) / Math.max(1, slowStart.windowMs)
    const warmth = member.life.is('warming')
      ? Math.min(1, Math.max(0, passed) ** (1 / slowStart.aggression))
      : 1
    member.life.grew((before / weight) * warmth, 'its weight grew', slowStart, nowMs)
    this.#changed(member, '')
  }

  /** A rule tripped: out with it, if the budget allows and the class weighs enough. */
  #tripped(member: Member, atMs: number): void {
    const { life, evidence } = member
    const { sink, rng } = this.#world
    const { outliers } = this.spec
    if (!life.inService || !member.counts || evidence.suspicion(atMs) < EJECT_AT - 1e-9) return
    const ground = evidence.ground(atMs)
    if (!mayEject(this.#standing, outliers.maxEjected)) {
      sink.refusedByBudget()
      if (life.doubt('ejection budget is used up', atMs)) this.#changed(member, ground.reason)
      return
    }
    life.eject(ground, outliers, { rng, nowMs: atMs })
    member.recovery.reset()
    sink.ejected(life.reason)
    this.#changed(member, ground.detail)
  }

  /** Doubt and trust. */
  #weigh(member: Member, nowMs: number): number {
    const { life, evidence } = member
    const suspicion = evidence.suspicion(nowMs)
    const changed =
      suspicion >= DOUBT_AT
        ? life.is('ready') && life.doubt(evidence.ground(nowMs).reason, nowMs)
        : suspicion < TRUST_BELOW && life.trust(nowMs)
    if (changed) this.#changed(member, '')
    return suspicion
  }

  #judgeLatency(nowMs: number): void {
    const rule = this.spec.outliers.latency
    if (rule === undefined || nowMs < this.#latencyDueMs) return
    this.#latencyDueMs = nowMs + Math.min(LATENCY_EVERY_MS, rule.windowMs / 30)
    const clock = { nowMs, longestMs: this.#longest.at(nowMs) }
    for (const { member, detail } of slowOnes(this.#members.values(), rule, this.#world, clock)) {
      member.evidence.slow(nowMs, detail)
      this.#tripped(member, nowMs)
    }
  }

  #returned(member: Member, detail: string, nowMs: number): void {
    member.anew(nowMs)
    this.#changed(member, detail)
  }

  #changed(member: Member, detail: string): void {
    this.#standing.update(member)
    this.#watched.add(member)
    this.#world.sink.changed(this.spec, member, detail)
  }
}

const READY: Wish = { state: 'ready', by: 'agent' }

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
