import type { Rng } from '../base/random.ts'
import type { OutlierSpec, SlowStartSpec } from '../config/snapshot.ts'
import type { Verdict } from '../shm/tables.ts'
import { ejectionsLeft, ejectionTimeMs } from './ejection.ts'
import type { Ground } from './outliers.ts'
import { ENDPOINT_LIFE, ENDPOINT_STATE, HEALTH_REASON, HEALTH_REASONS } from './states.ts'
import type { AdminState, EndpointEvent, EndpointState, HealthReason } from './states.ts'

/** What somebody wants of an endpoint, and who. */
export type Wish = { readonly state: AdminState; readonly by: 'operator' | 'agent' }

const WISH_REASON = {
  drain: { operator: 'an operator drains it', agent: 'its agent drains it' },
  down: { operator: 'an operator took it down', agent: 'its agent took it down' },
} as const

export type EndpointRules = {
  readonly outliers: OutlierSpec
  readonly slowStart: SlowStartSpec | undefined
}

/**
 * One endpoint's life under `ENDPOINT_LIFE`: what the checks, the evidence, the operator and the agent say becomes one state with its
 * reason and since when. All of it stands in the endpoint's verdict row, from which a successor goes on (haproxy #918, #2085; caddy #6410).
 *
 * Precedence: operator and agent over checks over evidence. Whoever comes back into service, for whatever reason, comes through `warming`; without slow start
 * that lasts no time.
 */
export class EndpointLife {
  state: number = ENDPOINT_STATE.ready
  reason: number = HEALTH_REASON['nothing speaks against it']
  sinceMs: number
  /** Ejections that still count: the next one lasts `ejectionMs` times one more. */
  ejections = 0
  /** Until when an ejected one stays out at least; 0: it is not ejected. */
  ejectedUntilMs = 0
  /** What its checks last proved. */
  checksDown = false
  wish: Wish = { state: 'ready', by: 'operator' }
  /** Since when its ejections decay. */
  #behavedFromMs: number

  constructor(nowMs: number) {
    this.sinceMs = nowMs
    this.#behavedFromMs = nowMs
  }

  /** Go on with what a predecessor decided. */
  resume(row: Verdict): void {
    this.state = row.state
    this.reason = row.reason
    this.sinceMs = row.sinceMs
    this.ejections = row.ejections
    this.ejectedUntilMs = row.ejectedUntilMs
    const reason = HEALTH_REASONS[row.reason]
    this.checksDown = reason === 'checks fail' || reason === 'checks cannot connect'
    for (const state of ['drain', 'down'] as const) {
      for (const by of ['operator', 'agent'] as const)
        if (WISH_REASON[state][by] === reason) this.wish = { state, by }
    }
  }

  is(state: EndpointState): boolean {
    return this.state === ENDPOINT_STATE[state]
  }

  /** It may be picked. */
  get inService(): boolean {
    return this.is('ready') || this.is('warming') || this.is('suspect')
  }

  /** Its checks decided its state: so they passed before. */
  get isByChecks(): boolean {
    const reason = HEALTH_REASONS[this.reason]
    return reason === 'checks fail' || reason === 'checks cannot connect' || reason === 'checks pass'
  }

  /** Signs came that do not suffice, or may not have their way. */
  doubt(reason: HealthReason, nowMs: number): boolean {
    if (this.is('ready')) return this.#fire('doubt', reason, nowMs)
    if (!this.is('suspect') || this.reason === HEALTH_REASON[reason]) return false
    this.reason = HEALTH_REASON[reason]
    return true
  }

  trust(nowMs: number): boolean {
    return this.is('suspect') && this.#fire('trust', 'nothing speaks against it', nowMs)
  }

  /** Into quarantine; the n-th time in a row for n times as long. */
  eject(ground: Ground, outliers: OutlierSpec, world: { readonly rng: Rng; readonly nowMs: number }): void {
    const { rng, nowMs } = world
    this.#fire('eject', ground.reason, nowMs)
    this.ejections++
    this.ejectedUntilMs = nowMs + ejectionTimeMs(outliers, this.ejections, rng)
  }

  /** Its recovery probes passed. */
  recover(rules: EndpointRules, nowMs: number): void {
    this.#fire('recover', 'recovered', nowMs)
    this.#warm(rules, nowMs)
  }

  /** `absent`: for want of anybody to connect to. */
  checksFell(absent: boolean, nowMs: number): boolean {
    this.checksDown = true
    return this.inService && this.#fire('fail', absent ? 'checks cannot connect' : 'checks fail', nowMs)
  }

  checksRose(rules: EndpointRules, nowMs: number): boolean {
    this.checksDown = false
    if (!this.is('down') || this.wish.state !== 'ready') return false
    this.#fire('recover', 'checks pass', nowMs)
    return this.#warm(rules, nowMs)
  }

  /** New, or grown from `share` of its present weight (0…1): it goes on where slow start would have brought it to that share, so its weight does not fall. */
  grew(share: number, reason: HealthReason, slowStart: SlowStartSpec, nowMs: number): void {
    this.#fire('reweigh', reason, nowMs)
    if (slowStart.by === 'time') this.sinceMs = nowMs - slowStart.windowMs * share ** slowStart.aggression
  }

  warmed(nowMs: number): void {
    this.#fire('warmed', HEALTH_REASONS[this.reason] ?? 'recovered', nowMs)
  }

  /** What operator and agent want now. */
  obey(wish: Wish, rules: EndpointRules, nowMs: number): boolean {
    const { state, by } = wish
    if (state === this.wish.state && by === this.wish.by) return false
    const was = this.wish.state
    this.wish = wish
    if (state === 'drain') return this.#fire('drain', WISH_REASON.drain[by], nowMs)
    if (state === 'down') return this.#fire('disable', WISH_REASON.down[by], nowMs)
    if (was === 'ready') return false
    if (!this.checksDown) {
      this.#fire('enable', by === 'operator' ? 'an operator enabled it' : 'recovered', nowMs)
      return this.#warm(rules, nowMs)
    }
    if (this.is('draining')) return this.#fire('fail', 'checks fail', nowMs)
    this.reason = HEALTH_REASON['checks fail']
    this.sinceMs = nowMs
    return true
  }

  /** Ejections are forgiven while it behaves. Whether one was. */
  forgive(outliers: OutlierSpec, nowMs: number): boolean {
    if (this.ejections === 0 || !this.inService) return false
    const left = ejectionsLeft(this.ejections, nowMs - this.#behavedFromMs, outliers.ejectionMs)
    if (left === this.ejections) return false
    this.ejections = left
    this.#behavedFromMs = nowMs
    return true
  }

  #warm({ slowStart }: EndpointRules, nowMs: number): true {
    this.#behavedFromMs = nowMs
    if (slowStart === undefined) this.warmed(nowMs)
    return true
  }

  #fire(event: EndpointEvent, reason: HealthReason, nowMs: number): true {
    this.state = ENDPOINT_LIFE.next(this.state, ENDPOINT_LIFE.event[event])
    this.reason = HEALTH_REASON[reason]
    this.sinceMs = nowMs
    if (!this.is('quarantined')) this.ejectedUntilMs = 0
    return true
  }
}
