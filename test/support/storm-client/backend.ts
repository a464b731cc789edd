import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Scope } from '../wire.ts'
import { bodyOf, uploadOf, wishOf } from './wish.ts'
import type { Wish } from './wish.ts'

/** POSTs remembered, to see one that comes twice. */
const REMEMBERED = 1 << 20

/** A backend that does as each request of a storm says, and keeps count of what must not be. */
export class StormBackend {
  /** POSTs that came a second time: something was done twice. */
  repeated = 0
  /** Requests that no client of ours could have sent. */
  readonly garbled: string[] = []
  requests = 0
  readonly #seen = new Uint32Array(REMEMBERED)
  readonly #sockets = new Set<Socket>()

  serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    let held: Buffer = Buffer.alloc(0)
    let busy = false
    const work = (): void => {
      if (busy || held.length === 0) return
      const headEnd = held.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const head = held.toString('latin1', 0, headEnd)
      if (/^upgrade: *websocket/im.test(head)) return this.#echo(socket, held.subarray(headEnd + 4), take)
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
      const end = headEnd + 4 + length
      if (held.length < end) return
      const body = held.subarray(headEnd + 4, end)
      held = held.subarray(end)
      busy = true
      this.#requested(socket, head, body, () => {
        busy = false
        work()
      })
    }
    const take = (bytes: Buffer): void => {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
      work()
    }
    socket.on('data', take)
  }

  closeAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #requested(socket: Socket, head: string, body: Buffer, next: () => void): void {
    this.requests++
    const wish = wishOf(head.slice(0, head.indexOf('\r\n')))
    if (wish === undefined || !this.#isWhole(wish, body)) {
      this.garbled.push(head.slice(0, 200))
      socket.destroy()
      return
    }
    if (wish.method === 'POST') this.#count(wish.id)
    if (wish.delayMs > 0) setTimeout(() => answer(socket, wish, next), wish.delayMs)
    else answer(socket, wish, next)
  }

  #isWhole({ id, method, size }: Wish, body: Buffer): boolean {
    return method === 'GET' ? body.length === 0 : body.equals(uploadOf(id, size))
  }

  #count(id: number): void {
    const at = id % REMEMBERED
    if (this.#seen[at] === id) this.repeated++
    this.#seen[at] = id
  }

  /** After a 101 every byte comes back. */
  #echo(socket: Socket, early: Buffer, take: (bytes: Buffer) => void): void {
    socket.off('data', take)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    if (early.length > 0) socket.write(early)
    socket.on('data', (bytes: Buffer) => void socket.write(bytes))
  }
}

function answer(socket: Socket, wish: Wish, next: () => void): void {
  const { id, size, chunked, pauseMs } = wish
  const body = bodyOf(id, size)
  const framing = chunked ? 'transfer-encoding: chunked' : `content-length: ${size}`
  const head = Buffer.from(`HTTP/1.1 200 OK\r\nx-storm-id: ${id}\r\n${framing}\r\n\r\n`, 'latin1')
  const half = size >> 1
  const part = (bytes: Buffer): Buffer => (chunked ? chunkOf(bytes) : bytes)
  const rest = [part(body.subarray(half)), chunked ? Buffer.from('0\r\n\r\n') : Buffer.alloc(0)]
  const first = [head, part(body.subarray(0, half))]
  if (pauseMs === 0) {
    socket.write(Buffer.concat([...first, ...rest]))
    return next()
  }
  socket.write(Buffer.concat(first))
  setTimeout(() => {
    if (!socket.destroyed) socket.write(Buffer.concat(rest))
    next()
  }, pauseMs)
}

function chunkOf(bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

export type StormBackends = { readonly addresses: readonly string[]; readonly backend: StormBackend }

/** The same backend at several addresses of loopback, so that what is done again elsewhere is seen, too. Ends with the scope. */
export async function startStormBackends(scope: Scope, count = 2): Promise<StormBackends> {
  const backend = new StormBackend()
  const addresses: string[] = []
  for (let at = 0; at < count; at++) {
    const server = createServer({ noDelay: true }, (socket) => backend.serve(socket))
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 })
    await once(server, 'listening')
    scope.after(() => {
      backend.closeAll()
      server.close()
    })
    addresses.push(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
  return { addresses, backend }
}
