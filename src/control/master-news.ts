/** What the master is told and what it wants done (`master-machine.ts`). A life is one data-plane process, by its number. */

export type Ending = {
  /** Null: a signal ended it. */
  readonly code: number | null
  readonly signal: string | null
}

/** `first`: of the program. `restart`: the one before died. `upgrade`: it is to take the place of one that serves. */
export type Role = 'first' | 'restart' | 'upgrade'

export type MasterNews =
  | { readonly kind: 'start' }
  /** Everything of it is up, and it waits for the last word of the one before. Upgrades only. */
  | { readonly kind: 'prepared'; readonly life: number }
  /** It accepts. `graceMs`: how long it may take to stop, from when it is told. */
  | { readonly kind: 'ready'; readonly life: number; readonly graceMs: number }
  /** What it leaves to the next is told. */
  | { readonly kind: 'bequeathed'; readonly life: number }
  /** A reload came to its end, whatever end. */
  | { readonly kind: 'reloaded'; readonly life: number }
  /** The process is over and all it said was heard. */
  | { readonly kind: 'ended'; readonly life: number; readonly ending: Ending }
  | { readonly kind: 'signal'; readonly signal: MasterSignal }
  | { readonly kind: 'tick' }

export type MasterSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGUSR2'

/**
 * Told to a life. `bequeath`: say what the next one must know. `yield`: the same for the last time, and change nothing from now on;
 * `resume`: go on as if nothing had been asked. `admit`: accept now. `retire`: let go of the sockets, which others have too, drain, end. `stop`: drain, end.
 */
export type Order = 'bequeath' | 'yield' | 'resume' | 'admit' | 'retire' | 'stop' | 'reload'

export type MasterDecision =
  | { readonly kind: 'spawn'; readonly life: number; readonly role: Role }
  | { readonly kind: 'order'; readonly life: number; readonly order: Order }
  | { readonly kind: 'kill'; readonly life: number }
  | { readonly kind: 'say'; readonly line: string }
  /** For the service manager. `reloading`: something is being changed; `ready` when nothing is any more. */
  | { readonly kind: 'notify'; readonly state: 'ready' | 'reloading' | 'stopping' | 'down' }
  /** Give up the listening sockets: the program stops. */
  | { readonly kind: 'release' }
  | { readonly kind: 'exit'; readonly code: number }
