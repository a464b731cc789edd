import type { Rng } from '../base/random.ts'
import { Supervisor } from '../actor/supervisor.ts'
import type { Decision, EndReason, News } from '../actor/news.ts'
import type { ChildSpec, ChildStatus, RestartLimits } from '../actor/child.ts'
import { codeOf, messageOf } from '../actor/errors.ts'
import type { Timers } from '../actor/timers.ts'
import { Refusal } from './failure.ts'

/**
 * Does what a supervisor decides: spawns lives, brings them up, ends them, wakes up for restarts. Knows no actor by name:
 * what a child is and what is to be done around its life and death is the keeper's.
 */
export type Life = {
  /** Resolves with the reason when the life is over; `NORMAL_END` if it had done its work. */
  readonly ended: Promise<string>
  readonly terminate: () => void
}

/** How a thread ends that has nothing more to do. */
export const NORMAL_END = 'exit code 0'

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
  readonly farewell: (id: string, why: EndReason) => Promise<void>
  readonly onRestartIn: (id: string, delayMs: number) => void
  /** The state of some child changed. */
  readonly onChange: () => void
}

export type TreeSpec = { readonly children: readonly ChildSpec[]; readonly limits: RestartLimits }

type Current = {
  readonly life: Life
  readonly incarnation: number
  told: boolean
  refusal: string | undefined
}

/** Someone who waits for a child to be up in a later life than `after`, or to be gone. */
type Waiter = { readonly id: string; readonly after: number; readonly done: PromiseWithResolvers<void> }

export class TreeRunner {
  /** Resolves with the id of the child whose death was one too many. All is being stopped then. */
  readonly gaveUp: Promise<string>
  readonly #supervisor: Supervisor
  readonly #keeper: Keeper
  readonly #timers: Timers
  readonly #lives = new Map<string, Current>()
  readonly #started: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  readonly #stopped: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  readonly #gaveUp: PromiseWithResolvers<string> = Promise.withResolvers<string>()
  readonly #waiters = new Set<Waiter>()
  #wasStarted = false
  /** Why a start failed: the first child's reason. */
  #failure: Error | undefined
  #cancelTick: () => void = noop

  constructor(spec: TreeSpec, keeper: Keeper, world: { timers: Timers; rng: Rng }) {
    this.#supervisor = new Supervisor(spec, world.rng)
    this.#keeper = keeper
    this.#timers = world.timers
    this.gaveUp = this.#gaveUp.promise
  }

  /** Resolves when every child is up; rejects, with everything stopped, when one could not be started. */
  start(): Promise<void> {
    this.#tell({ kind: 'start' })
    return this.#started.promise
  }

  /** Resolves when every life is over. */
  stop(): Promise<void> {
    this.#tell({ kind: 'stop' })
    return this.#stopped.promise
  }

  children(): readonly ChildStatus[] {
    return this.#supervisor.children()
  }

  /** Replace a child in good order. Resolves when its successor is up; rejects if it is not up now, or if all is stopped before. */
  restart(id: string): Promise<void> {
    const child = this.children().find((one) => one.id === id)
    if (child?.phase !== 'up') return Promise.reject(new Refusal([`${id} is ${child?.phase ?? 'unknown'}`]))
    const arrival = this.#await(id, child.incarnation)
    this.#tell({ kind: 'restart', id })
    return arrival
  }

  /** A further child. Resolves when it is up. */
  add(spec: ChildSpec): Promise<void> {
    const arrival = this.#await(spec.id, 0)
    this.#tell({ kind: 'add', spec })
    return arrival
  }

  /** A child less. Resolves when it is gone. */
  remove(id: string): Promise<void> {
    const departure = this.#await(id, Infinity)
    this.#tell({ kind: 'remove', id })
    return departure
  }

  configure(limits: RestartLimits): void {
    this.#tell({ kind: 'configure', limits })
  }

  /** End a life at once, unasked: to the supervisor it died. */
  kill(id: string, why: string): void {
    const current = this.#lives.get(id)
    if (current === undefined) return
    current.refusal ??= why
    current.life.terminate()
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
        return this.#terminate(decision.id, decision.why)
      case 'restart-in':
        return this.#keeper.onRestartIn(decision.id, decision.delayMs)
      case 'started':
        this.#wasStarted = true
        return this.#started.resolve()
      case 'removed':
        return this.#removed(decision.id)
      case 'failed':
        this.#failure ??= new Refusal([`weir: ${decision.id} did not start`]) // why, its keeper has told
        return
      case 'gave-up':
        this.#failure ??= new Refusal([`weir: ${decision.id} died too often`])
        return this.#gaveUp.resolve(decision.id)
      case 'stopped':
        this.#started.reject(this.#failure ?? new Error('stopped before the start was done')) // too late if it was
        for (const { done } of this.#waiters) done.reject(new Refusal(['the program stops']))
        this.#waiters.clear()
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
      if (this.#lives.get(id) !== current) return
      this.#tell({ kind: 'up', id, incarnation: current.incarnation })
      const isUp = this.children().find((child) => child.id === id)?.phase === 'up' // unless it was told to end meanwhile
      if (isUp) this.#settle((waiter) => waiter.id === id && current.incarnation > waiter.after)
    } catch (thrown) {
      if (this.#lives.get(id) !== current) return
      this.#failure ??= thrown instanceof Error ? thrown : new Error(messageOf(thrown))
      // Of a life that died meanwhile its own end tells more.
      if (codeOf(thrown) !== 'WEIR_ACTOR_DIED') {
        current.refusal ??= `could not be brought up: ${messageOf(thrown)}`
        current.told = !this.#wasStarted
      }
      current.life.terminate()
    }
  }

  #terminate(id: string, why: EndReason): void {
    const current = this.#lives.get(id)
    if (current === undefined) return
    current.told = true
    const end = (): void => current.life.terminate()
    void this.#keeper.farewell(id, why).then(end, end)
  }

  #onEnded(id: string, current: Current, reason: string): void {
    this.#lives.delete(id)
    this.#keeper.onEnded(id, current.refusal ?? reason, current.told)
    const normal = reason === NORMAL_END
    this.#tell({ kind: 'ended', id, incarnation: current.incarnation, normal })
  }

  #await(id: string, after: number): Promise<void> {
    const done = Promise.withResolvers<void>()
    this.#waiters.add({ id, after, done })
    return done.promise
  }

  /** Whoever waits for a later life of it, waits in vain. */
  #removed(gone: string): void {
    this.#settle(({ id, after }) => id === gone && after === Infinity)
    for (const waiter of this.#waiters) {
      if (waiter.id !== gone) continue
      this.#waiters.delete(waiter)
      waiter.done.reject(new Refusal([`${gone} is not wanted any more`]))
    }
  }

  #settle(whom: (waiter: Waiter) => boolean): void {
    for (const waiter of this.#waiters) {
      if (!whom(waiter)) continue
      this.#waiters.delete(waiter)
      waiter.done.resolve()
    }
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
