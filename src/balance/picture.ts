import type { ClusterView } from './view.ts'

/** What the whole fleet knows of an endpoint, by its slot: where views are filled from. Everything is as of this turn, but our own exchanges under way, which are to the instant. */
export interface SlotPicture {
  /** Write all that is measured, counted or reported of the endpoint into row `index` of a view, as of `view.nowMs`. */
  write(view: ClusterView, index: number, slot: number): void
  /** … only the mean age of its exchanges, which changes with time alone. */
  age(view: ClusterView, index: number, slot: number): void
}

/** Mean age of exchanges whose start times add up to `startSumMs`; never negative, whatever clocks and crashes did to the sum. */
export const meanAgeMs = (nowMs: number, inFlight: number, startSumMs: number): number =>
  inFlight > 0 ? Math.max(0, nowMs - startSumMs / inFlight) : 0
