import type { Rng } from '../base/random.ts'
import { backoffMs, calmMs } from './child.ts'
import type { ChildPhase, ChildSpec, ChildStatus, RestartLimits, Strategy, SupervisorSpec } from './child.ts'
import type { Decision, EndReason, News } from './news.ts'
import { RestartWindow } from './restart-window.ts'

type Child = {
  readonly spec: ChildSpec
  phase: ChildPhase
  /** Lives that a child of this name had before it was removed and added again. */
  readonly before: number
  incarnation: number
  deaths: number
  /** Restarts in a row. */
  streak: number
  upSinceMs: number
  dueMs: number
}

const ENDING: ReadonlySet<ChildPhase> = new Set(['replacing', 'yielding', 'leaving', 'stopping'])
const ALIVE: ReadonlySet<ChildPhase> = new Set(['starting', 'up', ...ENDING])

const isFine = ({ phase }: Child): boolean => phase === 'up' || phase === 'done'
const restartsOf = ({ incarnation, before }: Child): number => Math.max(0, incarnation - before - 1)
const isFirstStart = (child: Child): boolean => child.phase === 'starting' && restartsOf(child) === 0

/**
 * A supervisor that decides and does nothing: news in, decisions out; threads, timers and messages are its runner's.
 *
 * Laws (properties/supervisor.test.ts):
 * - at most one life of a child exists at any time: it is spawned again only after the last one ended;
 * - first starts are in order of the stages, terminations in reverse, each stage when the one before is done;
 * - a child that dies is spawned again, when its back-off is over, until `stop`; of its group as the strategy says;
 * - a child that ends before it was ever up, while the tree first starts, fails the tree: a program that cannot start says so;
 * - one restart too many within the window, and it gives up: once, and everything is stopped;
 * - after `stop` nothing is spawned, and `stopped` comes exactly once, when every life has ended.
 */
export class Supervisor {
  readonly #rng: Rng
  readonly #strategies: Readonly<Record<string, Strategy>>
  readonly #window = new RestartWindow()
  /** Of children that were removed: a successor of that name goes on counting. */
  readonly #lastLives = new Map<string, number>()
  /** By stage, then as listed. */
  #children: readonly Child[] = []
  #limits: RestartLimits
  #phase: 'idle' | 'starting' | 'running' | 'stopping' | 'stopped' = 'idle'
  #out: Decision[] = []

  constructor({ children, strategies = {}, limits }: SupervisorSpec, rng: Rng) {
    this.#rng = rng
    this.#strategies = strategies
    this.#limits = limits
    for (const spec of children) this.#add(spec)
  }

  handle(news: News, nowMs: number): readonly Decision[] {
    const out: Decision[] = []
    this.#out = out
    this.#dispatch(news, nowMs)
    return out
  }

