export const NOT_ARMED = -1

/** What can be armed: a connection, say, is a timer by extension, or carries one. */
export class Timer {
  /** Entry of the wheel's table, `NOT_ARMED` while in none. The wheel's own. */
  timerSlot: number = NOT_ARMED
}

export type WheelOptions = {
  /** How late a timer may fire, in ms; also how often `advance` is worth calling. */
  readonly granularityMs: number
  /** Timers armed at once to make room for (1024 by default); grows by doubling. */
  readonly capacity?: number
  /** Slots of the wheel, a power of two (4096 by default). A timer further ahead than slots × granularity is looked at once a turn. */
  readonly slots?: number
}

/**
 * A hashed timing wheel (G. Varghese, A. Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987, scheme 6) for timers that are
 * moved far more often than they fire: a deadline that moves away is one store, and the timer is re-inserted only when its old
 * slot comes round. No object, no closure per timer: links are typed arrays, the timer is found through `timerSlot`.
 *
 * Laws: a timer never fires before its deadline; it fires in the first `advance(now)` with now ≥ deadline + granularity at the latest;
 * firing disarms it; `fire` may arm and disarm any timer, itself included; what `fire` arms fires in a later `advance` at the earliest.
 */
export class TimingWheel<T extends Timer = Timer> {
  readonly granularityMs: number
  readonly #mask: number
  /** First entry of each slot's list; the one behind the last slot is the list being fired. */
  readonly #heads: Int32Array
  readonly #due: number
  #next: Int32Array
  #previous: Int32Array
  /** The list an entry is in: a slot, or `#due`. */
  #list: Int32Array
  #deadline: Float64Array
  #timers: (T | undefined)[]
  #free = -1
  #size = 0
  /** The tick of the latest `advance`, and the last tick whose slot was visited (behind it only if `fire` threw). */
  #tick: number
  #visited: number

  constructor(options: WheelOptions, nowMs = 0) {
    const slots = options.slots ?? 4096
    if (!(options.granularityMs > 0)) throw new RangeError('granularityMs must be positive')
    if (slots < 2 || slots > 1 << 24 || (slots & (slots - 1)) !== 0) {
      throw new RangeError('slots must be a power of two')
    }
    this.granularityMs = options.granularityMs
    this.#mask = slots - 1
    this.#due = slots
    this.#heads = new Int32Array(slots + 1).fill(-1)
    const capacity = Math.max(16, Math.ceil(options.capacity ?? 1024))
    this.#next = new Int32Array(capacity)
    this.#previous = new Int32Array(capacity)
    this.#list = new Int32Array(capacity)
    this.#deadline = new Float64Array(capacity)
    this.#timers = []
    this.#extendFreeList(0, capacity)
    this.#tick = Math.floor(nowMs / options.granularityMs)
    this.#visited = this.#tick
  }

  /** Timers armed. */
  get size(): number {
    return this.#size
  }

  /** Nothing armed: no need to advance. */
  get idle(): boolean {
    return this.#size === 0
  }

  isArmed(timer: T): boolean {
    return timer.timerSlot !== NOT_ARMED
  }

  /** Its deadline in ms, Infinity while not armed. */
  deadlineOf(timer: T): number {
    return timer.timerSlot === NOT_ARMED ? Infinity : this.#deadline[timer.timerSlot]!
  }

