import type { Rng } from '../base/random.ts'
import type { Fleet, Stripe } from '../shm/fleet.ts'
import { GAUGE, GAUGE_WORDS } from '../shm/layout.ts'
import { RingWriter } from '../shm/ring.ts'
import {
  CLUSTER_HISTOGRAM,
  CLUSTER_TABLE,
  ENDPOINT_TABLE,
  FAILURE,
  HISTOGRAMS_WIDTH,
  LISTENER_TABLE,
  SHARD_TABLE,
} from './catalogue.ts'
import { HISTOGRAM_WIDTH, observe } from './histogram.ts'
import { LogRecordWriter } from './log-record.ts'
import { OUTCOME, OUTCOMES } from './outcome.ts'
import type { ExchangeRecord, TryRecord } from './record.ts'

const L = LISTENER_TABLE.column
const C = CLUSTER_TABLE.column
const E = ENDPOINT_TABLE.column
const LISTENER_WIDTH = LISTENER_TABLE.width
const CLUSTER_WIDTH = CLUSTER_TABLE.width
const ENDPOINT_WIDTH = ENDPOINT_TABLE.width
const FIRST_BYTE = CLUSTER_HISTOGRAM.firstByte * HISTOGRAM_WIDTH

/** Outcome → the endpoint's failure column, -1 where the endpoint is not to blame. */
const FAILURE_COLUMN = ((): Int32Array => {
  const columns = new Int32Array(OUTCOMES.length).fill(-1)
  columns[OUTCOME['connect-refused']] = E.failures + FAILURE.connectRefused
  columns[OUTCOME['connect-unreachable']] = E.failures + FAILURE.connectUnreachable
  columns[OUTCOME['connect-timeout']] = E.failures + FAILURE.connectTimeout
  columns[OUTCOME['upstream-reset']] = E.failures + FAILURE.reset
  columns[OUTCOME['upstream-closed']] = E.failures + FAILURE.closed
  columns[OUTCOME['upstream-timeout']] = E.failures + FAILURE.timeout
  columns[OUTCOME['upstream-malformed']] = E.failures + FAILURE.malformed
  return columns
})()

/** Outcomes that leave nothing to complain of. */
const COMPLETE = OUTCOME.complete
const TUNNEL_CLOSED = OUTCOME['tunnel-closed']

/** Status → column of dimension `code`. */
const codeOf = (status: number): number => (status < 100 || status > 599 ? 0 : (status / 100) | 0)

/**
 * What a shard counts, on the hot path: plain adds to its own stripe, columns known at build, nothing allocated. Gauges of open
 * connections belong to whoever claims them (`shm/claim.ts`); the others are kept here.
 */
export class ShardRecorder {
  readonly #counters: Float64Array
  readonly #listeners: Float64Array
  readonly #clusters: Float64Array
  readonly #histograms: Float64Array
  readonly #endpoints: Float64Array
  readonly #listenerGauges: Int32Array
  readonly #clusterGauges: Int32Array
  readonly #endpointGauges: Int32Array
  readonly #log: LogRecordWriter | undefined
  readonly #rng: Rng
  #sample = 0

  constructor(fleet: Fleet, shard: number, rng: Rng) {
    const stripe: Stripe = fleet.stripe(shard)
    this.#counters = stripe.counters
    this.#listeners = stripe.listeners
    this.#clusters = stripe.clusters
    this.#histograms = stripe.histograms
    this.#endpoints = stripe.endpoints
    this.#listenerGauges = stripe.listenerGauges
    this.#clusterGauges = stripe.clusterGauges
    this.#endpointGauges = stripe.endpointGauges
    this.#log = stripe.log.capacity === 0 ? undefined : new LogRecordWriter(new RingWriter(stripe.log))
    this.#rng = rng
  }

  /** Share of exchanges that are logged, 0…1. Nothing is logged before, or without a log ring. */
  setLogSample(sample: number): void {
    this.#sample = this.#log === undefined ? 0 : sample
  }