  /** When the next `tick` is due, in the milliseconds of `nowMs`; Infinity: never. */
  nextDueMs(): number {
    let due = Infinity
    for (const child of this.#children) if (this.#mayReturn(child)) due = Math.min(due, child.dueMs)
    return due
  }

  children(): readonly ChildStatus[] {
    return this.#children.map(statusOf)
  }

  #dispatch(news: News, nowMs: number): void {
    switch (news.kind) {
      case 'start':
        if (this.#phase !== 'idle') throw new Error(`start in phase ${this.#phase}`)
        this.#phase = 'starting'
        return this.#startNext()
      case 'up':
        return this.#onUp(this.#lifeOf(news), nowMs)
      case 'ended':
        return this.#onEnded(this.#lifeOf(news), news.normal, nowMs)
      case 'tick':
        return this.#restartDue(nowMs)
      case 'restart':
        return this.#replace(this.#childOf(news.id))
      case 'add':
        return this.#onAdd(this.#add(news.spec))
      case 'remove':
        return this.#remove(this.#childOf(news.id))
      case 'configure':
        this.#limits = news.limits
        return
      case 'stop':
        return this.#stop()
    }
  }

  #onUp(child: Child | undefined, nowMs: number): void {
    if (child?.phase !== 'starting') return // it was told to end meanwhile
    child.phase = 'up'
    child.upSinceMs = nowMs
    this.#release(child.spec.group)
    if (this.#phase === 'starting') this.#startNext()
  }

  #onEnded(child: Child | undefined, normal: boolean, nowMs: number): void {
    if (child === undefined) return
    if (this.#phase === 'stopping') {
      child.phase = 'stopped' // as told, or by itself before it was its turn
      return this.#stopNext()
    }
    const { phase, spec } = child
    if (phase === 'replacing') this.#spawn(child)
    else if (phase === 'leaving') this.#forget(child)
    else if (phase === 'yielding') child.phase = 'held'
    else if (this.#phase === 'starting' && isFirstStart(child)) {
      child.phase = 'stopped'
      this.#out.push({ kind: 'failed', id: spec.id })
      return this.#stop()
    } else if (normal && spec.restart === 'transient') child.phase = 'done'
    else return this.#die(child, nowMs)
    this.#pullDown(spec.group)
    this.#restartDue(nowMs)
    this.#release(spec.group)
    if (this.#phase === 'starting') this.#startNext()
  }

  #die(child: Child, nowMs: number): void {
    const { maxRestarts, withinMs, backoff } = this.#limits
    const { id, group } = child.spec
    child.deaths++
    if (this.#window.exceeds(nowMs, maxRestarts, withinMs)) {
      child.phase = 'stopped'
      this.#out.push({ kind: 'gave-up', id })
      return this.#stop()
    }
    if (child.phase === 'up' && nowMs - child.upSinceMs >= calmMs(backoff, child.streak)) child.streak = 0
    const delayMs = backoffMs(backoff, child.streak, this.#rng.next())
    child.streak++
    child.phase = 'waiting'
    child.dueMs = nowMs + delayMs
    this.#out.push({ kind: 'restart-in', id, delayMs })
    this.#pullDown(group)
  }

  #restartDue(nowMs: number): void {
    for (const child of this.#children) {
      if (this.#mayReturn(child) && child.dueMs <= nowMs) this.#spawn(child)
    }
  }

  // ── groups: rest-for-one ──

  /** Of the group in order; those of other strategies depend on nobody. */
  #rest(group: string): readonly Child[] {
    if (this.#strategies[group] !== 'rest-for-one') return []
    return this.#children.filter(({ spec }) => spec.group === group)
  }

  /** It waits to be spawned, and nobody who depends on it lives. */
  #mayReturn(child: Child): boolean {
    if (child.phase !== 'waiting') return false
    const rest = this.#rest(child.spec.group)
    return !rest.slice(rest.indexOf(child) + 1).some(({ phase }) => ALIVE.has(phase))
  }

