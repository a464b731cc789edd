import { request } from 'node:http'
import type { IncomingMessage, RequestOptions } from 'node:http'

export type Asked = { readonly status: number; readonly body: string }

/** Far more than 16,384 endpoints take. */
const MAX_BYTES = 1 << 27
const TIMEOUT_MS = 10_000

/** GET `path` from `ip:port`, `[v6]:port` or `unix:/path`, whole. Rejects with a coded error if nobody answers, or not in time. */
export function askHttp(address: string, path: string): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const asking = request({ ...targetOf(address), path, agent: false, timeout: TIMEOUT_MS }, (answer) => {
      collect(answer).then(resolve, reject)
    })
    asking.once('timeout', () => asking.destroy(coded('ETIMEDOUT', `no answer within ${TIMEOUT_MS} ms`)))
    asking.once('error', reject)
    asking.end()
  })
}

async function collect(answer: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw coded('EMSGSIZE', `an answer of more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() }
}

function targetOf(address: string): RequestOptions {
  if (address.startsWith('unix:')) return { socketPath: address.slice('unix:'.length), host: 'localhost' }
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
