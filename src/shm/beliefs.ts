/**
 * What one actor holds to be true of each endpoint, as columns: the last of its words of each kind. A reader that was lapped, came late or
 * adopts an endpoint finds here what the ring's records said. Written before the record is published, so whoever jumps to
 * the head of the ring and then reads the row has all that the records said which it missed. Costs, reports and probes lie as they do in a
 * record from its time on (at, a, b, c), so that both are read alike.
 */
export const BELIEF = {
  /** Tenant of the slot whom the row is about. */
  generation: 0,
  /** Σ of the start times of the exchanges under way, ms; how many there are is `GAUGE.inFlight`. */
  startSum: 1,
  /** `REPORT_SOURCE` of the load reported. */
  source: 2,
  /** When the cost was computed; 0: never. */
  costAt: 4,
  cost: 7,
  /** When the server's own load was last reported; 0: never. */
  reportedAt: 8,
  utilisation: 9,
  qps: 10,
  eps: 11,
  /** When it was last probed; 0: never. */
  probedAt: 12,
  rif: 13,
  probeLatency: 14,
  /** Probes so far. */
  probeSeq: 15,
} as const
/** Float64s of a row. */
export const BELIEF_WIDTH = 16

/** Start times are taken in 64ths of a ms: sums of them are exact up to 2⁴⁷ ms (4,000 exchanges under way after a year), whatever the order of adding and taking away. */
const GRAIN = 64
export const wholeGrain = (ms: number): number => Math.round(ms * GRAIN) / GRAIN

/**
 * Where the row of a tenant begins, emptied if the row was an earlier tenant's; -1 if it is already a later one's: what is still said of
 * the earlier one is of no use to anybody. The sum of start times goes with the slot's gauge, whoever is counted there. Generations count up and wrap at 2³¹.
 */
export const beliefRow = (beliefs: Float64Array, slot: number, generation: number): number => {
  const at = slot * BELIEF_WIDTH
  const age = (generation - beliefs[at + BELIEF.generation]!) | 0
  if (age === 0) return at
  if (age < 0) return -1
  for (let i: number = BELIEF.source; i < BELIEF_WIDTH; i++) beliefs[at + i] = 0
  beliefs[at + BELIEF.generation] = generation
  return at
}

/** A time of 0 says “never” in a row, so no clock reads less than this. */
export const EARLIEST_MS: number = 1 / GRAIN

/** What a server said of its own load; mutable, to be used again. */
export class LoadReport {
  /** 0…1, and above under overload. */
  utilisation = 0
  /** Requests and errors per second. */
  qps = 0
  eps = 0
}

/** Time and a…c of the record at `records[at]` go to `beliefs[column]` and behind. */
export const keepRecord = (
  records: Float64Array,
  at: number,
  beliefs: Float64Array,
  column: number,
): void => {
  for (let each = 0; each < 4; each++) beliefs[column + each] = records[at + 2 + each]!
}