  /** Someone died: who comes behind them in their group is ended, the last first, one at a time. */
  #pullDown(group: string): void {
    const rest = this.#rest(group)
    const behind = rest.slice(rest.findIndex(({ phase }) => phase === 'waiting') + 1)
    if (behind.length === 0 || behind.length === rest.length) return
    for (const child of behind) {
      if (child.phase === 'waiting') child.phase = 'held'
      else if (child.phase === 'replacing') child.phase = 'yielding' // it was told already
    }
    const last = behind.findLast(({ phase }) => ALIVE.has(phase))
    if (last !== undefined && !ENDING.has(last.phase)) this.#terminate(last, 'yielding', 'depends')
  }

  /** Spawned when all before it in its group are up, or first start along with it: behind a dead one it would bar its return. */
  #begin(child: Child): void {
    const rest = this.#rest(child.spec.group)
    const before = rest.slice(0, Math.max(0, rest.indexOf(child)))
    const isReady =
      this.#phase === 'starting' ? (other: Child) => isFine(other) || isFirstStart(other) : isFine
    if (before.every(isReady)) this.#spawn(child)
    else child.phase = 'held'
  }

  /** The next of the group that is held, when all before it are up. */
  #release(group: string): void {
    const next = this.#rest(group).find((child) => !isFine(child))
    if (next?.phase === 'held') this.#spawn(next)
  }

  #replace(child: Child): void {
    if (child.phase !== 'up' || this.#phase === 'stopping') return
    this.#terminate(child, 'replacing', 'replace')
    this.#pullDown(child.spec.group) // behind a dead one it is not spawned at once
  }

  #onAdd(child: Child): void {
    if (this.#phase === 'running') this.#begin(child)
    else if (this.#phase === 'starting') this.#startNext()
    else if (this.#phase !== 'idle') child.phase = 'stopped'
  }

  #remove(child: Child): void {
    if (this.#phase === 'stopping' || this.#phase === 'stopped') return
    if (ENDING.has(child.phase)) child.phase = 'leaving'
    else if (ALIVE.has(child.phase)) this.#terminate(child, 'leaving', 'remove')
    else {
      this.#forget(child)
      this.#release(child.spec.group)
      if (this.#phase === 'starting') this.#startNext()
    }
  }

  #add(spec: ChildSpec): Child {
    if (this.#children.some((child) => child.spec.id === spec.id)) throw new Error(`two children ${spec.id}`)
    const incarnation = this.#lastLives.get(spec.id) ?? 0
    const counts = { before: incarnation, incarnation, deaths: 0, streak: 0 }
    const child: Child = { spec, phase: 'idle', ...counts, upSinceMs: 0, dueMs: 0 }
    this.#children = [...this.#children, child].toSorted((a, b) => a.spec.stage - b.spec.stage)
    return child
  }

  #forget(child: Child): void {
    this.#lastLives.set(child.spec.id, child.incarnation)
    this.#children = this.#children.filter((other) => other !== child)
    this.#out.push({ kind: 'removed', id: child.spec.id })
  }

  /** Spawn the first stage that is not up yet, if the ones before it are. */
  #startNext(): void {
    const first = this.#children.find((child) => !isFine(child))
    for (const child of this.#children) {
      if (child.spec.stage === first?.spec.stage && child.phase === 'idle') this.#begin(child)
    }
    if (first !== undefined) return
    this.#phase = 'running'
    this.#out.push({ kind: 'started' })
  }

  #stop(): void {
    if (this.#phase === 'stopping' || this.#phase === 'stopped') return
    this.#phase = 'stopping'
    for (const child of this.#children) {
      if (ENDING.has(child.phase)) child.phase = 'stopping'
      else if (!ALIVE.has(child.phase)) child.phase = 'stopped'
    }
    this.#stopNext()
  }

  /** Terminate the last stage that still lives; the one before it when it is gone. */
  #stopNext(): void {
    const living = this.#children.filter(({ phase }) => phase !== 'stopped')
    const stage = living.at(-1)?.spec.stage
    for (const child of living) {
      if (child.spec.stage === stage && child.phase !== 'stopping') this.#terminate(child, 'stopping', 'stop')
    }
    if (living.length > 0) return
    this.#phase = 'stopped'
    this.#out.push({ kind: 'stopped' })
  }

  #terminate(child: Child, phase: ChildPhase, why: EndReason): void {
    child.phase = phase
    this.#out.push({ kind: 'terminate', id: child.spec.id, incarnation: child.incarnation, why })
  }

  #spawn(child: Child): void {
    child.phase = 'starting'
    child.incarnation++
    this.#out.push({ kind: 'spawn', id: child.spec.id, incarnation: child.incarnation })
  }

  #childOf(id: string): Child {
    const child = this.#children.find(({ spec }) => spec.id === id)
    if (child === undefined) throw new Error(`no child ${id}`)
    return child
  }

  /** The child the news is of; undefined when it is news of an earlier life. News of a life that never was is a bug of the runner. */
  #lifeOf(news: { readonly id: string; readonly incarnation: number }): Child | undefined {
    const { id, incarnation } = news
    if (incarnation <= (this.#lastLives.get(id) ?? 0)) return undefined
    const child = this.#childOf(id)
    if (incarnation > child.incarnation) throw new Error(`${id} has no life ${incarnation} yet`)
    return incarnation < child.incarnation || !ALIVE.has(child.phase) ? undefined : child
  }
}

function statusOf(child: Child): ChildStatus {
  const { spec, phase, incarnation, deaths } = child
  return { id: spec.id, phase, incarnation, restarts: restartsOf(child), deaths }
}
