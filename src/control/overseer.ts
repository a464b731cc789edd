import { SIGN, Watch } from '../actor/watch.ts'
import type { ChildStatus } from '../actor/child.ts'
import type { SupervisionSpec } from '../config/lifecycle.ts'
import type { Host } from '../io/host.ts'
import type { Fleet } from '../shm/fleet.ts'
import { OTHER_ACTORS } from '../shm/layout.ts'
import type { OtherActor } from '../shm/layout.ts'
import { VITAL } from '../shm/vitals.ts'
import { shardOf } from './tree.ts'

export type OverseerContext = {
  readonly fleet: Fleet
  readonly watch: Host['watch']
  /** The clock of heartbeats. */
  readonly machineMs: () => number
  readonly supervision: () => SupervisionSpec
  readonly children: () => readonly ChildStatus[]
  readonly kill: (id: string, why: string) => void
  /** Replace it in good order. False: not now. */
  readonly replace: (id: string) => Promise<boolean>
  readonly say: (line: string) => void
}

const LOOK_MS = { calm: 200, behind: 100 } as const
/** Where nothing stands out: often enough for every reading of the vitals. */
const SELDOM_MS = 500
/** Share of the heap's limit from which on an actor is replaced in good order. */
const FULL = 0.8
/** Readings (two a second) above it in a row: between two collections a heap may look full. */
const READINGS = 2
/** Where it could not be replaced, that is tried again after as many. */
const AGAIN_READINGS = 20

type Subject = { incarnation: number; readingMs: number; full: number; isLeaving: boolean }

/**
 * Main's eye on all actors: who has not beaten for too long is ended, and so is whose heap is at its limit; whose heap nears it is replaced before. (A shard
 * that is merely stuck is the acceptor's business, `shard-watch.ts`: that one looks more often.)
 */
export class Overseer {
  readonly #context: OverseerContext
  readonly #watch: Watch
  readonly #subjects = new Map<string, Subject>()
  readonly #pace = new Float64Array([LOOK_MS.calm, SELDOM_MS, LOOK_MS.behind])
  #stop: () => void = () => {}

  constructor(context: OverseerContext) {
    const { fleet } = context
    this.#context = context
    this.#watch = new Watch(fleet.shape.shards + OTHER_ACTORS.length, Infinity)
  }

  start(): void {
    const { watch, fleet } = this.#context
    const shards = Array.from({ length: fleet.shape.shards }, (_, shard) => shard)
    const alarms = [...shards, ...OTHER_ACTORS].map((who) => fleet.heapAlarm(who))
    this.#stop = watch(this.#pace, alarms, () => this.look())
  }

  stop(): void {
    this.#stop()
  }

  look(): void {
    const { children, machineMs, supervision } = this.#context
    const nowMs = machineMs()
    const { killAfterMs } = supervision()
    this.#watch.limitMs = killAfterMs
    for (const child of children()) {
      const { id, phase } = child
      // One that is being replaced may hang over it.
      if (phase === 'up' || phase === 'replacing' || phase === 'leaving') this.#lookAt(child, nowMs)
      else this.#watch.end(this.#indexOf(id))
    }
    this.#setPace(killAfterMs)
  }

  /** Who is behind is looked at often; so is everybody where a life may end soon, for of one that never began nothing is known but here. */
  #setPace(killAfterMs: number): void {
    const isAnyBehind = this.#context.children().some(({ id }) => this.#watch.isBehind(this.#indexOf(id)))
    const lookMs = Math.min(isAnyBehind ? LOOK_MS.behind : LOOK_MS.calm, killAfterMs / 2)
    this.#pace[0] = lookMs
    this.#pace[1] = isAnyBehind ? lookMs : Math.max(lookMs, Math.min(SELDOM_MS, killAfterMs / 4))
  }

  #lookAt({ id, incarnation }: ChildStatus, nowMs: number): void {
    const { fleet, kill, supervision } = this.#context
    const index = this.#indexOf(id)
    const subject = this.#subjectOf(id, incarnation)
    if (!this.#watch.isWatched(index)) this.#watch.begin(index, nowMs)
    const who = nameOf(id)
    if (this.#watch.look(index, fleet.actor(who).lastBeatMs, nowMs) === SIGN.silent)
      return kill(id, `no heartbeat for ${supervision().killAfterMs} ms: it hangs`)
    const vitals = fleet.vitals(who)
    if (vitals[VITAL.heapAlarm] === 1) return kill(id, 'its heap is full')
    this.#weigh(id, subject, vitals)
  }

  #weigh(id: string, subject: Subject, vitals: Float64Array): void {
    const atMs = vitals[VITAL.at]!
    if (atMs === subject.readingMs || subject.isLeaving) return
    subject.readingMs = atMs
    const limit = vitals[VITAL.heapLimit]!
    const isFull = limit > 0 && vitals[VITAL.heapUsed]! >= FULL * limit
    subject.full = isFull ? subject.full + 1 : 0
    if (subject.full < READINGS) return
    subject.isLeaving = true
    const mib = Math.round(vitals[VITAL.heapUsed]! / 2 ** 20)
    this.#context.say(`${id} uses ${mib} MiB of heap, ${FULL * 100} % of its limit: it is replaced`)
    void this.#replace(id, subject)
  }

  /** While the program is itself being replaced nobody else is: if that comes to nothing, the heap is as full as before. */
  async #replace(id: string, subject: Subject): Promise<void> {
    if (await this.#context.replace(id)) return
    subject.full = READINGS - AGAIN_READINGS
    subject.isLeaving = false
  }

  #subjectOf(id: string, incarnation: number): Subject {
    const known = this.#subjects.get(id)
    if (known?.incarnation === incarnation) return known
    const subject = { incarnation, readingMs: 0, full: 0, isLeaving: false }
    this.#subjects.set(id, subject)
    this.#watch.end(this.#indexOf(id))
    return subject
  }

  #indexOf(id: string): number {
    const who = nameOf(id)
    return typeof who === 'number' ? who : this.#context.fleet.shape.shards + OTHER_ACTORS.indexOf(who)
  }
}

function nameOf(id: string): number | OtherActor {
  const shard = shardOf(id)
  return shard >= 0 ? shard : (id as OtherActor)
}
