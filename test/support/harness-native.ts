import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { connections, createEngine, host, listeners } from '../../native/index.ts'
import { allocateEngineMemory } from '../../src/io/engine-memory.ts'
import { ENGINE_STATS, type Engine, type EngineOptions, type ListenerGroup } from '../../src/io/engine.ts'
import type { BackendEnd, ClientEnd, Family, FarEnd, Harness } from './engine-harness.ts'

const DEADLINE_MS = 10_000
const LOOPBACK: Record<Family, string> = { ipv4: '127.0.0.1:0', ipv6: '[::1]:0', unix: 'unix:' }
/** Shards of engines that were made, never used twice in one process: a stopped one keeps its index until it is collected. */
let nextShard = 0

/** The far end of a real connection: a `node:net` socket, half-open allowed. */
class NetEnd implements FarEnd {
  readonly socket: Socket
  receivedBytes = 0
  finReceived = false
  resetBy = 0
  #chunks: Uint8Array[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes)
      this.receivedBytes += bytes.length
    })
    socket.on('end', () => {
      this.finReceived = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.resetBy = constants.errno[error.code as keyof typeof constants.errno] ?? -1
    })
  }

  get received(): Uint8Array {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return Buffer.from(this.received).toString()
  }

  send(bytes: Uint8Array | string): void {
    this.socket.write(bytes)
  }

  fin(): void {
    this.socket.end()
  }

  /**
   * libuv refuses to reset a socket whose FIN still waits behind unsent data (`uv_tcp_close_reset`: EINVAL), and Node then
   * leaks the handle and hangs at exit; such a one is merely destroyed.
   */
  rst(): void {
    if (this.socket.writableEnded && !this.socket.writableFinished) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  stopReading(): void {
    this.socket.pause()
  }

  startReading(): void {
    this.socket.resume()
  }

  /** The stream reads on as soon as what it holds is less than its mark. */
  readSome(bytes: number): void {
    this.socket.read(Math.min(bytes, Math.max(1, this.socket.readableLength)))
  }
}

/** The contract's surroundings on real loopback sockets. */
class NativeHarness implements Harness {
  readonly engine: Engine
  readonly options: EngineOptions
  readonly connections: typeof connections = connections
  readonly floodBytes: number = 16 * 1024 * 1024
  readonly parcelBytes: number = 16 * 1024 * 1024
  readonly #given: Partial<EngineOptions>
  readonly #engines: { engine: Engine; options: EngineOptions }[] = []
  readonly #groups: Map<number, ListenerGroup> = new Map()
  readonly #servers: Server[] = []
  readonly #sockets: Socket[] = []
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'weir-contract-'))

  constructor(given: Partial<EngineOptions>) {
    this.#given = given
    const { engine, options } = this.#inGivenMemory()
    this.engine = engine
    this.options = options
  }

  sibling(): { engine: Engine; options: EngineOptions } {
    return this.#make(this.#options())
  }

  twin(): { engine: Engine; options: EngineOptions } {
    return this.#inGivenMemory(this.options.shard)
  }

  listen(token: number, family: Family = 'ipv4'): number {
    const address = family === 'unix' ? `unix:${join(this.#folder, `listener${token}`)}` : LOOPBACK[family]
    const group = listeners.open(address, 1, 128)
    this.#groups.set(token, group)
    const fd = group.fds[0] ?? -1
    this.engine.listen(fd, token)
    return fd
  }

  async client(token: number): Promise<ClientEnd> {
    const address = this.#groups.get(token)?.address ?? ''
    const unix = address.startsWith('unix:')
    const colon = address.lastIndexOf(':')
    const ip = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
    const where = unix ? { path: address.slice(5) } : { host: ip, port: Number(address.slice(colon + 1)) }
    const socket = connect({ ...where, allowHalfOpen: true })
    this.#sockets.push(socket)
    const end = new NetEnd(socket)
    await once(socket, 'connect')
    const seen = unix ? 'unix:' : (socket.localAddress ?? '')
    return Object.assign(end, { ip: seen, port: unix ? 0 : (socket.localPort ?? 0) })
  }

  async backend(family: Family = 'ipv4'): Promise<BackendEnd> {
    const accepted: FarEnd[] = []
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.push(socket)
      accepted.push(new NetEnd(socket))
    })
    this.#servers.push(server)
    const path = join(this.#folder, `backend${this.#servers.length}`)
    server.listen(family === 'unix' ? { path } : { host: family === 'ipv6' ? '::1' : '127.0.0.1', port: 0 })
    await once(server, 'listening')
    if (family === 'unix') return { address: `unix:${path}`, accepted }
    const { port } = server.address() as AddressInfo
    return { address: family === 'ipv6' ? `[::1]:${port}` : `127.0.0.1:${port}`, accepted }
  }

  refusing(): Promise<string> {
    const group = listeners.open('127.0.0.1:0', 1, 1)
    listeners.close(group)
    return Promise.resolve(group.address)
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS
    for (let turns = 0; !condition(); turns++) {
      if (performance.now() > deadline) throw new Error(`never happened: ${what}`)
      await (turns < 50 ? turn() : sleep(1))
    }
  }

  async pass(ms: number): Promise<void> {
    await sleep(ms)
  }

  hear(): void {
    host.hear()
  }

  async close(): Promise<void> {
    for (const group of this.#groups.values()) this.engine.unlisten(group.fds[0] ?? -1)
    for (const { engine } of this.#engines) engine.stop()
    for (const { options } of this.#engines) connections.resetOwned(options.shard)
    for (const group of this.#groups.values()) listeners.close(group)
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(this.#servers.map((server) => once(server.close(), 'close')))
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #inGivenMemory(shard?: number): { engine: Engine; options: EngineOptions } {
    const options = this.#options(shard)
    return this.#make({ ...options, memory: allocateEngineMemory(options) })
  }

  #make(options: EngineOptions): { engine: Engine; options: EngineOptions } {
    const made = { engine: createEngine(options), options }
    this.#engines.push(made)
    return made
  }

  #options(shard: number = nextShard++ % 256): EngineOptions {
    return {
      arenaBytes: 65_536,
      ownBytes: 262_144,
      readBytes: 16_384,
      queueCap: 262_144,
      maxConnections: 10_000,
      eventRows: 256,
      opRows: 256,
      ...this.#given,
      shard,
      stats: new Float64Array(new SharedArrayBuffer(ENGINE_STATS.length * 8)),
    }
  }
}

export function nativeHarness(options: Partial<EngineOptions> = {}): Harness {
  return new NativeHarness(options)
}
