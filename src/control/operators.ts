import type { Snapshot } from '../config/snapshot.ts'
import type { Fleet } from '../shm/fleet.ts'
import { MainVoice } from '../shm/other-voices.ts'
import { Overlay } from './overlay.ts'
import type { NamedWish } from './overlay.ts'
import type { PatchOrder, PatchResult, ProgramView } from './protocol.ts'

type World = { readonly machineMs: () => number; readonly say: (line: string) => void }

/** What operators want, done and audited: one line per patch that changed something, all of them counted. */
export class Operators {
  readonly #overlay: Overlay
  readonly #voice: MainVoice
  readonly #world: World
  readonly #counts = { applied: 0, idle: 0, refused: 0 }

  constructor(fleet: Fleet, world: World) {
    this.#voice = new MainVoice(fleet)
    this.#overlay = new Overlay(fleet.admin, this.#voice)
    this.#world = world
  }

  /** Before shards hear of a snapshot: what is wished of its endpoints stands. */
  prepare(snapshot: Snapshot): void {
    this.#voice.nowMs = this.#world.machineMs()
    this.#overlay.apply(snapshot)
  }

  /** What operators wished of the process before us. */
  restore(wishes: readonly NamedWish[]): void {
    this.#overlay.restore(wishes)
  }

  get wishes(): readonly NamedWish[] {
    return this.#overlay.wishes
  }

  patch(snapshot: Snapshot, { cluster, address, patch, peer }: PatchOrder): PatchResult {
    this.#voice.nowMs = this.#world.machineMs()
    const applied = this.#overlay.patch(snapshot, { cluster, address }, patch)
    if (!applied.ok) {
      this.#counts.refused++
      return applied
    }
    if (applied.change === '') this.#counts.idle++
    else {
      this.#counts.applied++
      this.#world.say(`weir: audit: ${cluster} ${address} ${applied.change} by ${peer}`)
    }
    return { ok: true }
  }

  get patches(): ProgramView['patches'] {
    return { ...this.#counts }
  }

  get overlays(): number {
    return this.#overlay.size
  }
}
