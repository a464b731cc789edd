/**
 * What one actor holds to be true of each endpoint, as columns: the last of its words of each kind. A reader that was lapped, came late or
 * adopts an endpoint finds here what the ring's records said. Written before the record is published, so whoever jumps to
 * the head of the ring and then reads the row has all that the records said which it missed.
 */
export const BELIEF = {
  /** Tenant of the slot whom the row is about. */
  generation: 0,
  /** Σ of the start times of the exchanges under way, ms; how many there are is `GAUGE.inFlight`. */
  startSum: 1,
  /** Cost and when it was computed; 0: never. */
  cost: 2,
  costAt: 3,
  utilisation: 4,
  qps: 5,
  eps: 6,
  /** When the server's own load was last reported; 0: never. */
  reportedAt: 7,
  /** `REPORT_SOURCE`. */
  source: 8,
  rif: 9,
  probeLatency: 10,
  /** When it was last probed; 0: never. */
  probedAt: 11,
  /** Probes so far. */
  probeSeq: 12,
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
  for (let i: number = BELIEF.cost; i < BELIEF_WIDTH; i++) beliefs[at + i] = 0
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

/** All of a report but its time. */
export const writeReport = (beliefs: Float64Array, row: number, source: number, load: LoadReport): void => {
  beliefs[row + BELIEF.utilisation] = load.utilisation
  beliefs[row + BELIEF.qps] = load.qps
  beliefs[row + BELIEF.eps] = load.eps
  beliefs[row + BELIEF.source] = source
}

/** All of a probe but its time. Returns its number, from 1. */
export const writeProbe = (beliefs: Float64Array, row: number, rif: number, latencyMs: number): number => {
  beliefs[row + BELIEF.rif] = rif
  beliefs[row + BELIEF.probeLatency] = latencyMs
  return ++beliefs[row + BELIEF.probeSeq]!
}
