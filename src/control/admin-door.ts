import { openDoor } from '../io/http-door.ts'
import type { Door, DoorHandler } from '../io/http-door.ts'

/** Answers under way when the address changes or the program ends may take this long. */
const CLOSE_MS = 1000

/** One address at a time, changed without a gap: the new one is open before the old one closes. */
export class AdminDoor {
  readonly #handler: DoorHandler
  #asked: string | undefined
  #door: Door | undefined

  constructor(handler: DoorHandler) {
    this.#handler = handler
  }

  /** Returns the address as bound. Rejects if it cannot be had; the one before stays. */
  async move(address: string | undefined): Promise<string | undefined> {
    if (address === this.#asked) return this.#door?.address
    const next = address === undefined ? undefined : await openDoor(address, this.#handler)
    const before = this.#door
    this.#door = next
    this.#asked = address
    void before?.close(CLOSE_MS)
    return next?.address
  }

  async close(): Promise<void> {
    const door = this.#door
    this.#door = undefined
    this.#asked = undefined
    await door?.close(CLOSE_MS)
  }
}
