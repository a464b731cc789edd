import type { Rng } from '../base/random.ts'
import { createSupervisor } from '../actor/supervisor.ts'
import type { Decision, News } from '../actor/supervisor.ts'
import type { ChildSpec, ChildStatus } from '../actor/child.ts'
import { codeOf, messageOf } from '../actor/errors.ts'
import type { Timers } from '../actor/timers.ts'
import { Refusal } from './failure.ts'

/**
 * Does what a supervisor decides: spawns lives, brings them up, ends them, wakes up for restarts. Knows no actor by name:
 * what a child is and what is to be done around its life and death is the keeper's.
 */
export type Life = {
  /** Resolves with the reason when the life is over. */
  readonly ended: Promise<string>
  readonly terminate: () => void
}

export type Keeper = {
  readonly spawn: (id: string, incarnation: number) => Life
  /** Bring a new life into service. If it rejects, the life is ended (and its successor tries again). */
  readonly bringUp: (id: string) => Promise<void>
  /**
   * A life that was in service or nearly is over: clean up behind it. Before anything is decided about a successor. Expected: it was
   * asked to end, or the first start failed because it could not be brought up, which `start` tells.
   */
  readonly onEnded: (id: string, reason: string, expected: boolean) => void
  /** Ask politely; the life is terminated when this settles. */
  readonly farewell: (id: string) => Promise<void>
  readonly onRestartIn: (id: string, delayMs: number) => void
  /** The state of some child changed. */
  readonly onChange: () => void
}

export type Tree = {
  /** Resolves when every child is up; rejects, with everything stopped, when one could not be started. */
  readonly start: () => Promise<void>
  /** Resolves when every life is over. */
  readonly stop: () => Promise<void>
  readonly children: () => readonly ChildStatus[]
}

type Current = {
  readonly life: Life
  readonly incarnation: number
  told: boolean
  refusal: string | undefined
}

export class TreeRunner implements Tree {
  readonly #supervisor: ReturnType<typeof createSupervisor>
  readonly #keeper: Keeper
  readonly #timers: Timers
  readonly #lives = new Map<string, Current>()
  readonly #started: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  readonly #stopped: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  #wasStarted = false
  /** Why a start failed: the first child's reason. */
  #failure: Error | undefined
  #cancelTick: () => void = noop

  constructor(specs: readonly ChildSpec[], keeper: Keeper, world: { timers: Timers; rng: Rng }) {
    this.#supervisor = createSupervisor(specs, world.rng)
    this.#keeper = keeper
    this.#timers = world.timers
  }

  start(): Promise<void> {
    this.#tell({ kind: 'start' })
    return this.#started.promise
  }

  stop(): Promise<void> {
    this.#tell({ kind: 'stop' })
    return this.#stopped.promise
  }

  children(): readonly ChildStatus[] {
    return this.#supervisor.children()
  }

  #tell(news: News): void {
    for (const decision of this.#supervisor.handle(news, this.#timers.nowMs())) this.#obey(decision)
    this.#planTick()
    this.#keeper.onChange()
  }

  #obey(decision: Decision): void {
    switch (decision.kind) {
      case 'spawn':
        return this.#spawn(decision.id, decision.incarnation)
      case 'terminate':
        return this.#terminate(decision.id)
      case 'restart-in':
        return this.#keeper.onRestartIn(decision.id, decision.delayMs)
      case 'started':
        this.#wasStarted = true
        return this.#started.resolve()
      case 'failed':
        this.#failure ??= new Refusal([`weir: ${decision.id} did not start`]) // why, its keeper has told
        return
      case 'stopped':
        this.#started.reject(this.#failure ?? new Error('stopped before the start was done')) // too late if it was
        return this.#stopped.resolve()
    }
  }

  #spawn(id: string, incarnation: number): void {
    const life = this.#keeper.spawn(id, incarnation)
    const current: Current = { life, incarnation, told: false, refusal: undefined }
    this.#lives.set(id, current)
    void life.ended.then((reason) => this.#onEnded(id, current, reason))
    void this.#bringUp(id, current)
  }

  async #bringUp(id: string, current: Current): Promise<void> {
    try {
      await this.#keeper.bringUp(id)
      if (this.#lives.get(id) === current) this.#tell({ kind: 'up', id, incarnation: current.incarnation })
    } catch (thrown) {
      if (this.#lives.get(id) !== current) return
      this.#failure ??= thrown instanceof Error ? thrown : new Error(messageOf(thrown))
      // Of a life that died meanwhile its own end tells more.
      if (codeOf(thrown) !== 'WEIR_ACTOR_DIED') {
        current.refusal = `could not be brought up: ${messageOf(thrown)}`
        current.told = !this.#wasStarted
      }
      current.life.terminate()
    }
  }

  #terminate(id: string): void {
    const current = this.#lives.get(id)
    if (current === undefined) return
    current.told = true
    const end = (): void => current.life.terminate()
    void this.#keeper.farewell(id).then(end, end)
  }

  #onEnded(id: string, current: Current, reason: string): void {
    this.#lives.delete(id)
    this.#keeper.onEnded(id, current.refusal ?? reason, current.told)
    this.#tell({ kind: 'ended', id, incarnation: current.incarnation })
  }

  #planTick(): void {
    this.#cancelTick()
    const dueMs = this.#supervisor.nextDueMs()
    if (dueMs === Infinity) this.#cancelTick = noop
    else
      this.#cancelTick = this.#timers.after(Math.max(0, dueMs - this.#timers.nowMs()), () =>
        this.#tell({ kind: 'tick' }),
      )
  }
}

function noop(): void {}
