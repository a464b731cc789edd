import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import type { TestContext } from 'node:test'
import { connections, createEngine, listeners } from '../../native/index.ts'
import { ENGINE_STATS, EVENT, EVENT_WORDS, OP } from '../../src/io/engine.ts'
import type { Engine, EngineOptions, EngineStat, Handle, ListenerGroup } from '../../src/io/engine.ts'
import { EngineAudit } from '../support/engine-audit.ts'

const DEADLINE_MS = 8000

export type Row = Handle & {
  readonly kind: number
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  /** Payload of `data`, peer's address of `accepted`; empty otherwise. */
  readonly bytes: Buffer
}

const NAMES: readonly string[] = Object.entries(EVENT).reduce<string[]>((names, [name, kind]) => {
  names[kind] = name
  return names
}, [])

export function describeRow({ kind, fd, generation, a, b, bytes }: Row): string {
  return `${NAMES[kind] ?? kind} ${fd}/${generation} a=${a} b=${b} ${bytes.length}B`
}

export function engineOptions(overrides: Partial<EngineOptions> = {}): EngineOptions {
  return {
    shard: 0,
    arenaBytes: 1 << 20,
    ownBytes: 1 << 20,
    readBytes: 16_384,
    queueCap: 1 << 24,
    maxConnections: 10_000,
    eventRows: 1024,
    opRows: 256,
    stats: new Float64Array(new SharedArrayBuffer(ENGINE_STATS.length * 8)),
    ...overrides,
  }
}

/** A real engine under audit, driven step by step: rows are kept until a test takes them, ops run when they are said. */
export class Rig {
  readonly engine: Engine
  readonly options: EngineOptions
  readonly audit: EngineAudit
  /** Rows nobody has taken yet. */
  rows: Row[] = []
  batches = 0
  emptyBatches = 0
  /** Called for every row inside the batch; ops of its own run at once. */
  onRow: ((row: Row) => void) | undefined
  #fault: unknown
  #groups: ListenerGroup[] = []
  #waiting: (() => void)[] = []

