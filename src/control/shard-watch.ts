import { SIGN, Watch } from '../actor/watch.ts'
import type { Fleet } from '../shm/fleet.ts'
import { VITAL } from '../shm/vitals.ts'
import type { Roster, WatchControl } from './protocol.ts'
import { Steering } from './steering.ts'

/**
 * Bounds of how often heartbeats are looked at: once in `stuckAfter`, and four times as often as soon as one is behind. So a shard that is stuck is noticed within twice
 * that; by default on the average after 65 ms, after 80 at the latest. Being awake for a look costs more than the look.
 */
const LOOK_MS = { least: 5, most: 50 } as const
/** A heartbeat that old is the beginning of a silence, or of a batch. */
const BEHIND_MS = 2
/** Busy times are measured over this long. */
const MEASURE_MS = 500
/** As seldom as this where nobody asks for them. */
const SELDOM_MS = 5000

/** What the acceptor tells main, without waiting. */
export type Report = { readonly [K in keyof WatchControl]: (shard: number) => void }

/**
 * The acceptor's eye on the shards: who is stuck, whose heap is full, who has time. From that it makes the shares of new connections, at
 * once and by itself; main hears of it for what it alone can do.
 */
export class ShardWatch {
  /** Of new connections, by shard. */
  readonly shares: Float64Array
  /** They changed. */
  onShares: () => void = () => {}
  /** When the next look is worth waking for: as `Host.watch` goes by it. */
  readonly pace: Float64Array = new Float64Array(3)
  /** What to look for, besides heartbeats. */
  readonly words: readonly Float64Array[]
  readonly #fleet: Fleet
  readonly #report: Report
  readonly #watch: Watch
  readonly #steering: Steering
  readonly #alarms: readonly Float64Array[]
  readonly #busyMs: Float64Array
  readonly #busyAtMs: Float64Array
  readonly #busy: Float64Array
  readonly #isFull: Uint8Array
  #roster: Roster = { serving: [], stuckAfterMs: Infinity, byBusyTime: false }
  #measuredAtMs = 0

  constructor(fleet: Fleet, report: Report) {
    const { shards } = fleet.shape
    this.#fleet = fleet
    this.#report = report
    this.#watch = new Watch(shards, Infinity)
    this.#steering = new Steering(shards)
    this.shares = this.#steering.weights
    this.words = Array.from({ length: shards }, (_, shard) => fleet.heapAlarm(shard))
    this.#alarms = Array.from({ length: shards }, (_, shard) => fleet.vitals(shard))
    this.#busyMs = new Float64Array(shards)
    this.#busyAtMs = new Float64Array(shards)
    this.#busy = new Float64Array(shards)
    this.#isFull = new Uint8Array(shards)
  }

  serve(roster: Roster): void {
    const before = this.#roster.serving
    this.#roster = roster
    this.#watch.limitMs = roster.stuckAfterMs
    for (const shard of before) if (!roster.serving.includes(shard)) this.#watch.end(shard)
    for (const shard of roster.serving) if (!before.includes(shard)) this.#begin(shard)
    this.#decide()
    this.#setPace()
  }

  /** To be called as `pace` says, when heartbeats are up to date. */
  look(nowMs: number): void {
    this.#look(nowMs)
    this.#setPace()
  }

  /** A silence is counted by looks, and who is silent may be heard again: while anybody is behind, with every look. */
  #setPace(): void {
    const { serving, stuckAfterMs, byBusyTime } = this.#roster
    const isAnyBehind = serving.some((shard) => this.#watch.isBehind(shard))
    const wantedMs = isAnyBehind ? stuckAfterMs / 4 : stuckAfterMs
    const lookMs = Math.min(LOOK_MS.most, Math.max(LOOK_MS.least, wantedMs))
    this.pace[0] = lookMs
    this.pace[1] = isAnyBehind ? lookMs : byBusyTime ? MEASURE_MS : SELDOM_MS
    this.pace[2] = BEHIND_MS
  }

  #look(nowMs: number): void {
    let isChanged = false
    const { serving } = this.#roster
    for (let i = 0; i < serving.length; i++) {
      const shard = serving[i]!
      if (this.#alarms[shard]![VITAL.heapAlarm] === 1 && this.#isFull[shard] === 0) {
        this.#isFull[shard] = 1
        this.#report.heapFull(shard)
      }
      const sign = this.#watch.look(shard, this.#fleet.actor(shard).lastBeatMs, nowMs)
      if (sign === SIGN.none) continue
      isChanged = true
      if (sign === SIGN.silent) this.#report.stuck(shard)
      else this.#report.recovered(shard)
    }
    if (nowMs - this.#measuredAtMs >= MEASURE_MS) this.#measure(nowMs)
    else if (!isChanged) return
    if (this.#decide()) this.onShares()
  }

  #begin(shard: number): void {
    // Of the machine's clock, as the beats are; the first look sets it right.
    this.#watch.begin(shard, this.#fleet.actor(shard).lastBeatMs)
    this.#steering.forget(shard)
    this.#isFull[shard] = 0
    this.#busyAtMs[shard] = 0
  }

  #decide(): boolean {
    const { serving, byBusyTime } = this.#roster
    const able = serving.filter((shard) => !this.#watch.isSilent(shard))
    return this.#steering.decide(able.length === 0 ? serving : able, byBusyTime)
  }

  #measure(nowMs: number): void {
    this.#measuredAtMs = nowMs
    for (const shard of this.#roster.serving) {
      const vitals = this.#alarms[shard]!
      const busyMs = vitals[VITAL.busyMs]!
      const atMs = vitals[VITAL.busyAt]!
      const elapsedMs = atMs - this.#busyAtMs[shard]!
      if (this.#busyAtMs[shard] !== 0 && elapsedMs > 0) {
        this.#busy[shard] = Math.min(1, Math.max(0, (busyMs - this.#busyMs[shard]!) / elapsedMs))
        this.#steering.measure(shard, this.#busy[shard])
      }
      this.#busyMs[shard] = busyMs
      this.#busyAtMs[shard] = atMs
    }
  }
}
