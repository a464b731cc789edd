import { defineTransitions } from '../base/transitions.ts'
import type { Transitions } from '../base/transitions.ts'

/**
 * The life of an endpoint, as the health actor decides it; every other transition is a bug and throws.
 *
 * | state | gets traffic | meaning |
 * |---|---|---|
 * | ready | yes | nothing speaks against it |
 * | suspect | yes | signs against it that do not suffice yet, or would exceed the ejection budget |
 * | quarantined | no | ejected for what its exchanges showed; only side-band probes reach it |
 * | warming | a growing share | new, recovered or reweighted: slow start |
 * | draining | no new ones | an operator or its agent drains it |
 * | down | no | active checks failed, or an operator or its agent took it down |
 *
 * Events: `doubt` and `trust` (signs came, went), `eject` (a rule and the budget say so), `fail` (checks fell), `recover` (checks or
 * recovery probes rose), `warmed` (slow start is over), `reweigh` (it is new, or its weight grew), `drain`, `disable` and `enable` (an operator, or its agent).
 *
 * What is not there, and why: a warming endpoint is not doubted, for trust would end its slow start; a quarantined one does not fail, for
 * rising again would end its ejection before its time.
 */
export type EndpointState = 'ready' | 'warming' | 'suspect' | 'quarantined' | 'draining' | 'down'
export type EndpointEvent =
  | 'doubt'
  | 'trust'
  | 'eject'
  | 'fail'
  | 'recover'
  | 'warmed'
  | 'reweigh'
  | 'drain'
  | 'disable'
  | 'enable'

const operator = { drain: 'draining', disable: 'down' } as const

export const ENDPOINT_LIFE: Transitions<EndpointState, EndpointEvent> = defineTransitions('endpoint', {
  ready: { ...operator, doubt: 'suspect', eject: 'quarantined', fail: 'down', reweigh: 'warming' },
  warming: { ...operator, eject: 'quarantined', fail: 'down', reweigh: 'warming', warmed: 'ready' },
  suspect: { ...operator, trust: 'ready', eject: 'quarantined', fail: 'down', reweigh: 'warming' },
  quarantined: { ...operator, recover: 'warming' },
  draining: { drain: 'draining', disable: 'down', enable: 'warming', fail: 'down' },
  down: { drain: 'draining', disable: 'down', enable: 'warming', recover: 'warming' },
})

/** As stored in verdict rows and records: `ready` is 0, what untouched memory says. */
export const ENDPOINT_STATE: Readonly<Record<EndpointState, number>> = ENDPOINT_LIFE.state
export const ENDPOINT_STATES: readonly EndpointState[] = ENDPOINT_LIFE.states

/** Why an endpoint is in its state. Index = as stored. */
export const HEALTH_REASONS = [
  'nothing speaks against it',
  'checks pass',
  'checks fail',
  'consecutive connection failures',
  'consecutive HTTP errors',
  'ratio of HTTP errors',
  'latency above the cluster',
  'ejection budget is used up',
  'an operator drains it',
  'an operator took it down',
  'an operator enabled it',
  'new',
  'recovered',
  'its weight grew',
  'its agent drains it',
  'its agent took it down',
  'checks cannot connect',
] as const
export type HealthReason = (typeof HEALTH_REASONS)[number]

export const HEALTH_REASON: Readonly<Record<HealthReason, number>> = Object.fromEntries(
  HEALTH_REASONS.map((reason, index) => [reason, index]),
) as Record<HealthReason, number>

/** Nobody is there to be overwhelmed: not even a panic sends anybody to who is out for one of these, as long as others are left. */
export const ABSENT_REASONS: ReadonlySet<number> = new Set([
  HEALTH_REASON['consecutive connection failures'],
  HEALTH_REASON['checks cannot connect'],
])

/** What an operator wants of an endpoint. Index = as stored. */
export const ADMIN_STATES = ['ready', 'drain', 'down'] as const
export type AdminState = (typeof ADMIN_STATES)[number]
