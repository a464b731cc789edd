import { backoffMs } from './child.ts'
import type { ChildPhase, ChildSpec, ChildStatus } from './child.ts'
import type { Rng } from '../base/random.ts'

/**
 * A supervisor that decides and does nothing: news in, decisions out; threads, timers and messages are its runner's.
 *
 * Laws (test/unit/actor/supervisor.test.ts):
 * - at most one life of a child exists at any time: it is spawned again only after the last one ended;
 * - first starts are in order of the stages, terminations in reverse, each stage when the one before is done;
 * - a child that ends unexpectedly is spawned again, never sooner than its back-off says, until `stop`;
 * - a child that ends before it was ever up, while the tree first starts, fails the tree: a program that cannot start says so;
 * - after `stop` nothing is spawned, and `stopped` comes exactly once, when every life has ended.
 */

export type News =
  | { readonly kind: 'start' }
  /** The child's own start is done. */
  | { readonly kind: 'up'; readonly id: string; readonly incarnation: number }
  /** The life is over, whatever the reason, and nothing of it runs any more. */
  | { readonly kind: 'ended'; readonly id: string; readonly incarnation: number }
  /** Time passed: restarts may be due. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'stop' }

export type Decision =
  | { readonly kind: 'spawn'; readonly id: string; readonly incarnation: number }
  | { readonly kind: 'terminate'; readonly id: string; readonly incarnation: number }
  /** Said for people: the child will be spawned again after the delay. */
  | { readonly kind: 'restart-in'; readonly id: string; readonly delayMs: number }
  /** Every child is up for the first time. */
  | { readonly kind: 'started' }
  /** The first start failed because of this child; the others are being stopped. */
  | { readonly kind: 'failed'; readonly id: string }
  | { readonly kind: 'stopped' }

export type Supervisor = {
  handle(news: News, nowMs: number): readonly Decision[]
  /** When the next `tick` is due, in the milliseconds of `nowMs`; Infinity: never. */
  nextDueMs(): number
  children(): readonly ChildStatus[]
}

type Child = {
  readonly spec: ChildSpec
  phase: ChildPhase
  incarnation: number
  restarts: number
  /** Restarts in a row without a calm time between them. */
  streak: number
  upSinceMs: number
  dueMs: number
}

type Phase = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped'

type State = {
  readonly children: readonly Child[]
  readonly byId: ReadonlyMap<string, Child>
  readonly stages: readonly number[]
  readonly rng: Rng
  phase: Phase
}

export function createSupervisor(specs: readonly ChildSpec[], rng: Rng): Supervisor {
  const children = specs.map(newChild)
  const byId = new Map(children.map((child) => [child.spec.id, child]))
  if (byId.size !== children.length) throw new Error('two children with one id')
  const stages = [...new Set(specs.map((spec) => spec.stage))].toSorted((a, b) => a - b)
  const state: State = { children, byId, stages, rng, phase: 'idle' }
  return {
    handle(news, nowMs) {
      const out: Decision[] = []
      dispatch(state, news, nowMs, out)
      return out
    },
    nextDueMs: () =>
      children.reduce(
        (due, child) => (child.phase === 'waiting' ? Math.min(due, child.dueMs) : due),
        Infinity,
      ),
    children: () => children.map(statusOf),
  }
}

function dispatch(state: State, news: News, nowMs: number, out: Decision[]): void {
  switch (news.kind) {
    case 'start':
      if (state.phase !== 'idle') throw new Error(`start in phase ${state.phase}`)
      state.phase = 'starting'
      return startNext(state, out)
    case 'up':
      return onUp(state, lifeOf(state, news), nowMs, out)
    case 'ended':
      return onEnded(state, lifeOf(state, news), nowMs, out)
    case 'tick':
      return restartDue(state, nowMs, out)
    case 'stop':
      return stop(state, out)
  }
}

function onUp(state: State, child: Child | undefined, nowMs: number, out: Decision[]): void {
  if (child?.phase !== 'starting') return // it was told to stop meanwhile
  child.phase = 'up'
  child.upSinceMs = nowMs
  if (state.phase === 'starting') startNext(state, out)
}