  /** Arm, or move if already armed. A deadline of Infinity disarms. */
  arm(timer: T, deadlineMs: number): void {
    const entry = timer.timerSlot
    if (entry === NOT_ARMED) {
      if (deadlineMs < Infinity) this.#insertNew(timer, deadlineMs)
      return
    }
    if (!(deadlineMs < Infinity)) {
      this.disarm(timer)
      return
    }
    this.#deadline[entry] = deadlineMs
    const list = this.#list[entry]!
    if (list === this.#due) return // about to be looked at
    const comesRound = this.#tick + 1 + ((list - this.#tick - 1) & this.#mask)
    if (comesRound * this.granularityMs <= deadlineMs) return // looked at in time: move it then
    this.#unlink(entry)
    this.#link(entry, this.#slotOf(deadlineMs))
  }

  disarm(timer: T): void {
    const entry = timer.timerSlot
    if (entry === NOT_ARMED) return
    timer.timerSlot = NOT_ARMED
    this.#unlink(entry)
    this.#release(entry)
  }

  /** Fire every timer whose deadline is at or before `nowMs`, as far as its slot has come round. A clock that stands still is fine. */
  advance(nowMs: number, fire: (timer: T) => void): void {
    const tick = Math.floor(nowMs / this.granularityMs)
    if (tick > this.#tick) this.#tick = tick
    if (this.#heads[this.#due] !== -1) this.#fireDue(nowMs, fire) // left over: `fire` threw
    if (this.#tick - this.#visited > this.#mask) this.#visited = this.#tick - this.#mask - 1 // a whole turn is enough
    while (this.#visited < this.#tick) {
      this.#visited++
      const slot = this.#visited & this.#mask
      if (this.#heads[slot] === -1) continue
      this.#detach(slot)
      this.#fireDue(nowMs, fire)
    }
  }

  /** Make a slot's list the due list: what `fire` arms meanwhile lands in the slot's new list, not in the one being walked. */
  #detach(slot: number): void {
    const first = this.#heads[slot]!
    this.#heads[slot] = -1
    this.#heads[this.#due] = first
    for (let entry = first; entry !== -1; entry = this.#next[entry]!) this.#list[entry] = this.#due
  }

  #fireDue(nowMs: number, fire: (timer: T) => void): void {
    for (;;) {
      const entry = this.#heads[this.#due]!
      if (entry === -1) return
      this.#unlink(entry)
      const deadlineMs = this.#deadline[entry]!
      if (deadlineMs > nowMs) {
        this.#link(entry, this.#slotOf(deadlineMs))
        continue
      }
      const timer = this.#timers[entry]!
      timer.timerSlot = NOT_ARMED
      this.#release(entry)
      fire(timer)
    }
  }

  /** The slot of the first tick at or after the deadline, or of the next tick if that is over. */
  #slotOf(deadlineMs: number): number {
    const tick = Math.ceil(deadlineMs / this.granularityMs)
    return (tick > this.#tick ? tick : this.#tick + 1) & this.#mask
  }

  #insertNew(timer: T, deadlineMs: number): void {
    if (this.#free === -1) this.#grow()
    const entry = this.#free
    this.#free = this.#next[entry]!
    this.#timers[entry] = timer
    this.#deadline[entry] = deadlineMs
    timer.timerSlot = entry
    this.#size++
    this.#link(entry, this.#slotOf(deadlineMs))
  }

  #release(entry: number): void {
    this.#timers[entry] = undefined
    this.#next[entry] = this.#free
    this.#free = entry
    this.#size--
  }

  #link(entry: number, list: number): void {
    const first = this.#heads[list]!
    this.#heads[list] = entry
    this.#next[entry] = first
    this.#previous[entry] = -1
    this.#list[entry] = list
    if (first !== -1) this.#previous[first] = entry
  }

  #unlink(entry: number): void {
    const next = this.#next[entry]!
    const previous = this.#previous[entry]!
    if (next !== -1) this.#previous[next] = previous
    if (previous === -1) this.#heads[this.#list[entry]!] = next
    else this.#next[previous] = next
  }

  #grow(): void {
    const before = this.#next.length
    const after = before * 2
    this.#next = grownInt32(this.#next, after)
    this.#previous = grownInt32(this.#previous, after)
    this.#list = grownInt32(this.#list, after)
    const deadline = new Float64Array(after)
    deadline.set(this.#deadline)
    this.#deadline = deadline
    this.#extendFreeList(before, after)
  }

  #extendFreeList(from: number, to: number): void {
    for (let entry = from; entry < to; entry++) {
      this.#next[entry] = entry + 1
      this.#timers.push(undefined)
    }
    this.#next[to - 1] = this.#free
    this.#free = from
  }
}

const grownInt32 = (array: Int32Array, length: number): Int32Array => {
  const grown = new Int32Array(length)
  grown.set(array)
  return grown
}
