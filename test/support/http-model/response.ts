import { padding, PLAIN } from './plan.ts'
import type { ResponsePlan } from './plan.ts'
import { responseKey, streamBytes } from './stream.ts'
import { chunkedBytes, headBytes } from './writer.ts'

/** A response as it goes over the wire. */
export type WireResponse = {
  readonly bytes: Uint8Array
  readonly headLength: number
  /** No more may follow on the connection. */
  readonly last: boolean
}

/** What must never be taken for a response. */
const GARBAGE: readonly string[] = [
  'SSH-2.0-OpenSSH_9.2\r\n',
  'HTTP/1.1 2x0 OK\r\n\r\n',
  'HTTP/2.0 200 OK\r\n\r\n',
  'HTTP/1.1 200 OK\ncontent-length: 2\n\nhi',
  'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n',
  'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx',
  'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nbad name: a\r\ncontent-length: 0\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n',
  'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello',
]

/** Bodies that break the chunked coding behind a good head; `?` is the first byte of the body as planned. */
const BROKEN_CHUNKS: readonly string[] = ['zz\r\n', '1\r\n?bc\r\n', '-1\r\n\r\n', '1 \r\na\r\n0\r\n\r\n']

const bodyless = (method: string, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 304

/** The response a plan asks for, in answer to `method` under the proxy's `requestId`. */
export const wireResponse = (plan: ResponsePlan, method: string, requestId: string): WireResponse => {
  if (plan.fault === 'garbage') return garbage(plan, requestId)
  const none = bodyless(method, plan.status)
  const framing = plan.minor === 0 && plan.framing === 'chunked' ? 'close' : plan.framing
  const last = plan.close || plan.minor === 0 || (framing === 'close' && !none)
  const head = headBytes(`HTTP/1.${plan.minor} ${plan.status} As Planned`, [
    ['X-Id', String(plan.id)],
    ['X-Size', String(plan.size)],
    ['x-request-echo', requestId],
    ...(plan.pad > 0 ? ([['x-pad', padding(plan.id, plan.pad)]] as const) : []),
    ['x-request-id', 'forged-by-the-backend'],
    ...(plan.frills ? FRILLS : []),
    ...(last && plan.minor === 1 ? ([['Connection', 'close']] as const) : []),
    ...(plan.status === 204 ? [] : lengthField(framing, plan.size)),
  ])
  const payload = none ? new Uint8Array(0) : streamBytes(responseKey(plan.id), 0, plan.size)
  const style = { seed: plan.id, extensions: plan.frills, trailers: plan.frills ? TRAILERS : [] }
  const body = framing === 'chunked' && !none ? chunkedBytes(payload, style) : payload
  return { bytes: Buffer.concat([head, body]), headLength: head.length, last }
}

const garbage = (plan: ResponsePlan, requestId: string): WireResponse => {
  const kind = plan.id % (GARBAGE.length + BROKEN_CHUNKS.length)
  const whole = GARBAGE[kind]
  if (whole !== undefined) return { bytes: Buffer.from(whole), headLength: 0, last: false }
  const head = headBytes(`HTTP/1.1 ${plan.status} As Planned`, [
    ['x-id', String(plan.id)],
    ['x-request-echo', requestId],
    ['transfer-encoding', 'chunked'],
  ])
  const body = Buffer.from(BROKEN_CHUNKS[kind - GARBAGE.length] ?? '')
  const first = body.indexOf(0x3f)
  if (first >= 0) body.set(streamBytes(responseKey(plan.id), 0, 1), first)
  return { bytes: Buffer.concat([head, body]), headLength: head.length, last: false }
}

const FRILLS = [
  ['Connection', 'x-hop-r'],
  ['x-hop-r', 'for one hop'],
  ['Keep-Alive', 'timeout=5'],
  ['proxy-authenticate', 'Basic'],
  ['date', 'Sun, 06 Nov 1994 08:49:37 GMT'],
] as const

const TRAILERS = [
  ['x-checksum', 'as sent'],
  ['content-length', '7'],
] as const

const lengthField = (framing: string, size: number): readonly (readonly [string, string])[] => {
  if (framing === 'length') return [['Content-Length', String(size)]]
  return framing === 'chunked' ? [['Transfer-Encoding', 'chunked']] : []
}

/** An interim response. */
export const interimBytes = (status: number, id: number): Uint8Array =>
  headBytes(`HTTP/1.1 ${status} Interim`, [
    ['x-id', String(id)],
    ...(status === 103 ? ([['link', '</style.css>; rel=preload']] as const) : []),
  ])

export const switchingBytes = (id: number): Uint8Array =>
  headBytes('HTTP/1.1 101 Switching Protocols', [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ['sec-websocket-accept', 'as planned'],
    ['x-id', String(id)],
  ])

/** A plan with everything as plain as it gets. */
export const plainPlan = (id: number, size: number, parts: Partial<ResponsePlan> = {}): ResponsePlan => ({
  ...PLAIN,
  ...parts,
  id,
  size,
})
