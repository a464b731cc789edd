import { MOVING_COLUMNS, VIEW_COLUMNS } from './columns.ts'
import type { ViewColumn } from './columns.ts'
import { NO_PICK } from './policy.ts'
import { BY } from './pick-request.ts'
import type { PickRequest } from './pick-request.ts'
import { WHOLE_VIEW } from './pick-set.ts'
import type { FixedColumns, PickSet, SetInfo } from './pick-set.ts'
import { MAX_CONSIDERED } from './view.ts'

/** Numbers of a policy's own state that are kept. */
const STATE = 256

export const COLUMNS: number = VIEW_COLUMNS.length
const FIXED: number = VIEW_COLUMNS.length - MOVING_COLUMNS.length

/** What of the view was kept: nothing a replay could use, the rows of the endpoints noted, or all of it. */
export const KEPT = { none: 0, noted: 1, whole: 2 } as const

/**
 * A pick as it was made: what it is explained with and replayed from (`replay.ts`, `explain.ts`). Made once and reused; taking it down copies a few
 * dozen numbers and allocates nothing (but once, for the first policy that looks at all of a view). Strings and shapes are made of it only
 * for the few decisions that somebody wants to see.
 */
export class Decision {
  /** Somebody will see it whatever comes of the request: then more may be worked out than is cheap. */
  wanted = false
  info!: SetInfo
  nowMs = 0
  stalenessMs = 0
  /** The key of the draw that counted. */
  key = 0
  size = 0
  slot: number = NO_PICK
  index: number = NO_PICK
  by: number = BY.policy
  /** NaN: nobody can say. */
  propensity: number = Number.NaN
  /** Index in the same view; NO_PICK: there is no shadow, or it failed. */
  shadow: number = NO_PICK
  readonly rng: Int32Array = new Int32Array(4)
  readonly state: Float64Array = new Float64Array(STATE)
  /** -1: it did not fit. */
  stateLength = 0
  looked = 0
  count = 0
  readonly indexes: Int32Array = new Int32Array(MAX_CONSIDERED)
  readonly scores: Float64Array = new Float64Array(MAX_CONSIDERED)
  /** Rows of `COLUMNS` of those noted. */
  readonly rows: Float64Array = new Float64Array(MAX_CONSIDERED * COLUMNS)
  /** `KEPT`. */
  kept: number = KEPT.none
  fixed: FixedColumns | undefined
  /** The columns that move, one after the other, `WHOLE_VIEW` numbers each. */
  whole: Float64Array | undefined

  /** A pick begins; `nobody`: what there is to say if it finds nobody. */
  begin(nobody: SetInfo, nowMs: number, stalenessMs: number): void {
    this.#empty(nobody)
    this.nowMs = nowMs
    this.stalenessMs = stalenessMs
    this.shadow = NO_PICK
    this.key = 0
  }

  /** Before each draw of a policy: of the last one it is kept. */
  before(set: PickSet, key: number): void {
    this.key = key
    this.stateLength = set.guard.save(this.state)
  }

  /** The last draw was taken. */
  picked(set: PickSet, index: number): void {
    const { guard, view } = set
    this.info = set.info
    this.size = view.size
    for (let i = 0; i < 4; i++) this.rng[i] = guard.rngBefore[i]!
    if (guard.stoodIn) this.stateLength = 0
    this.#note(set, index)
    this.fixed = set.fixed
    if (view.size <= WHOLE_VIEW && guard.reads === 'all') this.#keepWhole(set.columns)
    else this.kept = guard.reads === 'noted' && this.#isEnough(guard.followsKey) ? KEPT.noted : KEPT.none
  }

  /** Those noted are all that were looked at, and what is kept of everybody is what the policy needs. */
  #isEnough(byHashes: boolean): boolean {
    if (this.looked > MAX_CONSIDERED || this.fixed === undefined) return false
    return !byHashes || this.fixed.hashes.length === this.size
  }

  /** No policy was asked: the client was here before. */
  stuck(set: PickSet, index: number): void {
    this.#from(set, index)
    this.propensity = 1
  }

  /** No draw was taken; the endpoint, if there is one, was drawn from the rest of `set`. */
  fromRest(set: PickSet | undefined, index: number): void {
    if (set === undefined) this.#empty(this.info)
    else this.#from(set, index)
  }

  shadowed(index: number): void {
    this.shadow = index
  }

  end({ slot, index, by }: PickRequest): void {
    this.slot = slot
    this.index = index
    this.by = by
  }

  #empty(info: SetInfo): void {
    this.info = info
    this.size = 0
    this.count = 0
    this.looked = 0
    this.kept = KEPT.none
    this.fixed = undefined
    this.propensity = Number.NaN
  }

  #from(set: PickSet, index: number): void {
    this.#empty(set.info)
    this.size = set.view.size
    set.view.considered.clear()
    this.#note(set, index)
  }

  /** What was considered; at least what was picked. */
  #note({ view, columns }: PickSet, index: number): void {
    const { considered } = view
    const { indexes, scores, rows } = this
    if (considered.count === 0) considered.note(index, 0)
    this.looked = considered.looked
    this.count = considered.count
    for (let i = 0; i < this.count; i++) {
      const noted = considered.indexes[i]!
      indexes[i] = noted
      scores[i] = considered.scores[i]!
      // But for the hashes, which no row needs: the rest is arrays of one kind.
      for (let c = 1; c < COLUMNS; c++) rows[i * COLUMNS + c] = columns[c]![noted]!
    }
  }

  #keepWhole(columns: readonly ViewColumn[]): void {
    const whole = (this.whole ??= new Float64Array(MOVING_COLUMNS.length * WHOLE_VIEW))
    for (let c = FIXED; c < columns.length; c++) whole.set(columns[c]!, (c - FIXED) * WHOLE_VIEW)
    this.kept = KEPT.whole
  }
}
