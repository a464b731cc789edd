const NO_BYTES = new Uint8Array(0)

/**
 * The facts of one exchange as its shard hands them to the recorder: one mutable record per shard, filled anew for every exchange.
 * Times are in ms with fractions, durations count from the first byte of the request; -1 means "did not come to that".
 */
export class ExchangeRecord {
  /** Slots; -1 for none. */
  listener = 0
  cluster = -1
  endpoint = -1
  /** Index of the route in the snapshot, -1 for none. */
  route = -1
  /** `OUTCOME`. */
  outcome = 0
  /** Status sent to the client, 0 for none. */
  status = 0
  /** Monotonic and Unix ms of the first byte of the request. */
  startedMs = 0
  wallStartMs = 0
  /** Time spent waiting for a connection: for a free place, and for a new one to open. */
  queueMs = -1
  connectMs = -1
  firstByteMs = -1
  durationMs = 0
  /** Bytes of the request received and of the response sent, heads included. */
  bytesFromClient = 0
  bytesToClient = 0
  retries = 0
  reusedUpstream = false
  /** HTTP/1.x. */
  minor = 1

  /** Spans of `mem`, `[start, end)`, empty where there is none. Never those of credentials or cookies. */
  mem: Uint8Array = NO_BYTES
  methodStart = 0
  methodEnd = 0
  targetStart = 0
  targetEnd = 0
  hostStart = 0
  hostEnd = 0
  userAgentStart = 0
  userAgentEnd = 0
  refererStart = 0
  refererEnd = 0
  requestIdStart = 0
  requestIdEnd = 0
  /** The client's IP as text. */
  peer = ''

  /** Back to an exchange of which nothing is known yet. */
  reset(): void {
    this.listener = 0
    this.cluster = -1
    this.endpoint = -1
    this.route = -1
    this.outcome = 0
    this.status = 0
    this.queueMs = -1
    this.connectMs = -1
    this.firstByteMs = -1
    this.durationMs = 0
    this.bytesFromClient = 0
    this.bytesToClient = 0
    this.retries = 0
    this.reusedUpstream = false
    this.minor = 1
    this.methodEnd = this.methodStart
    this.targetEnd = this.targetStart
    this.hostEnd = this.hostStart
    this.userAgentEnd = this.userAgentStart
    this.refererEnd = this.refererStart
    this.requestIdEnd = this.requestIdStart
    this.peer = ''
  }
}

/** The facts of one try at an endpoint, likewise. */
export class TryRecord {
  /** Slots. */
  cluster = 0
  endpoint = 0
  /** `OUTCOME`; -1 for a try that was given up without its endpoint's fault. */
  outcome = 0
  /** Status of the endpoint's response, 0 for none. */
  status = 0
  bytesOut = 0
  bytesIn = 0
  reused = false
  connectMs = -1
  /** From the pick on. */
  firstByteMs = -1
}
