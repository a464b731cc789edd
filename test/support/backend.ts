import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage, RequestListener, RequestOptions, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Scope } from './wire.ts'

export type Backend = { readonly address: string; readonly server: Server; readonly requests: () => number }

/** A node:http server on loopback that ends with the test. */
export async function startBackend(
  t: Scope,
  listener: RequestListener,
  host = '127.0.0.1',
): Promise<Backend> {
  let requests = 0
  const server = createServer((incoming, response) => {
    requests++
    listener(incoming, response)
  })
  server.listen(0, host)
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port, address } = server.address() as AddressInfo
  return {
    address: host.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
    server,
    requests: () => requests,
  }
}

/** A backend that answers its name. */
export function namedBackend(t: Scope, name: string): Promise<Backend> {
  return startBackend(t, (_incoming, response) => void response.end(name))
}

export type Answer = {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** One request on a connection of its own. */
export async function ask(
  url: string,
  options: RequestOptions & { readonly body?: string } = {},
): Promise<Answer> {
  const { body, ...rest } = options
  const outgoing = request(url, { agent: false, ...rest })
  outgoing.end(body)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body: Buffer.concat(chunks).toString(),
  }
}
