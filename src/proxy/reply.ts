import { writeAscii, writeDecimal } from '../base/bytes.ts'
import type { ClientConnection } from '../downstream/client.ts'
import { METHOD } from '../http/methods.ts'
import { writeCrlf, writeField, writeStatusLine } from '../http/h1/writer.ts'
import type { ProxyContext } from './context.ts'
import type { Failure } from './failure.ts'
import { REQUEST_ID_BYTES, writeRequestId } from './request-id.ts'

export type ReplyOptions = {
  readonly close: boolean
  /** Of the request, a METHOD: HEAD gets no body. */
  readonly method: number
  /** Where the request's id stands in `mem`; -1 makes one. */
  readonly requestIdStart: number
  /** The least that `retry-after` may say, where it is said. */
  readonly retryAfterS?: number
}

/** Head and body of a reply of ours at their longest. */
const REPLY_BYTES = 1024

/**
 * Who is told that there is no service now is asked to come back after 1 (or a least of the caller's) … this many seconds, evenly at random, so that those who were refused
 * together do not come back together (RFC 9110 §10.2.3 knows whole seconds only).
 */
const RETRY_AFTER_S = 10
const UNAVAILABLE = 503

const writeRetryAfter = ({ reactor: { mem }, rng }: ProxyContext, at: number, leastS: number): number => {
  const seconds = leastS + rng.below(Math.max(1, RETRY_AFTER_S + 1 - leastS))
  return writeCrlf(mem, writeDecimal(mem, writeAscii(mem, at, 'retry-after: '), seconds))
}

/** Send a response of our own; returns its bytes. Its id lies at `context.repliedIdStart` for the rest of the batch. */
export const replyFailure = (
  context: ProxyContext,
  client: ClientConnection,
  failure: Pick<Failure, 'status' | 'error' | 'detail'>,
  options: ReplyOptions,
): number => {
  const { reactor, phrases, date } = context
  const { mem, ops } = reactor
  const start = ops.reserve(REPLY_BYTES)
  const bodyBytes = failure.detail.length + 5
  let at = writeStatusLine(mem, start, failure.status)
  at = phrases.put(at, phrases.requestId)
  context.repliedIdStart = at
  if (options.requestIdStart >= 0) {
    mem.copyWithin(at, options.requestIdStart, options.requestIdStart + REQUEST_ID_BYTES)
    at += REQUEST_ID_BYTES
  } else at = writeRequestId(mem, at, context.rng)
  at = phrases.put(at, phrases.crlf)
  at = phrases.put(date.writeTo(mem, phrases.put(at, phrases.date), reactor.wallMs), phrases.crlf)
  at = writeField(mem, at, 'proxy-status', `weir; error=${failure.error}`)
  if (failure.status === UNAVAILABLE) at = writeRetryAfter(context, at, options.retryAfterS ?? 1)
  if (failure.status === 405)
    at = writeField(mem, at, 'allow', 'GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH')
  at = writeField(mem, at, 'content-type', 'text/plain; charset=utf-8')
  at = writeCrlf(mem, writeDecimal(mem, writeAscii(mem, at, 'content-length: '), bodyBytes))
  if (options.close) at = phrases.put(at, phrases.close)
  at = writeCrlf(mem, at)
  if (options.method !== METHOD.head) {
    at = writeDecimal(mem, at, failure.status)
    at = writeAscii(mem, at, ` ${failure.detail}\n`)
  }
  ops.wrote(at)
  ops.send(client, start, at)
  return at - start
}
