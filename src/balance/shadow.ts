import type { Guard } from './guard.ts'
import { NO_PICK } from './policy.ts'
import type { ClusterView } from './view.ts'

export interface ShadowEvents {
  /** What the shadow would have picked, and whether that is what was picked. */
  shadowPicked(slot: number, agreed: boolean): void
  shadowFault(): void
}

/**
 * A policy that is asked beside the one in force and never obeyed: same view, same key, a stream of chance of its own. It predicts a policy's
 * picks under the traffic of another: what its picks would do to the load is not in the view it sees.
 */
export class Shadow {
  /** What it picked last. */
  index: number = NO_PICK
  readonly #guard: Guard
  readonly #events: ShadowEvents

  /** `guard`'s faults must be told to `shadowFault`. */
  constructor(guard: Guard, events: ShadowEvents) {
    this.#guard = guard
    this.#events = events
  }

  rebuild(view: ClusterView): void {
    this.#guard.rebuild(view)
  }

  reweigh(view: ClusterView, onlyWarmth: boolean): void {
    this.#guard.reweigh(view, onlyWarmth)
  }

  changed(index: number): void {
    this.#guard.changed(index)
  }

  /** A request went to `picked`. A pick of the stand-in for a shadow that failed says nothing of the shadow, and is not counted. */
  compare(view: ClusterView, slots: Int32Array, key: number, picked: number): void {
    const index = this.#guard.pick(view, key)
    this.index = this.#guard.stoodIn ? NO_PICK : index
    if (this.index !== NO_PICK) this.#events.shadowPicked(slots[index]!, index === picked)
  }
}
