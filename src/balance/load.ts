import type { ClusterView } from './view.ts'

/** How loaded an endpoint is, in a unit that only matters in comparison: lower is better. It reads the columns of that endpoint only. */
export interface LoadMetric {
  /** What it has learned, for replay. */
  readonly state: Float64Array
  /** Membership changed. */
  rebuild(view: ClusterView): void
  /** Weights changed. */
  reweigh(view: ClusterView): void
  of(view: ClusterView, index: number): number
  /** The endpoint was drawn and compared. */
  learn(view: ClusterView, index: number): void
}

/** Errors of rounding must not open a place on a level that is full. */
const ROUNDING = 1e-9

/**
 * Exchanges under way, by weight: an endpoint has places, as many as its weight is of the mean, and when they are taken as many again on the next
 * level. What counts as load is the level, so that an endpoint with a place left is as good as an idle one, and with all weights alike it is just
 * the number under way. Comparing load per weight instead, an idle light endpoint would come before a heavy one with a single request;
 * comparing the load after, it would get none.
 */
export const levelOf = (inFlight: number, perPlace: number): number =>
  Math.floor(inFlight * perPlace + ROUNDING)

/** 1 if there is none. */
export const meanWeightOf = ({ weights, size }: ClusterView): number => {
  let sum = 0
  for (let i = 0; i < size; i++) sum += weights[i]!
  return sum > 0 ? sum / size : 1
}

/** Level of the exchanges under way. */
export class InFlightLoad implements LoadMetric {
  readonly state: Float64Array = new Float64Array(0)
  #meanWeight = 1

  rebuild(view: ClusterView): void {
    this.reweigh(view)
  }

  reweigh(view: ClusterView): void {
    this.#meanWeight = meanWeightOf(view)
  }

  of(view: ClusterView, index: number): number {
    return levelOf(view.inFlight[index]!, this.#meanWeight / view.weights[index]!)
  }

  learn(): void {}
}
