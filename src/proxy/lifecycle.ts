import { defineTransitions } from '../base/transitions.ts'
import type { Transitions } from '../base/transitions.ts'

/**
 * The life of an exchange: one request and its response. Every other transition is a bug and throws.
 *
 *     begun ─▶ queued ─▶ trying ─▶ responding ─▶ done
 *        └───────────────▲  │ └──▶ tunnelling ─▶ done
 *                        └retry
 */
type State = 'begun' | 'queued' | 'trying' | 'responding' | 'tunnelling' | 'done'
type Event = 'queue' | 'try' | 'retry' | 'head' | 'switch' | 'finish'

export const LIFE: Transitions<State, Event> = defineTransitions('exchange', {
  begun: { queue: 'queued', try: 'trying', finish: 'done' },
  queued: { try: 'trying', finish: 'done' },
  trying: { retry: 'trying', head: 'responding', switch: 'tunnelling', finish: 'done' },
  responding: { finish: 'done' },
  tunnelling: { finish: 'done' },
  done: {},
})

export const STATE: Readonly<Record<State, number>> = LIFE.state
export const STEP: Readonly<Record<Event, number>> = LIFE.event

/**
 * The life of one try: the exchange's dealings with one endpoint. `replay` is a stale connection: the same endpoint, once more.
 *
 *     begun ─▶ queued ─▶ connecting ─▶ waiting ─▶ answering ─▶ over
 *        └───────┴──────────▲──▲          │
 *                           └──┴──replay──┘
 */
type TryState = 'begun' | 'queued' | 'connecting' | 'waiting' | 'answering' | 'over'
type TryEvent = 'queue' | 'connect' | 'sent' | 'head' | 'replay' | 'end'

export const TRY_LIFE: Transitions<TryState, TryEvent> = defineTransitions('try', {
  begun: { queue: 'queued', connect: 'connecting', sent: 'waiting', end: 'over' },
  queued: { connect: 'connecting', sent: 'waiting', end: 'over' },
  connecting: { sent: 'waiting', end: 'over' },
  waiting: { head: 'answering', replay: 'begun', end: 'over' },
  answering: { end: 'over' },
  over: {},
})

export const TRY: Readonly<Record<TryState, number>> = TRY_LIFE.state
export const TRY_STEP: Readonly<Record<TryEvent, number>> = TRY_LIFE.event
