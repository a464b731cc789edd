import { get } from './proxy-rig.ts'
import type { ProxyRig } from './proxy-rig.ts'
import type { SimPeer } from './sim/peer.ts'

/** A client that sends a request, waits for the answer (`x`), and sends the next a moment later, until it is told to close or is closed. */
export class RegularClient {
  readonly #peer: SimPeer
  sent = 0
  answered = 0
  /** Responses that said close. */
  told = 0
  /** When its connection ended; 0: not yet. */
  endedMs = 0
  #seen = 0

  constructor(rig: ProxyRig, pauseMs: number) {
    this.#peer = rig.client()
    this.#peer.onData = (): void => {
      const end = this.#peer.text.indexOf('\r\n\r\nx', this.#seen)
      if (end < 0) return
      this.answered++
      if (this.#peer.text.slice(this.#seen, end).includes('connection: close')) this.told++
      this.#seen = end + 5
      if (this.told === 0) rig.world.after(pauseMs, () => this.#send())
    }
    this.#peer.onFin = (): void => {
      this.endedMs = rig.nowMs
    }
    this.#send()
  }

  #send(): void {
    if (this.endedMs !== 0) return
    this.sent++
    this.#peer.send(get())
  }

  get broken(): boolean {
    return this.#peer.resetBy !== 0
  }
}
