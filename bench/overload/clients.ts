import { connections, createEngine } from '../../native/index.ts'
import { ENGINE_STATS, EVENT, EVENT_WORDS, OP, OP_WORDS } from '../../src/io/engine.ts'
import type { Engine } from '../../src/io/engine.ts'

/** What became of the requests of one phase. */
export type Tally = {
  readonly seconds: number
  /** Moments at which a client should have asked. */
  readonly wanted: number
  /** Requests that were sent: a client that still waits for an answer asks nothing. */
  readonly sent: number
  /** Answered with 200, in all and within the patience. */
  readonly served: number
  readonly inTime: number
  readonly refused: number
  /** Connections that ended. */
  readonly broken: number
  /** Of those answered with 200, ms. */
  readonly p50Ms: number
  readonly p99Ms: number
}

/** `rate`: requests a second, at random clients; undefined: each asks as soon as it is answered. What happens in the first `settleMs` is not counted. */
export type Phase = {
  readonly rate: number | undefined
  readonly settleMs: number
  readonly clients: number
  readonly ms: number
  readonly patienceMs: number
}

const OPEN_AT_ONCE = 200
const ARENA = 1 << 20
const MOST_FDS = 65_536
/** Clients looked at for one that does not wait. */
const TRIES = 8
const KEPT = 1 << 20

/**
 * Keep-alive clients on one engine (the proxy's own, which leaves the machine's time to what is measured). Their requests are alike; answers are
 * told by their status, and are whole when as many bytes came as they name.
 */
export class Clients {
  readonly #engine: Engine
  readonly #port: number
  readonly #request: { readonly start: number; readonly bytes: number }
  readonly #text: Buffer
  /** By client: fd, when it asked (NaN: it does not wait), bytes of the answer still to come, its status. */
  readonly #fds: Int32Array
  readonly #askedMs: Float64Array
  readonly #missing: Int32Array
  readonly #status: Int32Array
  readonly #clientOf = new Int32Array(MOST_FDS).fill(-1)
  readonly #latencies = new Float64Array(KEPT)
  #phase: Phase | undefined
  #startMs = 0
  #random = 1
  #greeting: { readonly from: number; readonly to: number } | undefined
  #rows = 0
  #connected = 0
  #counts = { wanted: 0, sent: 0, served: 0, inTime: 0, refused: 0, broken: 0 }

