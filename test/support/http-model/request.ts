import { encodePlan, padding } from './plan.ts'
import type { ResponsePlan } from './plan.ts'
import { requestKey, streamBytes } from './stream.ts'
import { chunkedBytes, headBytes } from './writer.ts'

export type RequestPlan = {
  readonly method: string
  /** HTTP/1.x of the client. */
  readonly minor: number
  readonly body: 'none' | 'length' | 'chunked'
  /** Bytes of the body. */
  readonly size: number
  /** Connection options to send. */
  readonly connection: '' | 'close' | 'keep-alive'
  /** Wait for a 100 before the body, at most so long; -1: do not ask. */
  readonly expectMs: number
  /** Ask for a WebSocket. */
  readonly upgrade: boolean
  /** Lines that try to slip through, chunk extensions, trailers. */
  readonly frills: boolean
  /** What is wrong with it: a malformed head, a malformed chunk, a head or a body (or tunnel) that stops half way. */
  readonly flaw: 'none' | 'head' | 'chunk' | 'late-head' | 'stall'
  /** Bytes of a field that makes the head so much larger. */
  readonly pad: number
  /** Pause before it. */
  readonly gapMs: number
  readonly response: ResponsePlan
}

export const plainRequest = (response: ResponsePlan, parts: Partial<RequestPlan> = {}): RequestPlan => ({
  method: 'GET',
  minor: 1,
  body: 'none',
  size: 0,
  connection: '',
  expectMs: -1,
  upgrade: false,
  frills: false,
  flaw: 'none',
  pad: 0,
  gapMs: 0,
  ...parts,
  response,
})

const SNEAKY = [
  ['X-Request-Id', 'forged'],
  ['X-Forwarded-For', '203.0.113.66'],
  ['X_Forwarded_For', '203.0.113.67'],
  ['X-Forwarded-Proto', 'https'],
  ['Forwarded', 'for=203.0.113.68'],
  ['Via', '1.1 nobody'],
  ['TE', 'trailers'],
  ['Keep-Alive', 'timeout=99'],
  ['Proxy-Connection', 'keep-alive'],
  ['X-Hop', 'for one hop'],
] as const

/** Lines that make a head one that must not be understood. */
const MALFORMED: readonly (readonly [string, string])[] = [
  ['Host', 'second.test'],
  ['bad name', 'x'],
  ['x-bare', 'a\rb'],
  ['x-nul', 'a\0b'],
  ['Content-Length', '3\r\nContent-Length: 3'],
  ['Content-Length', '1\r\nTransfer-Encoding: chunked'],
  ['Transfer-Encoding', 'chunked, identity'],
  ['Transfer-Encoding', 'xchunked'],
  ['Connection', 'host'],
  ['x-fold', 'a\r\n b'],
]

/** Head and body as they go over the wire. */
export const wireRequest = (plan: RequestPlan): { head: Uint8Array; body: Uint8Array } => {
  const { id } = plan.response
  const malformed = plan.flaw === 'head' ? MALFORMED.slice(id % MALFORMED.length).slice(0, 1) : []
  const options = [plan.upgrade ? 'Upgrade' : '', plan.frills ? 'x-hop' : '', plan.connection].filter(Boolean)
  const head = headBytes(`${plan.method} ${encodePlan(plan.response)} HTTP/1.${plan.minor}`, [
    ['Host', 'example.test'],
    ['X-Id', String(id)],
    ...malformed,
    ...(plan.pad > 0 ? ([['X-Pad', padding(id, plan.pad)]] as const) : []),
    ...(plan.frills ? SNEAKY : []),
    ...(plan.upgrade ? ([['Upgrade', 'websocket']] as const) : []),
    ...(options.length > 0 ? ([['Connection', options.join(', ')]] as const) : []),
    ...(plan.expectMs >= 0 ? ([['Expect', '100-continue']] as const) : []),
    ...(plan.body === 'length' ? ([['Content-Length', String(plan.size)]] as const) : []),
    ...(plan.body === 'chunked' ? ([['Transfer-Encoding', 'chunked']] as const) : []),
  ])
  if (plan.body === 'none') return { head, body: new Uint8Array(0) }
  const payload = streamBytes(requestKey(id), 0, plan.size)
  if (plan.body === 'length') return { head, body: payload }
  const trailers = plan.frills ? TRAILERS : []
  const body = chunkedBytes(payload, { seed: id, extensions: plan.frills, trailers })
  // The last chunk becomes one with no size.
  if (plan.flaw === 'chunk') body.fill(0x78, body.lastIndexOf(0x30))
  return { head, body }
}

const TRAILERS = [
  ['x-checksum', 'as sent'],
  ['host', 'elsewhere.test'],
] as const
