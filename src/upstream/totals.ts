import type { Fleet } from '../shm/fleet.ts'
import { DIMENSIONS, ENDPOINT_TABLE } from '../telemetry/catalogue.ts'

const { column, width } = ENDPOINT_TABLE
const FAILURES = DIMENSIONS.failure.length
/** Column of the responses with a status of 5xx. */
const SERVER_ERRORS: number = column.responses + DIMENSIONS.code.findIndex(({ code }) => code === '5xx')

/**
 * What endpoints came to over all shards since they came, summed from the stripes by slot: as of the last `sum`, for whoever needs it. No
 * record on the rings carries totals: they are there to be read.
 */
export class EndpointTotals {
  /** Answers below 500. */
  readonly succeeded: Float64Array
  /** Failed attempts and answers of 5xx. */
  readonly failed: Float64Array
  /** Of answers, to the first byte. */
  readonly latencySumMs: Float64Array
  readonly #stripes: readonly Float64Array[]

  constructor(fleet: Fleet) {
    const { endpoints } = fleet.shape
    this.succeeded = new Float64Array(endpoints)
    this.failed = new Float64Array(endpoints)
    this.latencySumMs = new Float64Array(endpoints)
    this.#stripes = fleet.stripes.map((stripe) => stripe.endpoints)
  }

  sum(slot: number): void {
    const row = slot * width
    let succeeded = 0
    let failed = 0
    let latencySumMs = 0
    for (let s = 0; s < this.#stripes.length; s++) {
      const columns = this.#stripes[s]!
      succeeded += columns[row + column.successes]!
      failed += columns[row + SERVER_ERRORS]!
      for (let failure = 0; failure < FAILURES; failure++) failed += columns[row + column.failures + failure]!
      latencySumMs += columns[row + column.latencyMs]!
    }
    this.succeeded[slot] = succeeded
    this.failed[slot] = failed
    this.latencySumMs[slot] = latencySumMs
  }
}
