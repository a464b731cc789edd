import type { Backoff } from '../actor/child.ts'
import type { Ending, MasterDecision, Order, Role } from './master-news.ts'

export type MasterLimits = {
  /** For an upgrade, from the signal until it is ready. */
  readonly upgradeMs: number
  /** Pauses between deaths in a row, the first aside, which has none. */
  readonly backoff: Backoff
  /** Lives that served so long begin the row anew. */
  readonly calmMs: number
}

export const MASTER_LIMITS: MasterLimits = {
  upgradeMs: 60_000,
  backoff: { firstMs: 200, maxMs: 10_000 },
  calmMs: 10_000,
}

/** Told to end before it has told how long that takes. */
const EARLY_GRACE_MS = 10_000

/** `admitted`: it was told to accept. `retiring`, `stopping`: it was told to end. */
type Phase = 'starting' | 'prepared' | 'admitted' | 'serving' | 'retiring' | 'stopping'

/** One data-plane process, as the master's machine has it. */
export type MasterLife = {
  readonly id: number
  readonly role: Role
  phase: Phase
  graceMs: number
  servesSinceMs: number
  /** It is killed if it lives then. */
  endByMs: number
}

export function newLife(id: number, role: Role): MasterLife {
  return { id, role, phase: 'starting', graceMs: EARLY_GRACE_MS, servesSinceMs: Infinity, endByMs: Infinity }
}

/** The program is being replaced. */
export type Replacement = {
  /** Undefined until the one that serves has said what to tell it. */
  upgrade: MasterLife | undefined
  byMs: number
  /** The one that serves was asked for its last word. */
  yielded: boolean
}

/** For people. */
export function told({ code, signal }: Ending): string {
  return signal ?? `exit code ${code}`
}

/** Of one that served. */
export function epitaph(ending: Ending): string {
  const hint = ending.signal === 'SIGKILL' ? ' (unless a person did that, memory was short: see dmesg)' : ''
  return `weir: the data plane has ended (${told(ending)}); its listening sockets are held, nobody is refused${hint}`
}

/** What is wanted done, in order. */
export class Decisions {
  readonly made: MasterDecision[] = []

  add(decision: MasterDecision): void {
    this.made.push(decision)
  }

  order(life: MasterLife, order: Order): void {
    this.made.push({ kind: 'order', life: life.id, order })
  }

  kill(life: MasterLife): void {
    this.made.push({ kind: 'kill', life: life.id })
  }

  say(line: string): void {
    this.made.push({ kind: 'say', line })
  }

  notify(state: 'ready' | 'reloading' | 'stopping' | 'down'): void {
    this.made.push({ kind: 'notify', state })
  }
}
