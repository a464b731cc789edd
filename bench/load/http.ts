import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'

export type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type Ask = {
  readonly port: number
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

const TIMEOUT_MS = 10_000

/** One request on a connection of its own, whole answer in memory. */
export const ask = (what: Ask): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { port, path, method = 'GET', body } = what
    const headers = { ...what.headers, ...(body ? { 'content-length': String(body.length) } : {}) }
    const options = { host: '127.0.0.1', port, path, method, headers, agent: false, timeout: TIMEOUT_MS }
    const outgoing = request(options, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }),
      )
    })
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`no answer from port ${port} in ${TIMEOUT_MS} ms`)),
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
