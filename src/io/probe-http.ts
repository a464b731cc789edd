import { Client } from 'undici'
import { dialTarget } from './probe-target.ts'

export type HttpQuestion = {
  readonly address: string
  readonly method: string
  readonly path: string
  /** Host field. */
  readonly host: string
  /** Bytes of the body to wait for; 0: its head is enough. */
  readonly bodyBytes: number
}

export type HttpAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** As far as it was wanted, as Latin-1, byte for byte. */
  readonly body: string
}

const MAX_HEAD_BYTES = 16_384

/**
 * One request on a connection of its own, closed when this settles: a fresh connection proves that the server accepts, which a kept
 * one does not, and leaves nothing open at the server between probes. Rejects when `signal` aborts, and then leaves no socket either.
 */
export async function askOnce(question: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer> {
  const target = dialTarget(question.address)
  const origin = 'path' in target ? 'http://localhost' : originOf(target.host, target.port)
  const client = new Client(origin, {
    ...('path' in target ? { socketPath: target.path } : {}),
    allowH2: false,
    pipelining: 1,
    maxHeaderSize: MAX_HEAD_BYTES,
    connect: { timeout: 0 }, // the signal's time is the only one
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  try {
    const { method, path, host, bodyBytes } = question
    const headers = { host, 'user-agent': 'weir-health', accept: '*/*' }
    const {
      statusCode,
      headers: fields,
      body,
    } = await client.request({
      method,
      path,
      headers,
      reset: true,
      signal,
    })
    body.on('error', noop) // cut off by us below, or by the server behind what we wanted
    return {
      status: statusCode,
      headers: fields,
      body: bodyBytes === 0 ? '' : await readBody(body, bodyBytes),
    }
  } finally {
    await client.destroy().catch(noop)
  }
}

async function readBody(body: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= limit) break
  }
  return Buffer.concat(chunks).subarray(0, limit).toString('latin1')
}

function originOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function noop(): void {}