function onEnded(state: State, child: Child | undefined, nowMs: number, out: Decision[]): void {
  if (child === undefined) return
  if (state.phase === 'stopping') {
    child.phase = 'stopped' // as told, or by itself before it was its turn
    return stopNext(state, out)
  }
  if (child.phase !== 'starting' && child.phase !== 'up')
    throw new Error(`${child.spec.id} ended while ${child.phase}`)
  if (state.phase === 'starting' && child.restarts === 0 && child.phase === 'starting') {
    child.phase = 'stopped'
    out.push({ kind: 'failed', id: child.spec.id })
    return stop(state, out)
  }
  scheduleRestart(state, child, nowMs, out)
}

function scheduleRestart(state: State, child: Child, nowMs: number, out: Decision[]): void {
  const { backoff, id } = child.spec
  if (child.phase === 'up' && nowMs - child.upSinceMs >= backoff.calmMs) child.streak = 0
  const delayMs = backoffMs(backoff, child.streak, state.rng.next())
  child.streak++
  child.phase = 'waiting'
  child.dueMs = nowMs + delayMs
  out.push({ kind: 'restart-in', id, delayMs })
}

function restartDue(state: State, nowMs: number, out: Decision[]): void {
  for (const child of state.children) {
    if (child.phase !== 'waiting' || child.dueMs > nowMs) continue
    child.restarts++
    spawn(child, out)
  }
}

/** Spawn the first stage that is not up yet, if the ones before it are. */
function startNext(state: State, out: Decision[]): void {
  for (const stage of state.stages) {
    const members = state.children.filter((child) => child.spec.stage === stage)
    const idle = members.filter((child) => child.phase === 'idle')
    for (const child of idle) spawn(child, out)
    if (members.some((child) => child.phase !== 'up')) return
  }
  state.phase = 'running'
  out.push({ kind: 'started' })
}

function stop(state: State, out: Decision[]): void {
  if (state.phase === 'stopping' || state.phase === 'stopped') return
  state.phase = 'stopping'
  for (const child of state.children) {
    if (child.phase === 'idle' || child.phase === 'waiting') child.phase = 'stopped'
  }
  stopNext(state, out)
}

/** Terminate the last stage that still lives; the one before it when it is gone. */
function stopNext(state: State, out: Decision[]): void {
  if (state.phase !== 'stopping') return
  const living = state.children.filter((child) => child.phase !== 'stopped')
  if (living.length === 0) {
    state.phase = 'stopped'
    out.push({ kind: 'stopped' })
    return
  }
  const stage = Math.max(...living.map((child) => child.spec.stage))
  for (const child of living) {
    if (child.spec.stage !== stage || child.phase === 'stopping') continue
    child.phase = 'stopping'
    out.push({ kind: 'terminate', id: child.spec.id, incarnation: child.incarnation })
  }
}

function spawn(child: Child, out: Decision[]): void {
  child.phase = 'starting'
  child.incarnation++
  out.push({ kind: 'spawn', id: child.spec.id, incarnation: child.incarnation })
}

/** The child the news is of; undefined when it is news of an earlier life. News of a life that never was is a bug of the runner. */
function lifeOf(
  state: State,
  news: { readonly id: string; readonly incarnation: number },
): Child | undefined {
  const child = state.byId.get(news.id)
  if (child === undefined) throw new Error(`no child ${news.id}`)
  if (news.incarnation > child.incarnation) throw new Error(`${news.id} has no life ${news.incarnation} yet`)
  const over = child.phase === 'waiting' || child.phase === 'stopped' || child.phase === 'idle'
  return news.incarnation < child.incarnation || over ? undefined : child
}

function newChild(spec: ChildSpec): Child {
  return { spec, phase: 'idle', incarnation: 0, restarts: 0, streak: 0, upSinceMs: 0, dueMs: 0 }
}

function statusOf(child: Child): ChildStatus {
  return { id: child.spec.id, phase: child.phase, incarnation: child.incarnation, restarts: child.restarts }
}
