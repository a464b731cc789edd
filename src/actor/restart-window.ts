/** How many restarts there were within a time: times of the last ones, and no more of them than the limit needs. */
export class RestartWindow {
  readonly #times: number[] = []

  /**
   * A restart becomes necessary now. True if it is more than `max` within the last `withinMs` (both ends counted). Times never decrease.
   */
  exceeds(nowMs: number, max: number, withinMs: number): boolean {
    const times = this.#times
    times.push(nowMs)
    const recent = times.findIndex((time) => nowMs - time <= withinMs)
    times.splice(0, Math.max(recent, times.length - max - 1))
    return times.length > max
  }
}
