import type { PolicySpec } from '../config/snapshot.ts'
import { columnsOf } from './columns.ts'
import type { FixedColumn, ViewColumn } from './columns.ts'
import type { Guard } from './guard.ts'
import type { Member } from './member.ts'
import type { SlotPicture } from './picture.ts'
import type { Shadow } from './shadow.ts'
import { ClusterView } from './view.ts'
import { FIRST_CREDIT, WarmingGate } from './warming.ts'

/** Endpoints of a view up to which its columns are kept whole for replay. */
export const WHOLE_VIEW = 64

/**
 * The columns that stay between two changes of weights, as they were when a pick was made; never changed. Of a large view, whose columns are
 * not kept, those in which all are alike, as one number, and no hashes.
 */
export type FixedColumns = Readonly<Record<FixedColumn, readonly number[]>>

/** What a decision is explained with; made anew when any of it changes, and never changed. */
export type SetInfo = {
  readonly policy: PolicySpec
  readonly shadow: PolicySpec | undefined
  readonly epoch: number
  readonly name: string
  readonly panic: boolean
  /** Of the view's endpoints, by index. */
  readonly addresses: readonly string[]
  /** All of the cluster. */
  readonly members: readonly Member[]
}

/** Endpoints that are picked from together: their view, and the policy over it. */
export class PickSet {
  readonly name: string
  view: ClusterView = new ClusterView(0)
  /** Index in the view → slot, address. */
  slots: Int32Array = new Int32Array(0)
  addresses: readonly string[] = []
  columns: readonly ViewColumn[] = []
  info!: SetInfo
  readonly guard: Guard
  readonly shadow: Shadow | undefined
  readonly gate: WarmingGate = new WarmingGate()
  #fixed: FixedColumns | undefined
  #isFixedKnown = false

  constructor(name: string, guard: Guard, shadow: Shadow | undefined) {
    this.name = name
    this.guard = guard
    this.shadow = shadow
  }

  /** The same endpoints, in the same order? */
  holds(members: readonly Member[]): boolean {
    const { slots, view } = this
    if (members.length !== slots.length) return false
    return members.every(({ slot, hash }, i) => slot === slots[i] && hash >>> 0 === view.hashes[i])
  }

  /** From now on of these. What is known of them comes from the picture, and what a warming one was owed goes with it. */
  rebuild(members: readonly Member[], picture: SlotPicture, epoch: number, nowMs: number): void {
    const view = new ClusterView(members.length)
    const before = new Map<number, number>()
    this.slots.forEach((slot, index) => before.set(slot, index))
    view.epoch = epoch
    view.nowMs = nowMs
    members.forEach((member, index) => {
      view.hashes[index] = member.hash
      weigh(view, index, member)
      picture.write(view, index, member.slot)
    })
    const { gate } = this
    const credits = members.map(({ slot }) => {
      const index = before.get(slot)
      return index === undefined ? FIRST_CREDIT : gate.creditOf(index)
    })
    this.slots = Int32Array.from(members, ({ slot }) => slot)
    this.addresses = members.map(({ address }) => address)
    this.view = view
    this.columns = columnsOf(view)
    this.#isFixedKnown = false
    gate.rebuild(view, credits)
    this.guard.rebuild(view)
    this.shadow?.rebuild(view)
  }

  /** The same endpoints with other weights, perhaps. */
  reweigh(members: readonly Member[], nowMs: number): void {
    const { view } = this
    view.nowMs = nowMs
    let warmth = false
    let base = false
    members.forEach((member, index) => {
      if (member.weight !== view.baseWeights[index]) base = true
      if (member.warmth !== view.warmth[index]) warmth = true
      weigh(view, index, member)
    })
    if (!base && !warmth) return
    this.#isFixedKnown = false
    this.gate.reweigh(view)
    this.guard.reweigh(view, !base)
    this.shadow?.reweigh(view, !base)
  }

  refresh(index: number, picture: SlotPicture): void {
    picture.write(this.view, index, this.slots[index]!)
    this.#changed(index)
  }

  /** Exchanges under way now. */
  flow(index: number, delta: 1 | -1): void {
    const { inFlight } = this.view
    inFlight[index] = Math.max(0, inFlight[index]! + delta)
    this.#changed(index)
  }

  /** Ages grow with time alone. */
  age(picture: SlotPicture, nowMs: number): void {
    const { view, slots } = this
    view.nowMs = nowMs
    for (let i = 0; i < slots.length; i++) {
      if (view.inFlight[i] === 0 && view.ageMs[i] === 0) continue
      picture.age(view, i, slots[i]!)
      this.#changed(i)
    }
  }

  #changed(index: number): void {
    this.guard.changed(index)
    this.shadow?.changed(index)
  }

  /** undefined: the view is too large, and its weights too different, to keep them. */
  get fixed(): FixedColumns | undefined {
    if (!this.#isFixedKnown) {
      this.#fixed = this.view.size <= WHOLE_VIEW ? fixedOf(this.columns) : alike(this.view)
      this.#isFixedKnown = true
    }
    return this.#fixed
  }
}

const weigh = (view: ClusterView, index: number, member: Member): void => {
  const { weight, warmth, readySinceMs } = member
  view.readySinceMs[index] = readySinceMs
  view.baseWeights[index] = weight
  view.warmth[index] = warmth
  view.weights[index] = weight * warmth
}

const fixedOf = (columns: readonly ViewColumn[]): FixedColumns => ({
  hashes: [...columns[0]!],
  baseWeights: [...columns[1]!],
  warmth: [...columns[2]!],
  weights: [...columns[3]!],
})

const alike = ({ baseWeights, warmth, weights }: ClusterView): FixedColumns | undefined => {
  const same = (column: Float64Array): boolean => column.every((value) => value === column[0])
  if (!same(baseWeights) || !same(warmth)) return undefined
  return { hashes: [], baseWeights: [baseWeights[0]!], warmth: [warmth[0]!], weights: [weights[0]!] }
}
