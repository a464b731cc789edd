import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sleep, systemTimers } from '../io/clock.ts'
import type { DemoBackends } from './demo.ts'

/** The demo's servers, on ports of the system's choice. They end with their thread. */
export async function startDemoBackends(): Promise<DemoBackends> {
  const [quick, steady, slow, flaky] = await Promise.all([
    backend('quick', 2, never),
    backend('steady', 25, never),
    backend('slow', 250, never),
    backend('flaky', 10, everyFourth()),
  ])
  return { quick, steady, slow, flaky }
}

type Mishap = 'none' | 'error' | 'break'

async function backend(name: string, delayMs: number, mishap: () => Mishap): Promise<string> {
  const server = createServer(
    (request, response) => void answer(request, response, { name, delayMs, mishap: mishap() }),
  )
  server.keepAliveTimeout = 120_000 // longer than the proxy keeps an idle connection, so that it closes first
  await listening(server)
  // A TCP server that listens has such an address
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

type Character = { readonly name: string; readonly delayMs: number; readonly mishap: Mishap }

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  character: Character,
): Promise<void> {
  const { name, delayMs, mishap } = character
  response.setHeader('x-backend', name)
  if (request.method === 'POST' || request.method === 'PUT') {
    response.setHeader('content-type', request.headers['content-type'] ?? 'application/octet-stream')
    return void request.pipe(response)
  }
  request.resume()
  await sleep(systemTimers, delayMs)
  if (mishap === 'break') return breakOff(request, response)
  if (mishap === 'error') response.statusCode = 500
  response.setHeader('content-type', 'text/plain')
  response.end(
    mishap === 'error' ? `${name} failed, as it does now and then\n` : `hello from ${name}, ${request.url}\n`,
  )
}

/** Promise more than is sent: a client must not take the rest for the whole. */
function breakOff(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1000 })
  response.write('flaky breaks off midw', () => request.socket.destroySoon())
}

function never(): Mishap {
  return 'none'
}

/** Trouble on every fourth request: an error, then a broken connection, in turn. */
function everyFourth(): () => Mishap {
  let requests = 0
  return () => {
    requests++
    if (requests % 8 === 0) return 'break'
    return requests % 4 === 0 ? 'error' : 'none'
  }
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
}
