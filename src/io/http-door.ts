import { once } from 'node:events'
import { unlink } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { ListenOptions, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { codeOf } from '../actor/errors.ts'
import { fileKind } from './file-kind.ts'
import { problem, titleOf } from './problem.ts'
import type { DoorReply } from './problem.ts'

/**
 * A small HTTP server for people and scripts (node:http), every input bounded: heads, bodies, connections, times. Whatever it refuses
 * itself is an RFC 9457 problem. Not for traffic: that is the shards'.
 */
export type DoorRequest = {
  readonly method: string
  /** As sent, query included. */
  readonly target: string
  /** The body's media type in lower case, without parameters; '' if none was given. */
  readonly type: string
  /** Whole, at most 64 KiB; empty if there was none. */
  readonly body: Uint8Array
  /** Who asks, for audit: `ip:port`, or the door's own `unix:/path`. */
  readonly peer: string
}
export type DoorHandler = (request: DoorRequest) => Promise<DoorReply>

export type Door = {
  /** As bound, with the real port. */
  readonly address: string
  /** Accept nobody any more; answers under way are finished, within `timeoutMs`. */
  readonly close: (timeoutMs: number) => Promise<void>
}

// Not by an import: one reads every export of the module, `WebSocket` too, and with it loads a WHATWG client: 20 ms of every start.
const { createServer } = process.getBuiltinModule('node:http')

const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 2000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  /** How late the two above may be enforced. */
  connectionsCheckingInterval: 500,
  /** node:http would answer that itself, without a body: `refusal` does. */
  requireHostHeader: false,
}
const MAX_CONNECTIONS = 128
const MAX_BODY_BYTES = 65_536
/** An answer nobody takes. */
const SEND_IDLE_MS = 10_000

/** A listening socket that somebody else made; the descriptor is the door's. */
export type DoorPlace = { readonly address: string; readonly fd: number }

/** Serve on `ip:port`, `[v6]:port` or `unix:/path`, or from a socket that listens there. Rejects with a coded error (`EADDRINUSE`, …). */
export async function openDoor(place: string | DoorPlace, handler: DoorHandler): Promise<Door> {
  const { address, fd }: Partial<DoorPlace> & { address: string } =
    typeof place === 'string' ? { address: place } : place
  const answering = new Set<Duplex>()
  const server = createServer(LIMITS, (request, response) => {
    const { socket } = request
    const peer = peerOf(socket, address) // a socket that has closed meanwhile knows it no more
    void serve(request, response, async (body) => {
      answering.add(socket)
      response.once('close', () => answering.delete(socket))
      const type = mediaTypeOf(request)
      return handler({ method: request.method ?? '', target: request.url ?? '', type, body, peer })
    })
  })
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) =>
    send(response, closing(problem(417, 'expectation-failed', 'Only 100-continue can be expected.'))),
  )
  server.on('clientError', (error, socket) => answerBroken(error, socket, answering.has(socket)))
  boundConnections(server, answering)
  if (fd === undefined) await listen(server, address)
  else await bind(server, { fd })
  return { address: addressOf(server, address), close: (timeoutMs) => close(server, timeoutMs) }
}

/**
 * At most `MAX_CONNECTIONS`. The newcomer gets in, the oldest that is not being answered goes: whoever only holds connections must not
 * be able to take health checks away.
 */
function boundConnections(server: Server, answering: ReadonlySet<Duplex>): void {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    if (sockets.size >= MAX_CONNECTIONS) {
      const oldest = sockets.values().find((held) => !answering.has(held))
      if (oldest === undefined) {
        socket.destroy()
        return
      }
      sockets.delete(oldest)
      oldest.destroy()
    }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (body: Uint8Array) => Promise<DoorReply>,
): Promise<void> {
  const body = await bodyWithin(request, MAX_BODY_BYTES)
  if (body === undefined) {
    send(response, closing(problem(413, 'too-large', `A body has at most ${MAX_BODY_BYTES} bytes.`)))
    return
  }
  const refused = refusal(request)
  if (refused !== undefined) {
    send(response, refused)
    return
  }
  try {
    send(response, await answer(body))
  } catch {
    send(response, problem(500, 'internal', 'A bug; the program goes on.'))
  }
}

