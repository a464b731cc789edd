/** Idle connections of a client from which on it is worth remembering. */
const HOARD = 8
/** Clients that are remembered, the largest hoards first. */
const REMEMBERED = 256
/** A burst is half forgotten after so long. */
const HALF_LIFE_MS = 60_000
/** Bursts beyond count no more. */
const MOST_BURSTS = 8
const FIRST_SLOTS = 64
const KNUTH = 0x9e37_79b1

/** Connections as they are at one moment: of which client (any int32), and idle for how long, in ms; negative: at work. */
export class Crowd {
  clients: Int32Array = new Int32Array(FIRST_SLOTS)
  idleMs: Float64Array = new Float64Array(FIRST_SLOTS)
  count = 0

  clear(): void {
    this.count = 0
  }

  add(client: number, idleMs: number): void {
    if (this.count === this.clients.length) this.#grow()
    this.clients[this.count] = client
    this.idleMs[this.count++] = idleMs
  }

  #grow(): void {
    const clients = new Int32Array(this.count * 2)
    const idleMs = new Float64Array(this.count * 2)
    clients.set(this.clients)
    idleMs.set(this.idleMs)
    this.clients = clients
    this.idleMs = idleMs
  }
}

type Memory = { idle: number; bursts: number; atMs: number }
/** Of a client with more than it needs: how much may go, what that weighs, and which go (indices into the crowd, longest idle first). */
type Hoard = {
  readonly surplus: number
  readonly factor: number
  taken: number
  readonly oldest: number[]
}

/**
 * Who holds more connections than it uses, and whose idle ones go first when there are too few.
 *
 *     surplus = idle connections, but one of all that the client has
 *     score   = surplus left · (1 + bursts)
 *
 * A burst is a client that had a hoard (`HOARD`) at one look and used half of it by the next; bursts are forgotten with time. The highest score gives its longest
 * idle connection, then scores are compared again, so hoards are levelled from above.
 *
 * Laws: a client's only connection is never chosen while anybody has a surplus; of one client the longest idle goes first; memory is some
 * tens of bytes per connection looked at and `REMEMBERED` clients, whatever they do.
 */
export class Hoarders {
  readonly #remembered = new Map<number, Memory>()
  #lookedAtMs = -Infinity
  /** Open addressing: slot → 1 + index of the client's row below. */
  #slots = new Int32Array(FIRST_SLOTS)
  #rows = new Int32Array(FIRST_SLOTS)
  #all = new Int32Array(FIRST_SLOTS)
  #idle = new Int32Array(FIRST_SLOTS)
  #count = 0

  /** Look at everybody, about once a second: who had a hoard and has used it since? */
  look(crowd: Crowd, nowMs: number): void {
    this.#tally(crowd, nowMs - this.#lookedAtMs)
    this.#lookedAtMs = nowMs
    for (const [client, memory] of this.#remembered) {
      const row = this.#rowOf(client)
      const awake = row < 0 ? 0 : this.#all[row]! - this.#idle[row]!
      const bursts = memory.bursts * 0.5 ** (Math.max(0, nowMs - memory.atMs) / HALF_LIFE_MS)
      memory.bursts = Math.min(
        MOST_BURSTS,
        memory.idle >= HOARD && awake * 2 >= memory.idle ? bursts + 1 : bursts,
      )
      memory.atMs = nowMs
      memory.idle = row < 0 ? 0 : this.#idle[row]!
      if (memory.idle < HOARD && memory.bursts < 0.1) this.#remembered.delete(client)
    }
    for (let row = 0; row < this.#count; row++) if (this.#idle[row]! >= HOARD) this.#remember(row, nowMs)
  }

  /** Clients that are. */
  get remembered(): number {
    return this.#remembered.size
  }

  /** Bursts of a client that are not forgotten yet, 0…`MOST_BURSTS`. */
  burstsOf(client: number): number {
    return this.#remembered.get(client)?.bursts ?? 0
  }

  /** Idle connections beyond what their clients need. `leastMs`: idle for so long at least. */
  surplus(crowd: Crowd, leastMs: number): number {
    this.#tally(crowd, leastMs)
    let sum = 0
    for (let row = 0; row < this.#count; row++) sum += this.#surplusOf(row)
    return sum
  }

  /** At most so many indices into the crowd, of surplus connections that are idle for `leastMs` at least, in the order in which they are to be closed. */
  choose(crowd: Crowd, most: number, leastMs: number): readonly number[] {
    const hoards = this.#hoards(crowd, leastMs)
    const turns = this.#takeTurns([...hoards.values()], most)
    for (let i = 0; i < crowd.count; i++) {
      const hoard = crowd.idleMs[i]! < leastMs ? undefined : hoards.get(crowd.clients[i]!)
      if (hoard !== undefined && hoard.taken > 0) keepOldest(hoard, i, crowd.idleMs)
    }
    const next = new Map<Hoard, number>()
    return turns.map((hoard) => {
      const at = next.get(hoard) ?? 0
      next.set(hoard, at + 1)
      return hoard.oldest[at]!
    })
  }

  #hoards(crowd: Crowd, leastMs: number): Map<number, Hoard> {
    this.#tally(crowd, leastMs)
    const hoards = new Map<number, Hoard>()
    for (let row = 0; row < this.#count; row++) {
      const surplus = this.#surplusOf(row)
      if (surplus === 0) continue
      const client = this.#rows[row]!
      hoards.set(client, { surplus, factor: 1 + this.burstsOf(client), taken: 0, oldest: [] })
    }
    return hoards
  }

  /** Whose turn it is to give one, so many times. */
  #takeTurns(heap: Hoard[], most: number): readonly Hoard[] {
    for (let at = (heap.length >> 1) - 1; at >= 0; at--) sink(heap, at)
    const turns: Hoard[] = []
    while (turns.length < most && heap.length > 0) {
      const worst = heap[0]!
      worst.taken++
      turns.push(worst)
      if (worst.taken === worst.surplus) {
        const last = heap.pop()!
        if (heap.length === 0) break
        heap[0] = last
      }
      sink(heap, 0)
    }
    return turns
  }

