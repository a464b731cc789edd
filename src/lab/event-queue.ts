/** A binary heap of (time, payload): what happens next in a simulation. Events at one time come in no particular order. Grows, never shrinks. */
export class EventQueue {
  size = 0
  #times = new Float64Array(1024)
  #payloads = new Float64Array(1024)

  /** Time of the next event; Infinity if there is none. */
  get nextMs(): number {
    return this.size === 0 ? Infinity : this.#times[0]!
  }

  push(timeMs: number, payload: number): void {
    if (this.size === this.#times.length) this.#grow()
    const times = this.#times
    const payloads = this.#payloads
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (times[parent]! <= timeMs) break
      times[at] = times[parent]!
      payloads[at] = payloads[parent]!
      at = parent
    }
    times[at] = timeMs
    payloads[at] = payload
  }

  /** The payload of the next event, which is taken out. There must be one. */
  pop(): number {
    const times = this.#times
    const payloads = this.#payloads
    const first = payloads[0]!
    const size = --this.size
    const timeMs = times[size]!
    const payload = payloads[size]!
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && times[child + 1]! < times[child]!) child++
      if (times[child]! >= timeMs) break
      times[at] = times[child]!
      payloads[at] = payloads[child]!
      at = child
    }
    times[at] = timeMs
    payloads[at] = payload
    return first
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2)
    const payloads = new Float64Array(times.length)
    times.set(this.#times)
    payloads.set(this.#payloads)
    this.#times = times
    this.#payloads = payloads
  }
}
