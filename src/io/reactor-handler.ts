/** A new client as the engine reports it. */
export type Accepted = {
  readonly fd: number
  readonly generation: number
  /** Listener id. */
  readonly token: number
  /** IP as text, or `unix:`. */
  readonly peer: string
  readonly port: number
}

/** What the reactor leaves to the shard. */
export interface ReactorHandler {
  onAccepted(accepted: Accepted): void
  /** Another thread nudged us: a connection slot may be free. */
  onWake(): void
  onExhausted(listenerFd: number, errno: number): void
  onTakenOver(fd: number, generation: number, tag: number): void
  /** Something threw while a connection was served: it is reset, the rest goes on. May throw to stop the shard. */
  onError(error: unknown): void
  /** Once per turn of the wheel, after its timers. */
  onTurn(nowMs: number): void
  /** Asked after a turn, while nobody is connected and no timer armed: does anything else wait for the next one? */
  restless(): boolean
  /** Before anything of a batch is handled; what it returns comes back at the end. */
  onBatchStart(): number
  onBatchEnd(nowMs: number, started: number): void
}