/**
 * What is refused whatever it asks for. A browser lets any page send a POST anywhere without reading the answer, and says so
 * (Fetch: `Origin` on all but GET and HEAD; Fetch Metadata: `Sec-Fetch-Site`). No browser has business changing anything here.
 */
function refusal({ method, headers, httpVersion }: IncomingMessage): DoorReply | undefined {
  if (httpVersion === '1.1' && headers.host === undefined)
    return closing(problem(400, 'malformed', 'The Host field is missing.'))
  if (method === 'GET' || method === 'HEAD') return undefined
  const site = headers['sec-fetch-site'] ?? 'none'
  if (headers.origin === undefined && (site === 'none' || site === 'same-origin')) return undefined
  return problem(403, 'cross-site', 'Web pages may only read here: send it without Origin.')
}

/** What node:http could not make a request of, or not in time. Behind an answer that is being made nothing can be said. */
function answerBroken(error: Error, socket: Duplex, answering: boolean): void {
  if (answering || !socket.writable || codeOf(error) === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const { status, type, body } = brokenReply(codeOf(error))
  const head =
    `HTTP/1.1 ${status} ${titleOf(status)}\r\ncontent-type: ${type}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n`
  socket.end(head + body, () => socket.destroy())
}

function brokenReply(code: string | undefined): DoorReply {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem(408, 'too-slow', 'The request did not arrive in time.')
    case 'HPE_HEADER_OVERFLOW':
      return problem(431, 'head-too-large', `A head has at most ${LIMITS.maxHeaderSize} bytes.`)
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return problem(413, 'too-large', 'The chunk extensions are too large.')
    default:
      return problem(400, 'malformed', 'This is not an HTTP/1.1 request.')
  }
}

function closing(reply: DoorReply): DoorReply {
  return { ...reply, headers: { ...reply.headers, connection: 'close' } }
}

function send(response: ServerResponse, { status, type, body, headers }: DoorReply): void {
  const bytes = Buffer.from(body)
  response.setTimeout(SEND_IDLE_MS)
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    ...headers,
  })
  response.end(bytes) // node:http leaves it away for HEAD
}

/** A whole body; undefined if it is too long or its sender went away. */
function bodyWithin(request: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > limit) {
        chunks.length = 0 // the rest is read and dropped
        resolve(undefined)
      } else chunks.push(chunk)
    })
    request.once('end', () => resolve(Buffer.concat(chunks)))
    request.once('close', () => resolve(undefined))
  })
}

function mediaTypeOf({ headers }: IncomingMessage): string {
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1)
  return type.trim().toLowerCase()
}

function peerOf({ remoteAddress, remotePort, remoteFamily }: Socket, own: string): string {
  if (remoteAddress === undefined) return unixPath(own) === undefined ? 'a closed connection' : own
  return remoteFamily === 'IPv6' ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`
}

async function listen(server: Server, address: string): Promise<void> {
  const path = unixPath(address)
  const where = path === undefined ? { ...hostPort(address), ipv6Only: true } : { path }
  try {
    await bind(server, where)
  } catch (thrown) {
    if (path === undefined || codeOf(thrown) !== 'EADDRINUSE' || !(await isStale(path))) throw thrown
    await unlink(path)
    await bind(server, where)
  }
}

async function bind(server: Server, where: ListenOptions & { fd?: number }): Promise<void> {
  server.listen(where)
  await once(server, 'listening')
}

/** A socket left over by a process that died. Whatever else is there is somebody's: connecting to a file is refused as well. */
async function isStale(path: string): Promise<boolean> {
  if ((await fileKind(path)) !== 'a socket') return false
  const socket = connect({ path })
  try {
    await once(socket, 'connect')
    return false
  } catch (thrown) {
    return codeOf(thrown) === 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}

function close(server: Server, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), timeoutMs)
    server.close(() => {
      clearTimeout(late)
      resolve()
    })
    server.closeIdleConnections()
  })
}

function addressOf(server: Server, asked: string): string {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') return asked
  return bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`
}

function unixPath(address: string): string | undefined {
  return address.startsWith('unix:') ? address.slice('unix:'.length) : undefined
}

function hostPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}