  /** An exchange ended, whichever way. */
  finish(record: ExchangeRecord): void {
    const code = codeOf(record.status)
    const listener = record.listener * LISTENER_WIDTH
    const listeners = this.#listeners
    listeners[listener + L.exchanges + record.outcome]!++
    listeners[listener + L.responses + code]!++
    listeners[listener + L.bytesIn]! += record.bytesFromClient
    listeners[listener + L.bytesOut]! += record.bytesToClient
    if (record.cluster >= 0) this.#finishCluster(record, code)
    if (this.#sample > 0 && (this.#sample >= 1 || this.#rng.next() < this.#sample)) this.#log!.write(record)
  }

  #finishCluster(record: ExchangeRecord, code: number): void {
    const cluster = record.cluster * CLUSTER_WIDTH
    const clusters = this.#clusters
    clusters[cluster + C.exchanges + record.outcome]!++
    clusters[cluster + C.responses + code]!++
    clusters[cluster + C.retries]! += record.retries
    if (record.queueMs > 0) clusters[cluster + C.queueMs]! += record.queueMs
    const histograms = record.cluster * HISTOGRAMS_WIDTH
    observe(this.#histograms, histograms, record.durationMs * 1000)
    if (record.firstByteMs >= 0) {
      observe(this.#histograms, histograms + FIRST_BYTE, record.firstByteMs * 1000)
    }
  }

  /** A try ended, whichever way: no longer in flight at its endpoint. */
  tryEnded(record: TryRecord): void {
    const endpoint = record.endpoint * ENDPOINT_WIDTH
    const endpoints = this.#endpoints
    const { outcome } = record
    const failure = outcome < 0 ? -1 : FAILURE_COLUMN[outcome]!
    if (failure >= 0) endpoints[endpoint + failure]!++
    else if ((outcome === COMPLETE || outcome === TUNNEL_CLOSED) && record.status < 500) {
      endpoints[endpoint + E.successes]!++
    }
    endpoints[endpoint + E.responses + codeOf(record.status)]!++
    endpoints[endpoint + E.bytesOut]! += record.bytesOut
    endpoints[endpoint + E.bytesIn]! += record.bytesIn
    if (record.reused) endpoints[endpoint + E.reused]!++
    if (record.connectMs > 0) endpoints[endpoint + E.connectMs]! += record.connectMs
    if (record.firstByteMs > 0) endpoints[endpoint + E.latencyMs]! += record.firstByteMs
    this.#endpointGauges[record.endpoint * GAUGE_WORDS + GAUGE.inFlight]!--
    this.#clusterGauges[record.cluster * GAUGE_WORDS + GAUGE.inFlight]!--
  }

  connectionOpened(listener: number): void {
    this.#listeners[listener * LISTENER_WIDTH + L.accepted]!++
  }

  connectionClosed(listener: number): void {
    this.#listeners[listener * LISTENER_WIDTH + L.closed]!++
  }

  /** `reason`: `REFUSAL`. */
  connectionRefused(listener: number, reason: number): void {
    this.#listeners[listener * LISTENER_WIDTH + L.refused + reason]!++
  }

  /** `reason`: `RECLAIMED`. */
  connectionReclaimed(listener: number, reason: number): void {
    this.#listeners[listener * LISTENER_WIDTH + L.reclaimed + reason]!++
  }

  /** `kind`: `CLIENT_TIMEOUT`. */
  clientTimeout(listener: number, kind: number): void {
    this.#listeners[listener * LISTENER_WIDTH + L.timeouts + kind]!++
  }

  /** `kind`: `UPSTREAM_TIMEOUT`. */
  upstreamTimeout(cluster: number, kind: number): void {
    this.#clusters[cluster * CLUSTER_WIDTH + C.timeouts + kind]!++
  }

  connectAttempted(endpoint: number): void {
    this.#endpoints[endpoint * ENDPOINT_WIDTH + E.connects]!++
  }

  /** A pooled connection turned out dead when used. */
  staleReuse(cluster: number): void {
    this.#clusters[cluster * CLUSTER_WIDTH + C.staleReuses]!++
  }

  /** The retry budget did not allow one more attempt. */
  retryRefused(cluster: number): void {
    this.#clusters[cluster * CLUSTER_WIDTH + C.retriesRefused]!++
  }

  /** A load report came with a response. */
  reported(cluster: number, believed: boolean): void {
    this.#clusters[cluster * CLUSTER_WIDTH + (believed ? C.reports : C.reportsRefused)]!++
  }

  hedged(cluster: number): void {
    this.#clusters[cluster * CLUSTER_WIDTH + C.hedges]!++
  }

  hedgeWon(cluster: number): void {
    this.#clusters[cluster * CLUSTER_WIDTH + C.hedgesWon]!++
  }

  /** The exchange begins on a listener: in flight until `exchangeEnded`. */
  exchangeBegan(listener: number): void {
    this.#listenerGauges[listener * GAUGE_WORDS + GAUGE.inFlight]!++
  }

  exchangeEnded(listener: number): void {
    this.#listenerGauges[listener * GAUGE_WORDS + GAUGE.inFlight]!--
  }

  /** The balancer chose an endpoint: in flight there until `tryEnded`. */
  picked(cluster: number, endpoint: number): void {
    this.#endpoints[endpoint * ENDPOINT_WIDTH + E.picks]!++
    this.#endpointGauges[endpoint * GAUGE_WORDS + GAUGE.inFlight]!++
    this.#clusterGauges[cluster * GAUGE_WORDS + GAUGE.inFlight]!++
  }

  /** An operator's policy failed, the default one stood in. */
  policyFault(cluster: number): void {
    this.#clusters[cluster * CLUSTER_WIDTH + C.policyFaults]!++
  }

  shadowFault(cluster: number): void {
    this.#clusters[cluster * CLUSTER_WIDTH + C.shadowFaults]!++
  }

  /** The shadow policy would have picked `endpoint`; `agreed`: so did the one in force. */
  shadowPicked(cluster: number, endpoint: number, agreed: boolean): void {
    this.#clusters[cluster * CLUSTER_WIDTH + C.shadowPicks + (agreed ? 0 : 1)]!++
    this.#endpoints[endpoint * ENDPOINT_WIDTH + E.shadowPicks]!++
  }

  /** An exchange begins to wait for a connection to an endpoint, until `waitEnded`. */
  waitBegan(cluster: number, endpoint: number): void {
    this.#clusters[cluster * CLUSTER_WIDTH + C.poolWaits]!++
    this.#clusterGauges[cluster * GAUGE_WORDS + GAUGE.waiting]!++
    this.#endpointGauges[endpoint * GAUGE_WORDS + GAUGE.waiting]!++
  }

  waitEnded(cluster: number, endpoint: number): void {
    this.#clusterGauges[cluster * GAUGE_WORDS + GAUGE.waiting]!--
    this.#endpointGauges[endpoint * GAUGE_WORDS + GAUGE.waiting]!--
  }

  /** An exchange begins to wait until fewer are under way. */
  admissionWaited(cluster: number): void {
    this.#clusters[cluster * CLUSTER_WIDTH + C.admissionWaits]!++
  }

  /** Those who wait so are one more, or one fewer. */
  admissionQueue(cluster: number, delta: 1 | -1): void {
    this.#clusterGauges[cluster * GAUGE_WORDS + GAUGE.queued]! += delta
  }

  /** Idle connections in an endpoint's pool. */
  idleIs(cluster: number, endpoint: number, idle: number): void {
    const at = endpoint * GAUGE_WORDS + GAUGE.idle
    this.#clusterGauges[cluster * GAUGE_WORDS + GAUGE.idle]! += idle - this.#endpointGauges[at]!
    this.#endpointGauges[at] = idle
  }

  /** Time spent in a batch. */
  busy(ms: number): void {
    this.#counters[SHARD_TABLE.column.busyMs]! += ms
  }

  /** A client went to a shard that is less busy. */
  clientGiven(): void {
    this.#counters[SHARD_TABLE.column.clientsGiven]!++
  }

  /** A drain of the clients of a listener, or of all, is over. `late`: not all of them had gone. */
  drained(of: 'listener' | 'program', late: boolean): void {
    this.#counters[SHARD_TABLE.column.drains + (of === 'program' ? 2 : 0) + (late ? 1 : 0)]!++
  }

  errorContained(): void {
    this.#counters[SHARD_TABLE.column.errors]!++
  }

  explainSkipped(): void {
    this.#counters[SHARD_TABLE.column.explainSkipped]!++
  }

  buffersExhausted(): void {
    this.#counters[SHARD_TABLE.column.buffersExhausted]!++
  }
}
