/** What it costs to say a fact and to hear it: `node bench/micro.ts shm`. */
import { FAULT } from '../../src/shm/observation.ts'
import { openFleet } from '../../src/shm/fleet.ts'
import type { Fleet } from '../../src/shm/fleet.ts'
import { FleetView } from '../../src/shm/fleet-view.ts'
import { allocateFleet, GAUGE, GAUGE_WORDS } from '../../src/shm/layout.ts'
import { RING_RECORDS } from '../../src/shm/broadcast.ts'
import { Verdict } from '../../src/shm/tables.ts'
import { Answer, FleetVoice } from '../../src/shm/voice.ts'
import { rowWidths } from '../../src/telemetry/catalogue.ts'
import { FoldRecorder } from '../../src/telemetry/fold-recorder.ts'
import type { Row } from './support/loop.ts'

/** Of endpoints spoken of, in turn. */
const ENDPOINTS = 128
/** Records between two folds: those of a busy turn. */
const TURN = 64
const DECAY_MS = 10_000

const makeFleet = (shards: number): Fleet =>
  openFleet(
    allocateFleet({
      shards,
      endpoints: 1024,
      clusters: 8,
      listeners: 1,
      widths: rowWidths(1),
      clientBuckets: 16,
      logBytes: 0,
      explainBytes: 0,
      fds: 64,
      ringRecords: RING_RECORDS,
    }),
  )

const viewOf = (fleet: Fleet, shard: number): FleetView => {
  const view = new FleetView(fleet, shard, new FoldRecorder(fleet, shard))
  for (let slot = 0; slot < ENDPOINTS; slot++) view.adopt(slot, 0, DECAY_MS)
  return view
}

const slotOf = (at: number): number => (at * 37) & (ENDPOINTS - 1)

/** A voice that nobody of this thread hears, and its records: without `own`, what publishing itself costs. */
function saying(act: (voice: FleetVoice, slot: number, at: number) => void): (at: number) => number {
  const fleet = makeFleet(1)
  const voice = new FleetVoice(fleet, 0)
  return (at) => {
    voice.nowMs = at * 0.01
    act(voice, slotOf(at), at)
    return at
  }
}

const answer = new Answer()
answer.status = 200
answer.firstByteMs = 3
answer.totalMs = 4

const answered = (voice: FleetVoice, slot: number, at: number): void => {
  answer.cost = 1 + (at & 15)
  voice.answered(slot, answer)
}

/** An exchange begins and ends at each of `TURN` endpoints; then the turn is flushed. Per flushed record. */
function flushing(): (at: number) => number {
  const fleet = makeFleet(1)
  const voice = new FleetVoice(fleet, 0)
  const gauges = fleet.stripe(0).endpointGauges
  return (at) => {
    const slot = slotOf(at)
    voice.began(slot, 0, at)
    gauges[slot * GAUGE_WORDS + GAUGE.inFlight]!++
    voice.ended(slot, at)
    gauges[slot * GAUGE_WORDS + GAUGE.inFlight]!--
    return (at & (TURN - 1)) === 0 ? voice.flush(at) : 0
  }
}

/** One record said by another shard and folded here, in turns of `TURN`. */
function folding(
  shards: number,
  act: (voice: FleetVoice, slot: number, at: number) => void,
): (at: number) => number {
  const fleet = makeFleet(shards)
  const view = viewOf(fleet, 0)
  const voices = Array.from({ length: shards - 1 }, (_, other) => new FleetVoice(fleet, other + 1))
  return (at) => {
    const voice = voices[at % voices.length]!
    voice.nowMs = at * 0.01
    act(voice, slotOf(at), at)
    if ((at & (TURN - 1)) !== 0) return 0
    const folded = view.fold(at * 0.01)
    view.clearDirty()
    return folded
  }
}

function idleFold(shards: number): () => number {
  const view = viewOf(makeFleet(shards), 0)
  return () => view.fold(1)
}

function ownAnswer(): (at: number) => number {
  const fleet = makeFleet(2)
  const view = viewOf(fleet, 0)
  const voice = new FleetVoice(fleet, 0, view)
  return (at) => {
    voice.nowMs = at * 0.01
    answered(voice, slotOf(at), at)
    return view.cost[0]!
  }
}

const { verdicts } = makeFleet(1)
const verdict = new Verdict()
verdicts.write(1, verdict)

const adopting = viewOf(makeFleet(8), 0)

export const rows: readonly Row[] = [
  ['the slot and the clock', (at) => slotOf(at) + at * 0.01],
  ['publish a failure', saying((voice, slot) => voice.failed(slot, FAULT.connect, 3, -1))],
  ['publish an answer with its cost', saying(answered)],
  ['… and take it into the own picture', ownAnswer()],
  ['begin, end and flush one exchange', flushing()],
  [
    'publish and fold a failure, 2 shards',
    folding(2, (voice, slot) => voice.failed(slot, FAULT.connect, 3, -1)),
  ],
  ['publish and fold an answer with its cost, 2 shards', folding(2, answered)],
  ['publish and fold an answer with its cost, 16 shards', folding(16, answered)],
  ['fold nothing, 2 shards', idleFold(2)],
  ['fold nothing, 64 shards', idleFold(64)],
  ['read a verdict', () => Number(verdicts.read(1, verdict))],
  [
    'adopt an endpoint, 8 shards',
    (at) => {
      adopting.adopt(slotOf(at), 0, DECAY_MS)
      return adopting.dirtyCount
    },
  ],
]
