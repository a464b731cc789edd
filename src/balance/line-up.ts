import type { Rng } from '../base/random.ts'
import type { Member } from './member.ts'
import type { PickRequest } from './pick-request.ts'
import type { PickSet, SetInfo } from './pick-set.ts'
import type { SlotPicture } from './picture.ts'
import { drawSet, keySet } from './sets.ts'
import type { Plan } from './sets.ts'
import { SlotIndex } from './slot-index.ts'

/** Healthy endpoints that are in no set of the plan (backups, other zones): for those who have been everywhere else, and for those who stick to one of them. */
export const ELSEWHERE = 'elsewhere'

/** Makes a set's policy and shadow. */
export type MakeSet = (name: string) => PickSet

/**
 * Who may be picked: the sets with their shares, and where everybody stands in them. A change is worked out first and then put in force at
 * once: between two picks there is no moment without endpoints (nginx #1656).
 */
export class LineUp {
  /** Those of the plan, in its order, and behind them what is `ELSEWHERE`, if anything is. */
  sets: readonly PickSet[] = []
  /** What decisions are explained with where there is no set to pick from. */
  nobody: SetInfo
  #plan: Plan = []
  /** Slot → entry of `#setOf` and `#indexOf`. */
  #places: SlotIndex = new SlotIndex([])
  #setOf: Int32Array = new Int32Array(0)
  #indexOf: Int32Array = new Int32Array(0)
  #byHash: ReadonlyMap<number, number> = new Map()
  #epoch = 0
  readonly #picture: SlotPicture

  constructor(picture: SlotPicture, nobody: SetInfo) {
    this.#picture = picture
    this.nobody = nobody
  }

  /** `members`: all there are, which the plan names by index. */
  replace(plan: Plan, members: readonly Member[], parts: ReplaceParts): void {
    const before = new Map(parts.fresh ? [] : this.sets.map((set) => [set.name, set] as const))
    const sets = [...plan, ...elsewhere(plan, members)].map((planned) => {
      const known = before.get(planned.name)
      const set = known ?? parts.make(planned.name)
      const chosen = planned.members.map((index) => members[index]!)
      if (known?.holds(chosen) === true) set.reweigh(chosen, parts.nowMs)
      else set.rebuild(chosen, this.#picture, ++this.#epoch, parts.nowMs)
      const { name, panic } = planned
      set.info = { ...parts.info, epoch: set.view.epoch, name, panic, addresses: set.addresses, members }
      return set
    })
    this.nobody = { ...parts.info, epoch: this.#epoch, name: '', panic: false, addresses: [], members }
    this.#place(sets)
    this.#byHash = new Map(members.toReversed().map(({ hash, slot }) => [hash, slot]))
    this.#plan = plan
    this.sets = sets
  }

  #place(sets: readonly PickSet[]): void {
    const slots = sets.flatMap((set) => [...set.slots])
    this.#places = new SlotIndex(slots)
    this.#setOf = new Int32Array(slots.length)
    this.#indexOf = new Int32Array(slots.length)
    let entry = 0
    sets.forEach((set, s) => {
      set.slots.forEach((slot, index) => {
        this.#places.set(slot, entry)
        this.#setOf[entry] = s
        this.#indexOf[entry++] = index
      })
    })
  }

  /** Index of the set that a request's endpoint is picked from: by the shares, by the key if it has one. -1: there is none. */
  draw({ hasKey, key }: PickRequest, rng: Rng): number {
    const plan = this.#plan
    if (plan.length < 2) return plan.length - 1
    return hasKey ? keySet(plan, key) : drawSet(plan, rng.next())
  }

  /** Share of the requests that a set gets. */
  share(set: number): number {
    return this.#plan[set]?.share ?? 0
  }

  /** The endpoint that a client sticks to, by its hash: its slot, -1 if there is none such any more. */
  slotOf(hash: number): number {
    return this.#byHash.get(hash) ?? -1
  }

  /** Place of an endpoint, to be given to `setAt` and `indexAt`; -1: it may not be picked. */
  placeOf(slot: number): number {
    return this.#places.get(slot)
  }

  setAt(place: number): number {
    return this.#setOf[place]!
  }

  indexAt(place: number): number {
    return this.#indexOf[place]!
  }
}

export type ReplaceParts = {
  /** The policy is another one: no set goes on. */
  readonly fresh: boolean
  readonly make: MakeSet
  readonly info: Pick<SetInfo, 'policy' | 'shadow'>
  readonly nowMs: number
}

const elsewhere = (plan: Plan, members: readonly Member[]): Plan => {
  if (plan.length === 0) return []
  const healthy = members.reduce((count, member) => count + (member.healthy ? 1 : 0), 0)
  const held = plan.reduce((count, set) => count + set.members.length, 0)
  if (healthy === held && !plan.some(({ panic }) => panic)) return [] // as mostly
  const planned = new Set(plan.flatMap((set) => set.members))
  const left = [...members.keys()].filter((index) => members[index]!.healthy && !planned.has(index))
  return left.length === 0 ? [] : [{ name: ELSEWHERE, hash: 0, members: left, share: 0, panic: false }]
}
