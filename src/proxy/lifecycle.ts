import { defineTransitions } from '../base/transitions.ts'
import type { Transitions } from '../base/transitions.ts'

/**
 * The life of an exchange: one request and its response. Every other transition is a bug and throws.
 *
 *     begun ─▶ queued ─▶ connecting ─▶ waiting ─▶ responding ─▶ done
 *        └───────┴──────────▲──▲          │  └─▶ tunnelling ─▶ done
 *                           └──┴──retry───┘
 */
type State = 'begun' | 'queued' | 'connecting' | 'waiting' | 'responding' | 'tunnelling' | 'done'
type Event = 'queue' | 'connect' | 'sent' | 'head' | 'switch' | 'finish' | 'retry'

export const LIFE: Transitions<State, Event> = defineTransitions('exchange', {
  begun: { queue: 'queued', connect: 'connecting', sent: 'waiting', finish: 'done' },
  queued: { connect: 'connecting', sent: 'waiting', finish: 'done' },
  connecting: { sent: 'waiting', finish: 'done' },
  waiting: { head: 'responding', switch: 'tunnelling', retry: 'begun', finish: 'done' },
  responding: { finish: 'done' },
  tunnelling: { finish: 'done' },
  done: {},
})

export const STATE: Readonly<Record<State, number>> = LIFE.state
export const STEP: Readonly<Record<Event, number>> = LIFE.event
