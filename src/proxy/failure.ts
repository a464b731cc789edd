import { REJECTIONS } from '../http/reject.ts'
import { OUTCOME } from '../telemetry/outcome.ts'

/**
 * What went wrong with an exchange, in three answers: what (the outcome), what the client gets (status and RFC 9209 error type),
 * and whether a second attempt may help. Whose fault it is stands with the outcome.
 */
export type Failure = {
  readonly outcome: number
  /** Status of our response, when none of the endpoint's was begun. */
  readonly status: number
  /** `proxy-status: weir; error=…` (RFC 9209 §2.3). */
  readonly error: string
  /** A sentence for the body: never names a backend. */
  readonly detail: string
}

const failure = (outcome: keyof typeof OUTCOME, status: number, error: string, detail: string): Failure => ({
  outcome: OUTCOME[outcome],
  status,
  error,
  detail,
})

export type FailureName =
  | 'noHost'
  | 'noPath'
  | 'connectMethod'
  | 'bodyTooLarge'
  | 'headTimeout'
  | 'clientTimeout'
  | 'noEndpoint'
  | 'queueFull'
  | 'queueTimeout'
  | 'connectRefused'
  | 'connectUnreachable'
  | 'connectTimeout'
  | 'upstreamReset'
  | 'upstreamClosed'
  | 'upstreamTimeout'
  | 'upstreamMalformed'
  | 'overloaded'
  | 'shardLost'
  | 'shed'

export const FAILURE: Readonly<Record<FailureName, Failure>> = {
  noHost: failure('no-route', 421, 'http_request_denied', 'no such host here'),
  noPath: failure('no-route', 404, 'http_request_denied', 'no route for this path'),
  connectMethod: failure('request-rejected', 405, 'http_request_denied', 'CONNECT is not offered here'),
  bodyTooLarge: failure('request-rejected', 413, 'http_request_error', 'the body is over the limit'),
  headTimeout: failure('head-timeout', 408, 'http_request_error', 'the head took too long'),
  clientTimeout: failure('client-timeout', 408, 'http_request_error', 'the body took too long'),
  noEndpoint: failure('no-endpoint', 503, 'destination_unavailable', 'no endpoint is available'),
  queueFull: failure('queue-full', 503, 'connection_limit_reached', 'too many requests are waiting'),
  queueTimeout: failure('queue-timeout', 503, 'connection_limit_reached', 'no connection came free in time'),
  connectRefused: failure('connect-refused', 502, 'connection_refused', 'the backend refused the connection'),
  connectUnreachable: failure(
    'connect-unreachable',
    502,
    'destination_ip_unroutable',
    'the backend cannot be reached',
  ),
  connectTimeout: failure('connect-timeout', 504, 'connection_timeout', 'the backend did not answer in time'),
  upstreamReset: failure('upstream-reset', 502, 'connection_terminated', 'the backend broke the connection'),
  upstreamClosed: failure(
    'upstream-closed',
    502,
    'http_response_incomplete',
    'the backend closed the connection',
  ),
  upstreamTimeout: failure('upstream-timeout', 504, 'http_response_timeout', 'the backend took too long'),
  upstreamMalformed: failure(
    'upstream-malformed',
    502,
    'http_protocol_error',
    'the backend sent a malformed response',
  ),
  overloaded: failure('overloaded', 503, 'proxy_internal_response', 'the proxy is out of buffers'),
  shardLost: failure('shard-lost', 502, 'proxy_internal_error', 'the proxy lost hold of this request'),
  shed: failure('shed', 503, 'proxy_internal_response', 'the proxy is overloaded'),
}

/** A body that the codec refused, by the id of the rejection. */
export const bodyRejected = (rejection: number): Failure => {
  const { status, detail } = REJECTIONS[rejection]!
  return failure('request-rejected', status, 'http_request_error', detail)
}

const ECONNREFUSED = 111
const ENOENT = 2
const ETIMEDOUT = 110
/** The backlog of a unix socket is full: its owner does not accept. */
const EAGAIN = 11
/** Local shortage is not the endpoint's fault: EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL (no local port left). */
const LOCAL = new Set([24, 23, 105, 12, 99])

/** A connection that could not be made, by errno. */
export const connectFailure = (errno: number): Failure => {
  if (errno === ECONNREFUSED || errno === ENOENT || errno === EAGAIN) return FAILURE.connectRefused
  if (errno === ETIMEDOUT) return FAILURE.connectTimeout
  return LOCAL.has(errno) ? FAILURE.overloaded : FAILURE.connectUnreachable
}
