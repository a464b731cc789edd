import { decodeBase64, readMessage } from './orca/binary.ts'
import { readJson } from './orca/json.ts'
import { LoadMetrics, MAX_REPORT_BYTES, METRIC, REFUSED_REPORT } from './orca/metrics.ts'
import { readText } from './orca/text.ts'

/** `TEXT `, `JSON `, `BIN `, as the first four letters. */
const TEXT = 0x54455854
const JSON_FORM = 0x4a534f4e
const BIN = 0x42494e20
const SPACE = 32

/**
 * What a server says of its own load in a response (ORCA, gRPC A51): a field or trailer `endpoint-load-metrics: TEXT … | JSON … | BIN …`, or the older
 * `endpoint-load-metrics-bin: <base64>`. Any bytes are a report or a reason why not; nothing is kept but the numbers. Made once and reused.
 */
export class LoadReportReader {
  readonly #metrics = new LoadMetrics()
  readonly #message = new Uint8Array(MAX_REPORT_BYTES)
  /** 0…1, and above under overload: as the server's application reckons, else the largest of its own, else of its CPU; -1: it does not say. */
  utilisation = -1
  /** Requests and errors per second, 0 where it does not say. */
  qps = 0
  eps = 0
  /** Its own requests in flight and the latency at that load, ms (Prequal); -1: it does not say. */
  rif = -1
  latencyMs = -1

  /** Value of `endpoint-load-metrics`, `[start, end)`. Returns `REFUSED_REPORT`, 0 if the report stands. */
  read(bytes: Uint8Array, start: number, end: number): number {
    if (end - start > MAX_REPORT_BYTES) return REFUSED_REPORT.tooLarge
    if (end - start < 4) return REFUSED_REPORT.malformed
    const form =
      (bytes[start]! << 24) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!
    if (form === BIN) return this.readBinary(bytes, start + 4, end)
    if (bytes[start + 4] !== SPACE) return REFUSED_REPORT.malformed
    if (form !== TEXT && form !== JSON_FORM) return REFUSED_REPORT.malformed
    this.#metrics.clear()
    const reads = form === TEXT ? readText : readJson
    return this.#take(reads(bytes, start + 5, end, this.#metrics))
  }

  /** Value of `endpoint-load-metrics-bin`. */
  readBinary(bytes: Uint8Array, start: number, end: number): number {
    if (end - start > MAX_REPORT_BYTES) return REFUSED_REPORT.tooLarge
    this.#metrics.clear()
    const length = decodeBase64(bytes, start, end, this.#message)
    return this.#take(
      length < 0 ? REFUSED_REPORT.malformed : readMessage(this.#message, length, this.#metrics),
    )
  }

  #take(refused: number): number {
    if (refused !== REFUSED_REPORT.nothing) return refused
    const { values, largestUtilization, rif, latencyMs } = this.#metrics
    const fractional = values[METRIC.rpsFractional]!
    // As gRPC has it, a 0 says as little as nothing, unless nothing else is said.
    const application = values[METRIC.application]!
    if (application > 0) this.utilisation = application
    else if (largestUtilization > 0) this.utilisation = largestUtilization
    else this.utilisation = Math.max(values[METRIC.cpu]!, application, largestUtilization)
    this.qps = Math.max(0, fractional > 0 ? fractional : values[METRIC.rps]!)
    this.eps = Math.max(0, values[METRIC.eps]!)
    this.rif = rif
    this.latencyMs = latencyMs
    return REFUSED_REPORT.nothing
  }
}
