import { openDoor } from '../io/http-door.ts'
import type { Door, DoorHandler, DoorPlace } from '../io/http-door.ts'

/** Answers under way when the address changes or the program ends may take this long. */
const CLOSE_MS = 1000

/** One socket at a time, changed without a gap: the new one is served before the old one is closed. */
export class AdminDoor {
  readonly #handler: DoorHandler
  #door: Door | undefined

  constructor(handler: DoorHandler) {
    this.#handler = handler
  }

  /** Rejects if it cannot be served; the one before stays. */
  async move(place: DoorPlace | undefined): Promise<void> {
    const next = place === undefined ? undefined : await openDoor(place, this.#handler)
    const before = this.#door
    this.#door = next
    void before?.close(CLOSE_MS)
  }

  async close(): Promise<void> {
    const door = this.#door
    this.#door = undefined
    await door?.close(CLOSE_MS)
  }
}
