/** What a supervisor knows of a child before it lives. */
export type ChildSpec = {
  readonly id: string
  /** Children of stage n are first started when all of stage n-1 are up, and stopped before they are. */
  readonly stage: number
  readonly backoff: Backoff
}

/** How long to wait before the n-th restart in a row: `first · factor^(n-1)`, at most `max`, shortened by up to `jitter` of itself. */
export type Backoff = {
  readonly firstMs: number
  readonly maxMs: number
  readonly factor: number
  /** 0…1: two children that died of one cause must not come back in step. */
  readonly jitter: number
  /** A child that was up this long is taken for healthy: its next restart is the first in a row again. */
  readonly calmMs: number
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 50, maxMs: 10_000, factor: 2, jitter: 0.5, calmMs: 30_000 }

/** `restarts` in a row so far, this one not counted; `random` in [0, 1). */
export function backoffMs(backoff: Backoff, restarts: number, random: number): number {
  const full = Math.min(backoff.maxMs, backoff.firstMs * backoff.factor ** restarts)
  return full * (1 - backoff.jitter * random)
}

/**
 * ```text
 *  idle ─▶ starting ─▶ up          up, starting ─ended─▶ waiting ─due─▶ starting
 *  up, starting ─stop─▶ stopping ─ended─▶ stopped         idle, waiting ─stop─▶ stopped
 * ```
 */
export type ChildPhase = 'idle' | 'starting' | 'up' | 'waiting' | 'stopping' | 'stopped'

export type ChildStatus = {
  readonly id: string
  readonly phase: ChildPhase
  /** Counts up with every spawn; 0 = never spawned. Names one life of the child, so that news of an earlier one is recognised. */
  readonly incarnation: number
  /** Restarts since the beginning. */
  readonly restarts: number
}
