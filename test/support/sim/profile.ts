import type { Chance, Range } from './chance.ts'

/** What the simulated world does to its inhabitants. Probabilities are 0…1, times virtual milliseconds. */
export type SimProfile = {
  /** One way, per segment; order within a direction of a connection is kept, between connections it is not. */
  readonly latencyMs: Range
  /** What is written at once travels in segments of these sizes. */
  readonly segmentBytes: Range
  /** Pause of a scripted peer between two pieces of what it sends. */
  readonly gapMs: Range
  /** Send plus receive buffer of one direction of a connection. */
  readonly bufferBytes: Range
  /** A write takes only part of what fits, and nothing more for `stallMs`. */
  readonly shortWrite: number
  readonly stallMs: Range
  /** A read returns less than what is there. */
  readonly shortRead: number
  /** A connection is cut by the network (both sides see a reset) within `resetAfterMs` of its birth. */
  readonly reset: number
  readonly resetAfterMs: Range
  /** A reset takes bytes with it that were under way or not read yet. */
  readonly resetLosesData: number
  /** From `connect` to established or refused. */
  readonly connectMs: Range
  /** A connect that the backend would take fails nevertheless, with a random errno. */
  readonly connectFailure: number
  /** `connect` itself returns -errno. */
  readonly connectFailsAtOnce: number
  /** accept(2) says EMFILE or its like; accepting pauses for 100 ms. */
  readonly acceptExhausted: number
  /** From readiness to the batch that reports it. */
  readonly batchMs: Range
  /** Rows after which a batch is closed; the engine's own table bounds it too. */
  readonly batchRows: Range
  /** What happens to one connection at one moment (accepted and data, data and end) comes in one batch. */
  readonly coalesce: number
  /** Unused arena bytes before each span. */
  readonly arenaGap: Range
  /** Connections that are ready together are served in random order. */
  readonly shuffle: boolean
}

/** Nothing goes wrong, nothing is random but the moments: for scripted scenarios. */
export const CALM: SimProfile = {
  latencyMs: [0.05, 0.05],
  segmentBytes: [65_536, 65_536],
  gapMs: [0, 0],
  bufferBytes: [262_144, 262_144],
  shortWrite: 0,
  stallMs: [1, 1],
  shortRead: 0,
  reset: 0,
  resetAfterMs: [0, 0],
  resetLosesData: 0,
  connectMs: [0.1, 0.1],
  connectFailure: 0,
  connectFailsAtOnce: 0,
  acceptExhausted: 0,
  batchMs: [0.01, 0.01],
  batchRows: [64, 64],
  coalesce: 0,
  arenaGap: [0, 0],
  shuffle: false,
}

/** Everything is cut, delayed and reordered, yet nothing fails: whatever was sent must arrive. */
export const ROUGH: SimProfile = {
  ...CALM,
  latencyMs: [0, 20],
  segmentBytes: [1, 4096],
  gapMs: [0, 10],
  bufferBytes: [1024, 65_536],
  shortWrite: 0.3,
  stallMs: [0, 20],
  shortRead: 0.3,
  connectMs: [0, 50],
  batchMs: [0, 3],
  batchRows: [1, 64],
  coalesce: 0.5,
  arenaGap: [1, 64],
  shuffle: true,
}

/** ROUGH, and the network, the peers and the host's resources fail now and then. */
export const HOSTILE: SimProfile = {
  ...ROUGH,
  reset: 0.15,
  resetAfterMs: [0, 200],
  resetLosesData: 0.5,
  connectFailure: 0.1,
  connectFailsAtOnce: 0.02,
  acceptExhausted: 0.05,
}

/** A profile somewhere between CALM and HOSTILE: each trouble is on or off by itself, so that a schedule may have few of them. */
export function drawProfile(chance: Chance, worst: SimProfile = HOSTILE): SimProfile {
  const drawn: Record<string, unknown> = {}
  for (const [key, calm] of Object.entries(CALM)) {
    drawn[key] = chance.happens(0.5) ? calm : worst[key as keyof SimProfile]
  }
  return drawn as SimProfile
}
