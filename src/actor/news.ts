import type { ChildSpec, RestartLimits } from './child.ts'

/** What a supervisor is told (`supervisor.ts`). */
export type News =
  | { readonly kind: 'start' }
  /** The child's own start is done. */
  | { readonly kind: 'up'; readonly id: string; readonly incarnation: number }
  /** The life is over, and nothing of it runs any more. `normal`: it had done its work. */
  | { readonly kind: 'ended'; readonly id: string; readonly incarnation: number; readonly normal: boolean }
  /** Time passed: restarts may be due. */
  | { readonly kind: 'tick' }
  /** Replace a child that is up in good order: no death, no pause. Anybody else is left alone. */
  | { readonly kind: 'restart'; readonly id: string }
  /** A further child. While the tree runs it is started at once. */
  | { readonly kind: 'add'; readonly spec: ChildSpec }
  /** A child that is not wanted any more. */
  | { readonly kind: 'remove'; readonly id: string }
  | { readonly kind: 'configure'; readonly limits: RestartLimits }
  | { readonly kind: 'stop' }

/** Why a life is to end: the program stops, it is replaced, it is not wanted any more, one it depends on died. */
export type EndReason = 'stop' | 'replace' | 'remove' | 'depends'

/** What it wants done. */
export type Decision =
  | { readonly kind: 'spawn'; readonly id: string; readonly incarnation: number }
  | { readonly kind: 'terminate'; readonly id: string; readonly incarnation: number; readonly why: EndReason }
  /** Said for people: the child will be spawned again after the delay. */
  | { readonly kind: 'restart-in'; readonly id: string; readonly delayMs: number }
  /** Every child is up for the first time. */
  | { readonly kind: 'started' }
  /** The first start failed because of this child; the others are being stopped. */
  | { readonly kind: 'failed'; readonly id: string }
  /** A child that was not wanted any more is gone. */
  | { readonly kind: 'removed'; readonly id: string }
  /** This child's death was one too many; all are being stopped. Whoever supervises the supervisor decides. */
  | { readonly kind: 'gave-up'; readonly id: string }
  | { readonly kind: 'stopped' }
