/** Length of the body and persistence of the connection, from a head (RFC 9112 §6.3, §9.3). */
import type { Head } from './head.ts'
import { METHOD } from './methods.ts'

/** What is returned instead of a length ≥ 0. */
export const BODY = {
  /** There cannot be one: the message ends with its head. */
  none: -1,
  chunked: -2,
  /** Response only: until the upstream closes. */
  untilClose: -3,
} as const

/** Body of a request: its length, `BODY.chunked`, or `BODY.none` when it announces none. */
export function requestFraming(head: Head): number {
  if (head.chunked) return BODY.chunked
  return head.contentLength >= 0 ? head.contentLength : BODY.none
}

/**
 * Body of the response to a request with `requestMethod`: a length, or one of `BODY`. What follows a 101 or a 2xx to CONNECT
 * is a tunnel, not a body: `BODY.none`.
 */
export function responseFraming(head: Head, requestMethod: number): number {
  const status = head.status
  if (requestMethod === METHOD.head || status < 200 || status === 204 || status === 304) return BODY.none
  if (requestMethod === METHOD.connect && status < 300) return BODY.none
  if (head.chunked) return BODY.chunked
  return head.contentLength >= 0 ? head.contentLength : BODY.untilClose
}

/** May the connection carry another message after this one? (A body that ends with the connection answers no by itself.) */
export function persistent(head: Head): boolean {
  if (head.connectionClose) return false
  return head.minor === 1 || head.connectionKeepAlive
}
