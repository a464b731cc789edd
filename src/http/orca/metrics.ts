import { equals } from '../../base/bytes.ts'

/** Why a report was refused. */
export const REFUSED_REPORT = {
  nothing: 0,
  /** Neither TEXT, JSON nor BIN, or not well formed as such. */
  malformed: 1,
  /** Too long, or too many metrics. */
  tooLarge: 2,
  /** A name that is empty, unknown or there twice. */
  name: 3,
  /** NaN, infinite, negative, or more than any server could mean. */
  value: 4,
} as const

/** Where a metric stands in `xds.data.orca.v3.OrcaLoadReport`: its field number there. */
export const METRIC = {
  cpu: 1,
  mem: 2,
  rps: 3,
  requestCost: 4,
  utilization: 5,
  rpsFractional: 6,
  eps: 7,
  named: 8,
  application: 9,
} as const
const METRICS = 10

/** Field numbers of the maps. */
export const IS_MAP: readonly boolean[] = Array.from(
  { length: METRICS },
  (_, field) => field === METRIC.requestCost || field === METRIC.utilization || field === METRIC.named,
)

/** Name in TEXT and JSON → field number. */
export const METRIC_NAMES: Readonly<Record<string, number>> = {
  cpu_utilization: METRIC.cpu,
  mem_utilization: METRIC.mem,
  rps: METRIC.rps,
  request_cost: METRIC.requestCost,
  utilization: METRIC.utilization,
  rps_fractional: METRIC.rpsFractional,
  eps: METRIC.eps,
  named_metrics: METRIC.named,
  application_utilization: METRIC.application,
}

/** Bytes of a value, and entries of all maps together. */
export const MAX_REPORT_BYTES = 4096
const MAX_ENTRIES = 64
/** A server can be overloaded, but not ten thousand times; and nobody serves 10¹² requests a second. */
const MAX_UTILISATION = 10_000
const MAX_COUNT = 1e12

const RIF = Uint8Array.of(114, 105, 102)
const LATENCY = Uint8Array.from('latency', (letter) => letter.charCodeAt(0))

/**
 * The metrics of one report, whatever form it came in. Names of map entries are spans of the bytes being read, kept to notice one that
 * comes twice.
 */
export class LoadMetrics {
  /** By field number; -1: not reported. */
  readonly values: Float64Array = new Float64Array(METRICS)
  /** The largest of `utilization.*`, and of `named_metrics` the two that make a probe (Prequal); -1: not reported. */
  largestUtilization = -1
  rif = -1
  latencyMs = -1
  #entries = 0
  readonly #spans = new Int32Array(MAX_ENTRIES * 3)

  clear(): void {
    this.values.fill(-1)
    this.largestUtilization = -1
    this.rif = -1
    this.latencyMs = -1
    this.#entries = 0
  }

  /** A metric that is one number. Returns `REFUSED_REPORT`. */
  put(field: number, value: number): number {
    if (this.values[field]! >= 0) return REFUSED_REPORT.name
    if (!isCredible(field, value)) return REFUSED_REPORT.value
    this.values[field] = value
    return REFUSED_REPORT.nothing
  }

  /** An entry of a map, its name at `[start, end)`. */
  putEntry(field: number, bytes: Uint8Array, [start, end]: Span, value: number): number {
    if (end <= start) return REFUSED_REPORT.name
    if (this.#entries === MAX_ENTRIES) return REFUSED_REPORT.tooLarge
    if (this.#isTwice(field, bytes, start, end)) return REFUSED_REPORT.name
    if (!isCredible(field, value)) return REFUSED_REPORT.value
    const at = this.#entries++ * 3
    this.#spans[at] = field
    this.#spans[at + 1] = start
    this.#spans[at + 2] = end
    if (field === METRIC.utilization) this.largestUtilization = Math.max(this.largestUtilization, value)
    else if (field === METRIC.named) {
      if (equals(bytes, start, end, RIF)) this.rif = value
      else if (equals(bytes, start, end, LATENCY)) this.latencyMs = value
    }
    return REFUSED_REPORT.nothing
  }

  #isTwice(field: number, bytes: Uint8Array, start: number, end: number): boolean {
    const spans = this.#spans
    for (let at = 0; at < this.#entries * 3; at += 3) {
      const from = spans[at + 1]!
      if (spans[at] !== field || spans[at + 2]! - from !== end - start) continue
      let i = 0
      while (i < end - start && bytes[from + i] === bytes[start + i]) i++
      if (i === end - start) return true
    }
    return false
  }
}

export type Span = readonly [start: number, end: number]

const UTILISATION: readonly boolean[] = Array.from(
  { length: METRICS },
  (_, field) =>
    field === METRIC.cpu ||
    field === METRIC.mem ||
    field === METRIC.utilization ||
    field === METRIC.application,
)

const isCredible = (field: number, value: number): boolean =>
  value >= 0 && value <= (UTILISATION[field] === true ? MAX_UTILISATION : MAX_COUNT)
