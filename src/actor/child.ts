/**
 * What a supervisor knows of a child before it lives, in OTP's terms (Erlang/OTP, Design Principles: Supervisor Behaviour).
 */
export type ChildSpec = {
  readonly id: string
  /** Children of stage n are first started when all of stage n-1 are up, and stopped before they are. */
  readonly stage: number
  /** `permanent`: whatever ended it, it comes back. `transient`: unless it ended normally. */
  readonly restart: 'permanent' | 'transient'
  /** Children of one group share a strategy. */
  readonly group: string
}

/**
 * What the death of one child means for the others of its group. `one-for-one`: nothing. `rest-for-one`: those after it (by stage, then as listed)
 * are ended in reverse order, and come back in order behind it.
 */
export type Strategy = 'one-for-one' | 'rest-for-one'

/** How children come back. */
export type RestartLimits = {
  /** Restarts of all children together within `withinMs`; one more, and the supervisor gives up. */
  readonly maxRestarts: number
  readonly withinMs: number
  readonly backoff: Backoff
}

export type Backoff = { readonly firstMs: number; readonly maxMs: number }

export type SupervisorSpec = {
  readonly children: readonly ChildSpec[]
  /** By group; `one-for-one` if absent. */
  readonly strategies?: Readonly<Record<string, Strategy>>
  readonly limits: RestartLimits
}

/** The bound of the pause before a restart, of which there were `streak` in a row already. */
export function boundMs(backoff: Backoff, streak: number): number {
  return Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(streak, 60)) // 0 · ∞ is no number
}

/**
 * The pause itself: evenly at random below the bound (full jitter: M. Brooker, "Exponential Backoff And Jitter", 2015), so that children which
 * died of one cause do not come back in step. `random` in [0, 1).
 */
export function backoffMs(backoff: Backoff, streak: number, random: number): number {
  return random * boundMs(backoff, streak)
}

/** A life shorter than this never breaks a row of restarts, ms: whoever dies so soon after its start dies of its start. */
const LEAST_CALM_MS = 500

/** How long a life must last for the next restart to be the first in a row again. */
export function calmMs(backoff: Backoff, streak: number): number {
  return Math.max(LEAST_CALM_MS, boundMs(backoff, streak))
}

/**
 * ```text
 *  idle ─▶ starting ─▶ up                               idle ─added behind one that is not up─▶ held
 *  up, starting ─ended─▶ waiting ─due─▶ starting       ─ended normally, transient─▶ done
 *  up ─restart─▶ replacing ─ended─▶ starting
 *  up, starting ─an earlier one of its group ended─▶ yielding ─ended─▶ held ─its turn─▶ starting
 *  up, starting ─remove─▶ leaving ─ended─▶ (gone)
 *  up, starting ─stop─▶ stopping ─ended─▶ stopped      idle, waiting, held, done ─stop─▶ stopped
 * ```
 */
export type ChildPhase =
  | 'idle'
  | 'starting'
  | 'up'
  | 'waiting'
  | 'replacing'
  | 'yielding'
  | 'held'
  | 'leaving'
  | 'done'
  | 'stopping'
  | 'stopped'

export type ChildStatus = {
  readonly id: string
  readonly phase: ChildPhase
  /** Counts up with every spawn; 0 = never spawned. Names one life of the child, so that news of an earlier one is recognised. */
  readonly incarnation: number
  /** Lives beyond the first, since the beginning: after a death, or in good order. */
  readonly restarts: number
  /** Ends nobody asked for. */
  readonly deaths: number
}
