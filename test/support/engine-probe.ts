import {
  EVENT,
  EVENT_WORDS,
  LIVE,
  OP,
  OP_WORDS,
  type Engine,
  type EngineOptions,
  type Handle,
} from '../../src/io/engine.ts'
import { EngineAudit } from './engine-audit.ts'

export type EventName = keyof typeof EVENT

const EVENT_NAMES = new Map(Object.entries(EVENT).map(([name, kind]) => [kind as number, name as EventName]))
const decoder = new TextDecoder()
const encoder = new TextEncoder()

export type RelayResult = { readonly status: number; readonly bytes: number }

/** What the probe knows of one handle. */
export class ProbeConnection implements Handle {
  readonly fd: number
  readonly generation: number
  /** Names of all rows about it, in order. */
  readonly rows: EventName[] = []
  readonly relays: RelayResult[] = []
  /** Text and port of the accepted peer, and the listener's token; the takenOver row's tag and flags. */
  peer = ''
  port = 0
  token = 0
  tag = 0
  flags = 0
  errno = 0
  receivedBytes = 0
  /** The span of the last data row; good inside its batch. */
  spanAt = 0
  spanBytes = 0
  #chunks: Uint8Array[] = []

  constructor(fd: number, generation: number) {
    this.fd = fd
    this.generation = generation
  }

  has(name: EventName): boolean {
    return this.rows.includes(name)
  }

  get received(): Uint8Array {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return decoder.decode(this.received)
  }

  take(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
    this.receivedBytes += bytes.length
  }
}

/**
 * The TypeScript side of an engine under test: notes every row, audits rows and ops, and lets a test give ops at any time.
 * Inside a batch ops are collected and returned, outside they are flushed at once.
 */
export class Probe {
  readonly engine: Engine
  readonly audit: EngineAudit
  readonly accepted: ProbeConnection[] = []
  readonly takenOver: ProbeConnection[] = []
  wakes = 0
  batches = 0
  emptyBatches = 0
  /** Clock readings at the start of each batch. */
  readonly clocks: number[] = []
  /** Called for each row of a connection, inside the batch. */
  react: (name: EventName, connection: ProbeConnection) => void = () => {}
  #connections: Map<number, ProbeConnection> = new Map()
  #rows = 0
  #inBatch = false
  #stopped = false
  #ownFrom: number
  #ownAt: number
  readonly #opRows: number

  constructor(engine: Engine, options: EngineOptions) {
    this.engine = engine
    this.#opRows = options.opRows
    this.#ownFrom = options.arenaBytes
    this.#ownAt = options.arenaBytes
    this.audit = new EngineAudit({ ...options, memBytes: engine.mem.length })
    engine.start((rows) => this.#batch(rows))
  }

  connect(address: string): ProbeConnection {
    const fd = this.engine.connect(address)
    if (fd < 0) throw new Error(`connect ${address}: errno ${-fd}`)
    const connection = new ProbeConnection(fd, this.engine.generationOf(fd))
    this.audit.connecting(fd, connection.generation)
    this.#connections.set(fd, connection)
    return connection
  }

  /** Take what a stopped engine left; undefined if it is not to be had. */
  take(fd: number, generation: number): ProbeConnection | undefined {
    const taken = this.engine.take(fd, generation)
    if (taken === 0) return undefined
    const connection = new ProbeConnection(fd, taken)
    this.audit.taken(fd, taken, this.engine.flagsOf(fd, taken))
    this.#connections.set(fd, connection)
    return connection
  }

  /** Stop the engine, inside of a batch as if the thread died there: nothing after it is done. */
  stop(): void {
    this.#stopped = true
    this.audit.ops(this.engine.ops, this.#rows)
    this.engine.stop()
  }

  send(to: Handle, bytes: Uint8Array | string): void {
    const whole = typeof bytes === 'string' ? encoder.encode(bytes) : bytes
    const { mem } = this.engine
    for (let at = 0; at < whole.length;) {
      if (this.#ownAt === mem.length) this.#flush()
      const piece = whole.subarray(at, at + mem.length - this.#ownAt)
      mem.set(piece, this.#ownAt)
      this.op(OP.send, to, this.#ownAt, piece.length)
      this.#ownAt += piece.length
      at += piece.length
    }
    if (!this.#inBatch) this.#flush()
  }

  /** One op row; words beyond `a` are rarely needed. */
  op(kind: number, to: Handle, ...words: readonly number[]): void {
    if (this.#rows === this.#opRows) this.#flush()
    const row = [kind, to.fd, to.generation, ...words]
    const at = this.#rows * OP_WORDS
    for (let i = 0; i < OP_WORDS; i++) this.engine.ops[at + i] = row[i] ?? 0
    this.#rows += 1
    this.engine.live[LIVE.ops] = this.#rows
    if (!this.#inBatch && kind !== OP.send) this.#flush()
  }

  /** Run what was collected now, even inside a batch. */
  flush(): void {
    this.#flush()
  }

  #flush(): void {
    const rows = this.#rows
    this.#rows = 0
    this.#ownAt = this.#ownFrom
    this.audit.ops(this.engine.ops, rows)
    this.engine.flush(rows)
  }

  #batch(rows: number): number {
    this.audit.batch(this.engine.events, rows)
    this.batches += 1
    this.clocks.push(this.engine.clock[0] ?? Number.NaN)
    if (rows === 0) this.emptyBatches += 1
    this.#inBatch = true
    for (let row = 0; row < rows; row++) {
      this.engine.live[LIVE.cursor] = row
      this.#event(row * EVENT_WORDS)
      if (this.#stopped) return 0
    }
    this.engine.live[LIVE.rows] = 0
    this.engine.live[LIVE.cursor] = -1
    this.#inBatch = false
    const ops = this.#rows
    this.#rows = 0
    this.#ownAt = this.#ownFrom
    this.audit.ops(this.engine.ops, ops)
    return ops
  }

  #event(at: number): void {
    const word = (index: number): number => this.engine.events[at + index] ?? 0
    const name = EVENT_NAMES.get(word(0))
    if (name === undefined) throw new Error(`event of kind ${word(0)}`)
    if (name === 'wake') this.wakes += 1
    if (name === 'wake' || name === 'exhausted') return
    const connection = this.#connectionOf(name, word(1), word(2))
    connection.rows.push(name)
    if (name === 'accepted') {
      connection.token = word(3)
      connection.peer = decoder.decode(this.engine.mem.slice(word(4), word(4) + word(5)))
      connection.port = word(6)
    } else if (name === 'data') {
      connection.spanAt = word(3)
      connection.spanBytes = word(4)
      connection.take(this.engine.mem.slice(word(3), word(3) + word(4)))
    } else if (name === 'reset' || name === 'connectFailed') connection.errno = word(3)
    else if (name === 'relayDone') {
      connection.relays.push({ status: word(3), bytes: (word(4) >>> 0) + (word(5) >>> 0) * 0x1_0000_0000 })
    } else if (name === 'takenOver') {
      connection.tag = word(3)
      connection.flags = word(4)
    }
    this.react(name, connection)
  }

  #connectionOf(name: EventName, fd: number, generation: number): ProbeConnection {
    const known = this.#connections.get(fd)
    if (known !== undefined && known.generation === generation) return known
    const made = new ProbeConnection(fd, generation)
    this.#connections.set(fd, made)
    if (name === 'accepted') this.accepted.push(made)
    if (name === 'takenOver') this.takenOver.push(made)
    return made
  }
}
