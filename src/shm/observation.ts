/**
 * What actors tell one another over the broadcast rings (`broadcast.ts`): one record is one cache line. What a reader's picture needs is
 * absolute (the last word of a producer about a slot wins), so folding is idempotent by (producer, sequence), commutes between
 * producers, and a reader that was lapped loses nothing but time: it reads the same numbers from the producer's columns.
 *
 * ```text
 *  int32 0  kind | class << 8 | status << 16      float64 2  at, ms on the monotonic clock of the machine
 *  int32 1  slot of an endpoint or cluster        float64 3  a
 *  int32 2  generation of the slot                float64 4  b
 *  int32 3  sequence, low 32 bits                 float64 5  c        float64 6  d        float64 7  (spare)
 * ```
 */
export const OBSERVATION = {
  /** A shard's exchanges under way at an endpoint. a: how many. b: sum of their start times, ms. Once per batch and endpoint touched. */
  inFlight: 1,
  /** An answer. status; a: ms to the first byte, b: ms in all, c: the shard's cost of the endpoint after it (`cost`, at `at`). */
  response: 2,
  /** A failed attempt. class: `FAULT`; a: ms it took; c: cost after it. */
  failure: 3,
  /** The server's own word on its load. class: `REPORT_SOURCE`; a: utilisation, b: requests/s, c: errors/s. */
  report: 4,
  /** A Prequal probe or its passive equal. a: its requests in flight, b: its latency at that load, ms; c: number of this probe of the producer. */
  probe: 5,
  /** The health actor's word. class: `ENDPOINT_STATE`, status: `HEALTH_REASON`; a: since when; b: share of its weight by agent or back-pressure, 0…1 (1 = all); c: ejections so far. */
  verdict: 6,
  /** An operator's word. class: index in `ADMIN_STATES`; a: weight, NaN = as configured. */
  admin: 7,
  /** An attempt given up before an answer, without a fault of the endpoint's. a: at least so long it would have taken, ms; c: cost after it. */
  gaveUp: 9,
  /** Of a cluster. a: exchanges that may be under way, Infinity = no limit. */
  limit: 8,
} as const

/** How an attempt failed. The first four are the classes of connection failure (Apache Traffic Server's connect.down.policy). */
export const FAULT = {
  /** Refused, unreachable or timed out. */
  connect: 0,
  /** TLS handshake. */
  tls: 1,
  /** Connected, then not a byte in time. */
  silent: 2,
  /** Connected, then closed or reset before the first byte. */
  closed: 3,
  /** Broken off in mid-response. */
  reset: 4,
  /** Too slow in mid-response. */
  timeout: 5,
  malformed: 6,
} as const
export const FAULTS = ['connect', 'tls', 'silent', 'closed', 'reset', 'timeout', 'malformed'] as const

export const REPORT_SOURCE = { header: 0, trailer: 1, agent: 2 } as const

export const RECORD_BYTES = 64
export const RECORD_WORDS = 16
export const RECORD_DOUBLES = 8
