import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { takeMessage } from './wire-message.ts'
import type { Expecting, Message } from './wire-message.ts'

/** Whoever cleans up when it ends: a test, or the file (`{ after }` of node:test). */
export type Scope = { after(cleanUp: () => unknown): void }

/** How a peer ended a connection: with FIN, or broke it off. */
export type Ending = 'end' | 'reset'

const DEADLINE_MS = 10_000

/** One end of a real connection, byte for byte: what was received and not yet taken, and how it ended. */
export class Wire {
  readonly socket: Socket
  #chunks: Buffer[] = []
  #ending: Ending | undefined
  #changed = Promise.withResolvers<void>()

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#wake()
    })
    socket.on('end', () => this.#end('end'))
    socket.on('error', () => this.#end('reset'))
    socket.on('close', () => this.#end('reset'))
  }

  /** Bytes received and not taken. */
  get bytes(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] ?? Buffer.alloc(0)
  }

  get text(): string {
    return this.bytes.toString('latin1')
  }

  /** How the peer ended it; undefined while it has not. */
  get ended(): Ending | undefined {
    return this.#ending
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Wait until something is found in what came. */
  async until<T>(
    find: (wire: Wire) => T | undefined | false,
    what: string,
    deadlineMs: number = DEADLINE_MS,
  ): Promise<T> {
    const late = deadlineMs === Infinity ? new AbortController().signal : AbortSignal.timeout(deadlineMs)
    for (;;) {
      const found = find(this)
      if (found !== undefined && found !== false) return found
      if (this.ended !== undefined && deadlineMs === Infinity) throw new Error(`no ${what}; ${this.#story()}`)
      if (late.aborted) throw new Error(`waited too long for ${what}; ${this.#story()}`)
      await this.#change(late)
    }
  }

  /** Take the next request or response. Rejects when the connection ends before it is complete. */
  take(expecting: Expecting): Promise<Message> {
    return this.until((wire) => {
      const taken = takeMessage(wire.bytes, wire.ended === 'end', expecting)
      if (taken !== undefined) this.#chunks = [wire.bytes.subarray(taken.length)]
      else if (wire.ended !== undefined) throw new Error(`no whole message; ${this.#story()}`)
      return taken?.message
    }, 'a message')
  }

  response(method = 'GET'): Promise<Message> {
    return this.take({ kind: 'response', method })
  }

  request(): Promise<Message> {
    return this.take({ kind: 'request' })
  }

  /** How the peer ends the connection. */
  ending(): Promise<Ending> {
    return this.until((wire) => wire.ended, 'the end of the connection')
  }

  /** Break the connection off with RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Stop and go on reading: while it stops, the kernel's buffers fill and the peer's writes stall. */
  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  #end(ending: Ending): void {
    this.#ending ??= ending
    this.#wake()
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }

  async #change(late: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    late.addEventListener('abort', wake)
    await Promise.race([this.#changed.promise, promise])
    late.removeEventListener('abort', wake)
  }

  #story(): string {
    return `${this.#ending ?? 'open'}, ${this.bytes.length} bytes: ${JSON.stringify(this.text.slice(0, 400))}`
  }
}

/** Connect to `ip:port`, `[v6]:port` or `unix:/path`. Ends with the scope. */
export async function dial(scope: Scope, address: string): Promise<Wire> {
  const socket = connect({ ...target(address), allowHalfOpen: true })
  const wire = new Wire(socket)
  scope.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.setNoDelay(true)
  return wire
}

function target(address: string): { path: string } | { host: string; port: number } {
  if (address.startsWith('unix:')) return { path: address.slice(5) }
  const at = address.lastIndexOf(':')
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) }
}

export type RawBackend = {
  readonly address: string
  readonly port: number
  readonly server: Server
  /** All connections so far, in order. */
  readonly wires: readonly Wire[]
}

/** A backend of sockets: what it reads and answers is the test's. On a free port of `host`, or a unix socket's path. */
export async function rawBackend(
  scope: Scope,
  serve: (wire: Wire, index: number) => unknown,
  host = '127.0.0.1',
): Promise<RawBackend> {
  const wires: Wire[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const wire = new Wire(socket)
    wires.push(wire)
    // What a script still waits for when its connection is gone is not this test's business.
    Promise.resolve(serve(wire, wires.length - 1)).catch(() => {})
  })
  if (host.startsWith('/')) server.listen(host)
  else server.listen(0, host)
  await once(server, 'listening')
  scope.after(() => {
    for (const { socket } of wires) socket.destroy()
    server.close()
  })
  if (host.startsWith('/')) return { address: `unix:${host}`, port: 0, server, wires }
  const { port } = server.address() as AddressInfo
  return { address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, port, server, wires }
}