  constructor(t: TestContext, overrides: Partial<EngineOptions> = {}) {
    this.options = engineOptions(overrides)
    this.engine = createEngine(this.options)
    this.audit = new EngineAudit({ ...this.options, memBytes: this.engine.mem.length })
    this.engine.start((events) => this.#batch(events))
    t.after(() => this.stop())
  }

  stop(): void {
    this.engine.stop()
    for (const group of this.#groups.splice(0)) listeners.close(group)
    connections.resetOwned(this.options.shard)
    if (this.#fault !== undefined) throw this.#fault
  }

  #batch(events: number): number {
    this.batches++
    if (events === 0) this.emptyBatches++
    try {
      this.audit.batch(this.engine.events, events)
      for (let index = 0; index < events; index++) this.#take(index * EVENT_WORDS)
    } catch (fault) {
      this.#fault ??= fault
    }
    this.#wake()
    return 0
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #take(at: number): void {
    const { events, mem } = this.engine
    const word = (index: number): number => events[at + index] ?? 0
    const kind = word(0)
    const span =
      kind === EVENT.data ? [word(3), word(4)] : kind === EVENT.accepted ? [word(4), word(5)] : [0, 0]
    const [from = 0, length = 0] = span
    const bytes = Buffer.from(mem.subarray(from, from + length))
    const row = {
      kind,
      fd: word(1),
      generation: word(2),
      a: word(3),
      b: word(4),
      c: word(5),
      d: word(6),
      bytes,
    }
    this.rows.push(row)
    this.onRow?.(row)
  }

  /** Resolves when `condition` holds, looked at after every batch. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = setTimeout(() => this.#wake(), DEADLINE_MS)
    const started = performance.now()
    try {
      while (!condition()) {
        if (this.#fault !== undefined) throw this.#fault
        const late = performance.now() - started >= DEADLINE_MS - 1
        assert.ok(!late, `waited in vain for ${what}; rows: ${this.rows.map(describeRow).join(', ')}`)
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
      }
    } finally {
      clearTimeout(deadline)
    }
  }

  /** Takes the first row of a kind (of one connection), waiting for it. */
  async next(kind: number, of?: Handle): Promise<Row> {
    const find = (): number =>
      this.rows.findIndex(
        (row) =>
          row.kind === kind && (of === undefined || (row.fd === of.fd && row.generation === of.generation)),
      )
    await this.until(() => find() !== -1, `${NAMES[kind]}${of === undefined ? '' : ` of ${of.fd}`}`)
    const [row] = this.rows.splice(find(), 1)
    assert.ok(row)
    return row
  }

  /** Takes `data` rows of one connection until `length` bytes are there. */
  async data(of: Handle, length: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    for (let got = 0; got < length;) {
      const { bytes } = await this.next(EVENT.data, of)
      pieces.push(bytes)
      got += bytes.length
    }
    return Buffer.concat(pieces)
  }

  /** Runs one op row now. */
  op(kind: number, { fd, generation }: Handle, ...words: readonly number[]): void {
    this.ops([[kind, fd, generation, ...words]])
  }

  ops(rows: readonly (readonly number[])[]): void {
    this.engine.ops.fill(0)
    for (const [index, row] of rows.entries()) this.engine.ops.set(row, index * EVENT_WORDS)
    this.audit.ops(this.engine.ops, rows.length)
    this.engine.flush(rows.length)
  }

  /** Sends through the scratch of `mem`, in pieces that fit it. */
  send(to: Handle, bytes: Uint8Array | string): void {
    const all = Buffer.from(bytes)
    const { mem, arenaBytes } = this.engine
    const most = mem.length - arenaBytes
    for (let from = 0; from < all.length; from += most) {
      const piece = all.subarray(from, from + most)
      mem.set(piece, arenaBytes)
      this.op(OP.send, to, arenaBytes, piece.length)
    }
  }

  stat(name: EngineStat): number {
    return this.options.stats[ENGINE_STATS.indexOf(name)] ?? NaN
  }

  open(address = '127.0.0.1:0', members = 1, backlog = 511): ListenerGroup {
    const group = listeners.open(address, members, backlog)
    this.#groups.push(group)
    return group
  }

  /** A listener this engine accepts from. */
  listen(address = '127.0.0.1:0', token = 1): ListenerGroup {
    const group = this.open(address)
    for (const fd of group.fds) this.engine.listen(fd, token)
    return group
  }

  connect(address: string): Handle {
    const fd = this.engine.connect(address)
    assert.ok(fd >= 0, `connect to ${address}: ${fd}`)
    const handle = { fd, generation: this.engine.generationOf(fd) }
    this.audit.connecting(handle.fd, handle.generation)
    return handle
  }

  /** A client's socket and our end of it. */
  async pair(group: ListenerGroup): Promise<[net.Socket, Handle]> {
    const socket = dial(group.address)
    const [, row] = await Promise.all([once(socket, 'connect'), this.next(EVENT.accepted)])
    return [socket, row]
  }
}

/** A client that takes a reset for granted. */
export function dial(address: string): net.Socket {
  const socket = net.connect({ ...target(address), allowHalfOpen: true })
  socket.on('error', () => {})
  return socket
}

/** Resolves at the socket's close, however it came to that: with its error's code, or undefined. */
export function closed(socket: net.Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let code: string | undefined
    socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code))
    socket.on('close', () => resolve(code))
  })
}

/** What net.connect needs to reach `127.0.0.1:80`, `[::1]:80` or `unix:/path`. */
export function target(address: string): net.NetConnectOpts {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) }
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}

/** Everything a socket receives until its end; rejects on an error. */
export async function readAll(socket: net.Socket): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

/** Waits for a condition that no engine row announces. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (!condition()) {
    assert.ok(performance.now() < deadline, `waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Bytes in which every position is recognisable: a lost, doubled or moved byte shows. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = seed >>> 0 || 1
  for (let index = 0; index < length; index++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[index] = state
  }
  return bytes
}

/** A TCP server of the test's own, closed with the test. */
export async function server(t: TestContext, onSocket: (socket: net.Socket) => void): Promise<string> {
  const sockets = new Set<net.Socket>()
  const own = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    own.close()
  })
  own.listen(0, '127.0.0.1')
  await once(own, 'listening')
  const address = own.address()
  assert.ok(typeof address === 'object' && address !== null)
  return `127.0.0.1:${address.port}`
}