  constructor(port: number, most: number, request: string) {
    const bytes = Buffer.from(request, 'latin1')
    this.#engine = createEngine({
      shard: 0,
      arenaBytes: ARENA,
      ownBytes: bytes.length,
      readBytes: 16_384,
      queueCap: 1 << 20,
      maxConnections: MOST_FDS,
      eventRows: 1024,
      opRows: 16_384,
      stats: new Float64Array(ENGINE_STATS.length),
    })
    this.#engine.mem.set(bytes, ARENA)
    this.#request = { start: ARENA, bytes: bytes.length }
    this.#text = Buffer.from(this.#engine.mem.buffer, this.#engine.mem.byteOffset, ARENA)
    this.#port = port
    this.#fds = new Int32Array(most).fill(-1)
    this.#askedMs = new Float64Array(most).fill(NaN)
    this.#missing = new Int32Array(most)
    this.#status = new Int32Array(most)
    this.#engine.start((rows) => this.#onBatch(rows))
    this.#engine.tickEvery(1)
  }

  /** Connect them all. */
  async open(): Promise<void> {
    for (let from = 0; from < this.#fds.length; from += OPEN_AT_ONCE) {
      const to = Math.min(this.#fds.length, from + OPEN_AT_ONCE)
      for (let i = from; i < to; i++) this.#connect(i)
      await until(() => this.#connected >= to)
    }
    // An answer each, so that they are idle rather than late with their first request.
    for (let from = 0; from < this.#fds.length; from += OPEN_AT_ONCE) {
      const to = Math.min(this.#fds.length, from + OPEN_AT_ONCE)
      this.#greeting = { from, to }
      await until(() => this.#greeting === undefined && this.#askedMs.every(Number.isNaN))
    }
  }

  async run(phase: Phase): Promise<Tally> {
    this.#begin()
    this.#phase = phase
    await new Promise((resolve) => setTimeout(resolve, phase.settleMs))
    this.#begin()
    await new Promise((resolve) => setTimeout(resolve, phase.ms))
    this.#phase = undefined
    const seconds = (performance.now() - this.#startMs) / 1000
    const counts = this.#counts
    await until(() => this.#askedMs.every(Number.isNaN), 5000) // what is late is nobody's any more
    const sorted = this.#latencies.slice(0, Math.min(KEPT, counts.served)).sort()
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN
    return { seconds, ...counts, p50Ms: at(0.5), p99Ms: at(0.99) }
  }

  #begin(): void {
    this.#counts = { wanted: 0, sent: 0, served: 0, inTime: 0, refused: 0, broken: 0 }
    this.#startMs = performance.now()
  }

  stop(): void {
    this.#engine.stop()
    connections.resetOwned(0)
  }

  #connect(client: number): void {
    const fd = this.#engine.connect(`127.0.0.1:${this.#port}`)
    if (fd < 0) throw new Error(`connect: errno ${-fd}`)
    this.#fds[client] = fd
    this.#clientOf[fd] = client
    this.#askedMs[client] = NaN
    this.#missing[client] = 0
  }

  #onBatch(rows: number): number {
    const nowMs = performance.now()
    this.#rows = 0
    for (let row = 0; row < rows; row++) this.#onRow(row * EVENT_WORDS, nowMs)
    const phase = this.#phase
    for (let client = this.#greeting?.from ?? 0; client < (this.#greeting?.to ?? 0); client++)
      this.#ask(client, nowMs)
    this.#greeting = undefined
    if (phase?.rate !== undefined) this.#askDue(phase, phase.rate, nowMs)
    else if (phase !== undefined && this.#counts.wanted === 0)
      for (let client = 0; client < phase.clients; client++)
        if (Number.isNaN(this.#askedMs[client]!)) this.#ask(client, nowMs)
    return this.#rows
  }

  #onRow(at: number, nowMs: number): void {
    const { events } = this.#engine
    const client = this.#clientOf[events[at + 1]!]!
    switch (events[at]) {
      case EVENT.connected:
        this.#connected++
        return
      case EVENT.data:
        if (client >= 0) this.#onData(client, events[at + 3]!, events[at + 4]!, nowMs)
        return
      case EVENT.end:
        this.#op(OP.reset, events[at + 1]!, events[at + 2]!)
        this.#lost(client)
        return
      case EVENT.reset:
      case EVENT.connectFailed:
        this.#lost(client)
        return
      default:
    }
  }

  /** Behind the batch: the number of the old one may be used again at once. */
  #lost(client: number): void {
    if (client < 0) return
    this.#counts.broken++
    this.#askedMs[client] = NaN
    this.#clientOf[this.#fds[client]!] = -1
    this.#fds[client] = -1
    setImmediate(() => this.#connect(client))
  }

  #onData(client: number, start: number, bytes: number, nowMs: number): void {
    if (this.#missing[client] === 0) {
      this.#status[client] = Number(this.#text.toString('latin1', start + 9, start + 12))
      const headEnd = this.#text.indexOf('\r\n\r\n', start, 'latin1') + 4
      const head = this.#text.toString('latin1', start, headEnd)
      this.#missing[client] = headEnd - start + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    }
    this.#missing[client]! -= bytes
    if (this.#missing[client]! > 0) return
    this.#missing[client] = 0
    this.#answered(client, nowMs - this.#askedMs[client]!)
    this.#askedMs[client] = NaN
    if (this.#phase !== undefined && this.#phase.rate === undefined) this.#ask(client, nowMs)
  }

  #answered(client: number, latencyMs: number): void {
    const counts = this.#counts
    if (this.#phase === undefined) return
    if (this.#status[client] !== 200) {
      counts.refused++
      return
    }
    if (counts.served < KEPT) this.#latencies[counts.served] = latencyMs
    counts.served++
    if (latencyMs <= this.#phase.patienceMs) counts.inTime++
  }

  #askDue({ clients }: Phase, rate: number, nowMs: number): void {
    const due = Math.floor(((nowMs - this.#startMs) / 1000) * rate)
    while (this.#counts.wanted < due && this.#rows < 12_000) {
      this.#counts.wanted++
      for (let tries = 0; tries < TRIES; tries++) {
        const client = this.#draw(clients)
        if (!Number.isNaN(this.#askedMs[client]!) || this.#fds[client]! < 0) continue
        this.#counts.wanted--
        this.#ask(client, nowMs)
        break
      }
    }
  }

  #ask(client: number, nowMs: number): void {
    const fd = this.#fds[client]!
    if (fd < 0) return
    this.#counts.wanted++
    this.#counts.sent++
    this.#askedMs[client] = nowMs
    const at = this.#op(OP.send, fd, this.#engine.generationOf(fd))
    this.#engine.ops[at + 3] = this.#request.start
    this.#engine.ops[at + 4] = this.#request.bytes
  }

  #op(op: number, fd: number, generation: number): number {
    const at = this.#rows++ * OP_WORDS
    this.#engine.ops[at] = op
    this.#engine.ops[at + 1] = fd
    this.#engine.ops[at + 2] = generation
    return at
  }

  #draw(count: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) | 0
    return Math.floor(((this.#random >>> 0) / 4_294_967_296) * count)
  }
}

async function until(holds: () => boolean, withinMs = 20_000): Promise<void> {
  const deadlineMs = performance.now() + withinMs
  while (!holds() && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 20))
}
