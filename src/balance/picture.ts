import type { ClusterView } from './view.ts'

/**
 * What the whole fleet knows of endpoints, by slot, folded from everybody's records: where views are filled from. The columns are
 * those of `ClusterView`, and mean the same.
 */
export interface SlotPicture {
  readonly inFlight: Float64Array
  readonly cost: Float64Array
  readonly costAtMs: Float64Array
  readonly succeeded: Float64Array
  readonly failed: Float64Array
  readonly latencySumMs: Float64Array
  /** Sum of the start times of the exchanges under way, ms. */
  readonly startSumMs: Float64Array
  readonly utilisation: Float64Array
  readonly reportedQps: Float64Array
  readonly reportedEps: Float64Array
  readonly reportedAtMs: Float64Array
  readonly probedRif: Float64Array
  readonly probedLatencyMs: Float64Array
  readonly probedAtMs: Float64Array
  readonly probeSeq: Float64Array
}

/** Endpoint `index` of a view is the one at `slot`: as it stands now. */
export const fillFromPicture = (
  view: ClusterView,
  index: number,
  picture: SlotPicture,
  slot: number,
): void => {
  const inFlight = picture.inFlight[slot]!
  view.inFlight[index] = inFlight
  view.cost[index] = picture.cost[slot]!
  view.costAtMs[index] = picture.costAtMs[slot]!
  view.succeeded[index] = picture.succeeded[slot]!
  view.failed[index] = picture.failed[slot]!
  view.latencySumMs[index] = picture.latencySumMs[slot]!
  view.ageMs[index] = meanAgeMs(view.nowMs, inFlight, picture.startSumMs[slot]!)
  view.utilisation[index] = picture.utilisation[slot]!
  view.reportedQps[index] = picture.reportedQps[slot]!
  view.reportedEps[index] = picture.reportedEps[slot]!
  view.reportedAtMs[index] = picture.reportedAtMs[slot]!
  view.probedRif[index] = picture.probedRif[slot]!
  view.probedLatencyMs[index] = picture.probedLatencyMs[slot]!
  view.probedAtMs[index] = picture.probedAtMs[slot]!
  view.probeSeq[index] = picture.probeSeq[slot]!
}

/** Of exchanges whose start times add up to `startSumMs`; never negative, whatever clocks and crashes did to the sum. */
export const meanAgeMs = (nowMs: number, inFlight: number, startSumMs: number): number =>
  inFlight > 0 ? Math.max(0, nowMs - startSumMs / inFlight) : 0