  #remember(row: number, nowMs: number): void {
    const client = this.#rows[row]!
    const idle = this.#idle[row]!
    const known = this.#remembered.get(client)
    if (known !== undefined) return
    if (this.#remembered.size >= REMEMBERED) {
      const [least, memory] = [...this.#remembered].reduce((a, b) =>
        weightOf(b[1]) < weightOf(a[1]) ? b : a,
      )
      if (weightOf(memory) >= idle) return
      this.#remembered.delete(least)
    }
    this.#remembered.set(client, { idle, bursts: 0, atMs: nowMs })
  }

  #surplusOf(row: number): number {
    return Math.min(this.#idle[row]!, this.#all[row]! - 1)
  }

  /** Per client, how many connections there are, and how many are idle for so long. */
  #tally(crowd: Crowd, leastMs: number): void {
    let size = FIRST_SLOTS
    while (size < crowd.count * 2) size *= 2
    if (this.#slots.length !== size) this.#resize(size)
    else this.#slots.fill(0)
    this.#count = 0
    const floorMs = Math.max(0, leastMs)
    for (let i = 0; i < crowd.count; i++) {
      const slot = this.#slotOf(crowd.clients[i]!)
      if (this.#slots[slot] === 0) this.#open(slot, crowd.clients[i]!)
      const row = this.#slots[slot]! - 1
      this.#all[row]!++
      if (crowd.idleMs[i]! >= floorMs) this.#idle[row]!++
    }
  }

  #resize(size: number): void {
    this.#slots = new Int32Array(size)
    this.#rows = new Int32Array(size / 2)
    this.#all = new Int32Array(size / 2)
    this.#idle = new Int32Array(size / 2)
  }

  #open(slot: number, client: number): void {
    const row = this.#count++
    this.#slots[slot] = row + 1
    this.#rows[row] = client
    this.#all[row] = 0
    this.#idle[row] = 0
  }

  /** The client's slot, or the free one where it belongs. Half of the slots at least are free. */
  #slotOf(client: number): number {
    const mask = this.#slots.length - 1
    let slot = (Math.imul(client, KNUTH) >>> 7) & mask
    for (;;) {
      const row = this.#slots[slot]!
      if (row === 0 || this.#rows[row - 1] === client) return slot
      slot = (slot + 1) & mask
    }
  }

  #rowOf(client: number): number {
    return this.#slots[this.#slotOf(client)]! - 1
  }
}

const weightOf = ({ idle, bursts }: Memory): number => idle * (1 + bursts)

const scoreOf = (hoard: Hoard): number => (hoard.surplus - hoard.taken) * hoard.factor

/** The worst is at the root. */
function sink(heap: Hoard[], from: number): void {
  for (let at = from; ;) {
    const left = at * 2 + 1
    if (left >= heap.length) return
    const right = left + 1
    const worse = right < heap.length && scoreOf(heap[right]!) > scoreOf(heap[left]!) ? right : left
    if (scoreOf(heap[worse]!) <= scoreOf(heap[at]!)) return
    const other = heap[at]!
    heap[at] = heap[worse]!
    heap[worse] = other
    at = worse
  }
}

/** Keep the `taken` longest idle ones of a client, in order. */
function keepOldest({ taken, oldest }: Hoard, index: number, idleMs: Float64Array): void {
  if (oldest.length === taken && idleMs[index]! <= idleMs[oldest[taken - 1]!]!) return
  if (oldest.length === taken) oldest.pop()
  let at = oldest.length
  while (at > 0 && idleMs[oldest[at - 1]!]! < idleMs[index]!) at--
  oldest.splice(at, 0, index)
}

/** At most so many indices into the crowd of those idle for `leastMs` at least, the longest idle first, whosever they are. */
export function longestIdle(crowd: Crowd, most: number, leastMs: number): readonly number[] {
  const all: Hoard = { surplus: most, factor: 1, taken: most, oldest: [] }
  for (let i = 0; i < crowd.count && most > 0; i++)
    if (crowd.idleMs[i]! >= leastMs) keepOldest(all, i, crowd.idleMs)
  return all.oldest
}
