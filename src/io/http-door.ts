import { once } from 'node:events'
import { unlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { codeOf } from '../actor/errors.ts'

/**
 * A small HTTP server for people and scripts (node:http), every input bounded: heads, bodies, connections, times. Bodies of requests
 * are read and thrown away. Not for traffic: that is the shards'.
 */
export type DoorRequest = { readonly method: string; readonly target: string }
export type DoorReply = {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}
export type DoorHandler = (request: DoorRequest) => Promise<DoorReply>

export type Door = {
  /** As bound, with the real port. */
  readonly address: string
  /** Accept nobody any more; answers under way are finished, within `timeoutMs`. */
  readonly close: (timeoutMs: number) => Promise<void>
}

const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5000,
}
const MAX_CONNECTIONS = 128
const MAX_BODY_BYTES = 65_536

/** Serve on `ip:port`, `[v6]:port` or `unix:/path`. Rejects with a coded error (`EADDRINUSE`, …). */
export async function openDoor(address: string, handler: DoorHandler): Promise<Door> {
  const server = createServer(LIMITS, (request, response) => void serve(request, response, handler))
  server.maxConnections = MAX_CONNECTIONS
  await listen(server, address)
  return { address: addressOf(server, address), close: (timeoutMs) => close(server, timeoutMs) }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  handler: DoorHandler,
): Promise<void> {
  if (!(await bodyWithin(request, MAX_BODY_BYTES))) {
    send(response, {
      status: 413,
      type: 'text/plain; charset=utf-8',
      body: 'the body is too large\n',
      headers: { connection: 'close' },
    })
    return
  }
  try {
    send(response, await handler({ method: request.method ?? '', target: request.url ?? '' }))
  } catch {
    send(response, { status: 500, type: 'text/plain; charset=utf-8', body: 'internal error\n' })
  }
}

function send(response: ServerResponse, { status, type, body, headers }: DoorReply): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    ...headers,
  })
  response.end(bytes) // node:http leaves it away for HEAD
}

/** Read a body to its end (true), or until it is too long or its sender went away (false). */
function bodyWithin(request: IncomingMessage, limit: number): Promise<boolean> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.resolve(false)
  return new Promise((resolve) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > limit) resolve(false)
    })
    request.once('end', () => resolve(true))
    request.once('close', () => resolve(false))
  })
}

async function listen(server: Server, address: string): Promise<void> {
  try {
    await bind(server, address)
  } catch (thrown) {
    const path = unixPath(address)
    if (path === undefined || codeOf(thrown) !== 'EADDRINUSE' || (await answers(path))) throw thrown
    await unlink(path) // left over by a process that died
    await bind(server, address)
  }
}

async function bind(server: Server, address: string): Promise<void> {
  const path = unixPath(address)
  if (path === undefined) server.listen({ ...hostPort(address), ipv6Only: true })
  else server.listen({ path })
  await once(server, 'listening')
}

/** Somebody listens on a unix socket. */
async function answers(path: string): Promise<boolean> {
  const socket = connect({ path })
  try {
    await once(socket, 'connect')
    return true
  } catch (thrown) {
    return codeOf(thrown) !== 'ECONNREFUSED'
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
