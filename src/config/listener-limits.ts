/** The parts of a snapshot (`snapshot.ts`) about what clients may take. Types only. */

export type ListenerTimeouts = {
  readonly requestHeadMs: number
  readonly keepAliveMs: number
  readonly clientMs: number
  /** How far a client may fall behind `ListenerLimits.minRate`; at least `clientMs`. */
  readonly minRateGraceMs: number
  readonly clientFinMs: number
  readonly tunnelMs: number
  /** Age after which a connection is closed behind a response, ± a tenth by chance; 0 = never. */
  readonly connectionAgeMs: number
}

export type ListenerLimits = {
  readonly target: number
  readonly head: number
  readonly fields: number
  /** Bytes of a request body; Infinity means no limit. */
  readonly body: number
  /** Bytes of chunk extensions over a whole body. */
  readonly chunkExtensions: number
  /** Bytes of the trailer section. */
  readonly trailers: number
  /** Requests waiting behind the one in progress on a connection. */
  readonly pipeline: number
  /** Client connections open on this listener over all shards; 0 = only the process-wide limit. */
  readonly connections: number
  /** … and per client IP; 0 = unlimited. */
  readonly connectionsPerClient: number
  /** Bits of an IPv6 address that tell clients apart. */
  readonly ipv6Prefix: number
  /** Bytes a second that a client must move while it is waited for; 0 = unlimited. */
  readonly minRate: number
  /** Requests after which a connection is closed, ± a tenth by chance; 0 = unlimited. */
  readonly requestsPerConnection: number
}
