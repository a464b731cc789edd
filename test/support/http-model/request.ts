import { encodePlan } from './plan.ts'
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

/** Head and body as they go over the wire. */
export const wireRequest = (plan: RequestPlan): { head: Uint8Array; body: Uint8Array } => {
  const { id } = plan.response
  const options = [
    plan.upgrade ? 'Upgrade' : '',
    plan.frills ? 'x-hop' : '',
    plan.connection,
  ].filter(Boolean)
  const head = headBytes(`${plan.method} ${encodePlan(plan.response)} HTTP/1.${plan.minor}`, [
    ['Host', 'example.test'],
    ['X-Id', String(id)],
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
  return { head, body: chunkedBytes(payload, { seed: id, extensions: plan.frills, trailers }) }
}

const TRAILERS = [
  ['x-checksum', 'as sent'],
  ['host', 'elsewhere.test'],
] as const
