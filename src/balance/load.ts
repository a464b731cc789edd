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

/** Exchanges under way per unit of weight. */
export class InFlightLoad implements LoadMetric {
  readonly state: Float64Array = new Float64Array(0)

  rebuild(): void {}

  reweigh(): void {}

  of(view: ClusterView, index: number): number {
    return view.inFlight[index]! / view.weights[index]!
  }

  learn(): void {}
}
