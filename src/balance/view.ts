/** Most candidates that are noted per pick. */
export const MAX_CONSIDERED = 16

/**
 * What a pick looked at, for `explain` and replay. A policy notes each endpoint that it compares, with the score it gave (lower is better,
 * if it compares scores); one that looks at all of many notes the best few. Allocates nothing.
 */
export class Considered {
  count = 0
  /** Endpoints looked at in all, those beyond `MAX_CONSIDERED` included. */
  looked = 0
  readonly indexes: Int32Array = new Int32Array(MAX_CONSIDERED)
  readonly scores: Float64Array = new Float64Array(MAX_CONSIDERED)

  clear(): void {
    this.count = 0
    this.looked = 0
  }

  note(index: number, score: number): void {
    this.looked++
    if (this.count === MAX_CONSIDERED) return
    this.indexes[this.count] = index
    this.scores[this.count++] = score
  }
}

/**
 * What a policy sees: the endpoints of a cluster that may be picked now, and nothing else, so that no policy can pick another. Plain local
 * arrays, read without atomics; index i is the same endpoint in every one of them while `epoch` stays. Owned by the balancer
 * (live and shadow), the simulator or a replay; policies only read.
 *
 * Times are ms on one monotonic clock. A statistic that was never taken has a time of -1.
 */
export class ClusterView {
  /** Counts up with every change of membership. */
  epoch = 0
  /** Now. */
  nowMs = 0
  readonly size: number
  /** Identity: a hash of the endpoint's address, the same on every shard, process and machine. */
  readonly hashes: Uint32Array
  /** As configured or patched, > 0 … 10⁶. */
  readonly baseWeights: Float64Array
  /** Slow start: the share of its weight an endpoint is due now, > 0 … 1. */
  readonly warmth: Float64Array
  /** `baseWeights × warmth`. */
  readonly weights: Float64Array
  /** Exchanges under way over all shards: ours to the instant, the others' as of this turn. */
  readonly inFlight: Float64Array
  /** Exponentially weighted cost of an exchange in ms under the cluster's cost model, as it stood at `costAtMs`: decay is the reader's. */
  readonly cost: Float64Array
  readonly costAtMs: Float64Array
  /** Totals over all shards since the endpoint came: answers below 500, failed attempts (5xx among them), ms to first bytes of answers. Fresh to the turn. */
  readonly succeeded: Float64Array
  readonly failed: Float64Array
  readonly latencySumMs: Float64Array
  /** Mean age in ms of the exchanges under way, over all shards. Fresh to the turn. */
  readonly ageMs: Float64Array
  /** Since when it may be picked (again). */
  readonly readySinceMs: Float64Array
  /** Reported by the server itself (ORCA, agent): utilisation 0…, requests and errors per second. */
  readonly utilisation: Float64Array
  readonly reportedQps: Float64Array
  readonly reportedEps: Float64Array
  readonly reportedAtMs: Float64Array
  /** Probed or reported: its own requests in flight and the latency at that load, ms. `probeSeq` counts probes up. */
  readonly probedRif: Float64Array
  readonly probedLatencyMs: Float64Array
  readonly probedAtMs: Float64Array
  readonly probeSeq: Float64Array
  readonly considered: Considered = new Considered()

  /** A view of `size` endpoints: weights 1, warm, idle, nothing measured. */
  constructor(size: number) {
    const numbers = (value: number): Float64Array => new Float64Array(size).fill(value)
    this.size = size
    this.hashes = new Uint32Array(size)
    this.baseWeights = numbers(1)
    this.warmth = numbers(1)
    this.weights = numbers(1)
    this.inFlight = numbers(0)
    this.cost = numbers(0)
    this.costAtMs = numbers(-1)
    this.succeeded = numbers(0)
    this.failed = numbers(0)
    this.latencySumMs = numbers(0)
    this.ageMs = numbers(0)
    this.readySinceMs = numbers(-1)
    this.utilisation = numbers(0)
    this.reportedQps = numbers(0)
    this.reportedEps = numbers(0)
    this.reportedAtMs = numbers(-1)
    this.probedRif = numbers(0)
    this.probedLatencyMs = numbers(0)
    this.probedAtMs = numbers(-1)
    this.probeSeq = numbers(0)
  }
}
