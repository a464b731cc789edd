import { FIELD_STRIDE, VALUE_END, VALUE_START } from '../http/head.ts'
import type { Head } from '../http/head.ts'
import type { TrailerReader } from '../http/h1/trailers.ts'
import { LoadReportReader } from '../http/load-report.ts'
import { FIELD, TRAILER_FORBIDDEN } from '../http/names.ts'
import { REFUSED_REPORT } from '../http/orca/metrics.ts'
import { retryAfterMs } from '../http/retry-after.ts'
import type { Reactor } from '../io/reactor.ts'
import { LoadReport } from '../shm/beliefs.ts'
import { REPORT_SOURCE } from '../shm/observation.ts'
import type { ShardRecorder } from '../telemetry/recorder.ts'
import type { Attempt } from './attempt.ts'

/** What does not pass to the client in trailers where endpoints report their load. */
const LOAD_HIDING_TRAILERS: Uint8Array = TRAILER_FORBIDDEN.map((forbidden, id) =>
  id === FIELD.endpointLoadMetrics || id === FIELD.endpointLoadMetricsBin ? 1 : forbidden,
)

const TOO_MANY_REQUESTS = 429
const UNAVAILABLE = 503

/** The trailers of one exchange's response, where its endpoint reports its load. */
export class TrailerFeedback implements TrailerReader {
  readonly dropped: Uint8Array = LOAD_HIDING_TRAILERS
  readonly #feedback: Feedback
  /** Whose response it is. */
  attempt: Attempt | undefined

  constructor(feedback: Feedback) {
    this.#feedback = feedback
  }

  trailers(head: Head): void {
    if (this.attempt !== undefined) this.#feedback.trailers(this.attempt, head)
  }
}

/** What endpoints say of their load in their responses: heard, and told to the fleet. One per shard. */
export class Feedback {
  readonly #reactor: Reactor
  readonly #recorder: ShardRecorder
  readonly #reader = new LoadReportReader()
  readonly #load = new LoadReport()

  constructor(reactor: Reactor, recorder: ShardRecorder) {
    this.#reactor = reactor
    this.#recorder = recorder
  }

  /** The final head of a try, before it is answered or given up. */
  head(attempt: Attempt, head: Head): void {
    const { orca, retryAfterMaxMs } = attempt.cluster.spec.feedback
    if (orca) this.#report(attempt, head, REPORT_SOURCE.header)
    const { status } = head
    if (retryAfterMaxMs > 0 && (status === UNAVAILABLE || status === TOO_MANY_REQUESTS)) {
      const field = head.find(FIELD.retryAfter)
      if (field >= 0) attempt.retryAfterMs = Math.min(this.#retryAfter(head, field), retryAfterMaxMs)
    }
  }

  /** The trailers of its response, where it reports its load. */
  trailers(attempt: Attempt, head: Head): void {
    this.#report(attempt, head, REPORT_SOURCE.trailer)
  }

  /** The first report counts. */
  #report(attempt: Attempt, head: Head, source: number): void {
    const reader = this.#reader
    const { bytes, fields } = head
    let refused: number
    let field = head.find(FIELD.endpointLoadMetrics)
    if (field >= 0) {
      const row = field * FIELD_STRIDE
      refused = reader.read(bytes, fields[row + VALUE_START]!, fields[row + VALUE_END]!)
    } else {
      field = head.find(FIELD.endpointLoadMetricsBin)
      if (field < 0) return
      const row = field * FIELD_STRIDE
      refused = reader.readBinary(bytes, fields[row + VALUE_START]!, fields[row + VALUE_END]!)
    }
    const { cluster } = attempt
    const believed = refused === REFUSED_REPORT.nothing
    this.#recorder.reported(cluster.spec.id, believed)
    if (believed) this.#tell(attempt, source)
  }

  #tell({ cluster, pool, times }: Attempt, source: number): void {
    const { utilisation, qps, eps, rif, latencyMs } = this.#reader
    if (utilisation >= 0 || qps > 0) {
      const load = this.#load
      load.utilisation = Math.max(0, utilisation)
      load.qps = qps
      load.eps = eps
      cluster.reported(pool, source, load)
    }
    if (rif >= 0) cluster.probed(pool, rif, latencyMs >= 0 ? latencyMs : times.tookMs)
  }

  #retryAfter({ bytes, fields }: Head, field: number): number {
    const row = field * FIELD_STRIDE
    return retryAfterMs(bytes, fields[row + VALUE_START]!, fields[row + VALUE_END]!, this.#reactor.wallMs)
  }
}
