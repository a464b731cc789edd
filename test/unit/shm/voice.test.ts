import { test } from 'node:test'
import assert from 'node:assert/strict'
import { LoadReport } from '../../../src/shm/beliefs.ts'
import { publishedOn } from '../../../src/shm/broadcast.ts'
import { zeroStripe } from '../../../src/shm/fleet.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import { FleetView } from '../../../src/shm/fleet-view.ts'
import type { FoldObserver, FoldVisitor } from '../../../src/shm/fleet-view.ts'
import { GAUGE, GAUGE_WORDS } from '../../../src/shm/layout.ts'
import { FAULT, OBSERVATION, REPORT_SOURCE } from '../../../src/shm/observation.ts'
import { HealthVoice, MainVoice } from '../../../src/shm/other-voices.ts'
import { AdminWord, Verdict } from '../../../src/shm/tables.ts'
import { Answer, FleetVoice } from '../../../src/shm/voice.ts'
import { smallFleet } from '../../support/fleet.ts'

const DECAY_MS = 10_000

class Witness implements FoldVisitor {
  readonly records: { producer: number; kind: number; detail: number; status: number; values: number[] }[] =
    []
  readonly lost: number[] = []

  record(producer: number, words: Int32Array, doubles: Float64Array, at: number): void {
    const word = words[2 * at]!
    const values = [...doubles.subarray(at + 2, at + 7)]
    this.records.push({
      producer,
      kind: word & 255,
      detail: (word >>> 8) & 255,
      status: word >>> 16,
      values,
    })
  }

  lapped(producer: number, lost: number): void {
    this.lost.push(producer, lost)
  }
}

class Tally implements FoldObserver {
  readonly ages: number[] = []
  readonly lost: number[] = []

  folded(ageUs: number): void {
    this.ages.push(ageUs)
  }

  lapped(lost: number): void {
    this.lost.push(lost)
  }
}

const adopted = (fleet: Fleet, actor: number | 'health', observer?: FoldObserver): FleetView => {
  const view = new FleetView(fleet, actor, observer)
  for (let slot = 0; slot < fleet.shape.endpoints; slot++) view.adopt(slot, 0, DECAY_MS)
  return view
}

const pick = (fleet: Fleet, shard: number, slot: number, by: 1 | -1): void => {
  fleet.stripe(shard).endpointGauges[slot * GAUGE_WORDS + GAUGE.inFlight]! += by
}

test('a turn says once per endpoint touched how many exchanges are under way there, whatever came and went', () => {
  const fleet = smallFleet()
  const voice = new FleetVoice(fleet, 0)
  const view = adopted(fleet, 1)
  for (let i = 0; i < 5; i++) {
    pick(fleet, 0, 2, 1)
    voice.began(2, 0, 100 + i)
  }
  pick(fleet, 0, 2, -1)
  voice.ended(2, 100)
  pick(fleet, 0, 3, 1)
  voice.began(3, 0, 104)
  assert.equal(voice.flush(105), 2)
  assert.equal(voice.flush(106), 0)
  assert.equal(publishedOn(fleet.ring(0)), 2)
  assert.equal(view.fold(107), 2)
  assert.deepEqual([...view.inFlight], [0, 0, 4, 1])
  assert.deepEqual([...view.startSum], [0, 0, 101 + 102 + 103 + 104, 104])
})

test('a visitor sees every record as it was said, with its class, status and values', () => {
  const fleet = smallFleet()
  const view = adopted(fleet, 'health')
  const [voice, health, main] = [new FleetVoice(fleet, 1), new HealthVoice(fleet), new MainVoice(fleet)]
  voice.began(1, 0, 50)
  voice.answered(1, Object.assign(new Answer(), { status: 503, firstByteMs: 3, totalMs: 4, cost: 5 }))
  voice.failed(1, FAULT.closed, 7, 8)
  const load = Object.assign(new LoadReport(), { utilisation: 0.5, qps: 100, eps: 2 })
  voice.report(1, REPORT_SOURCE.trailer, load)
  voice.probed(1, 9, 10)
  health.nowMs = main.nowMs = 60
  health.report({ slot: 1, generation: 0 }, load)
  const verdict = { state: 3, reason: 6, sinceMs: 59, share: 0.5, ejections: 2, ejectedUntilMs: 99 }
  health.verdict(1, Object.assign(new Verdict(), verdict))
  main.admin(1, Object.assign(new AdminWord(), { state: 1, weight: 3 }))
  const seen = new Witness()
  view.fold(61, seen)
  const of = (producer: number): unknown[] =>
    seen.records
      .filter((record) => record.producer === producer)
      .map(({ kind, detail, status, values }) => ({ kind, detail, status, values }))
  assert.deepEqual(of(1), [
    { kind: OBSERVATION.response, detail: 0, status: 503, values: [50, 3, 4, 5, 0] },
    { kind: OBSERVATION.failure, detail: FAULT.closed, status: 0, values: [50, 7, 0, 8, 0] },
    { kind: OBSERVATION.report, detail: 1, status: 0, values: [50, 0.5, 100, 2, 0] },
    { kind: OBSERVATION.probe, detail: 0, status: 0, values: [50, 9, 10, 1, 0] },
  ])
  assert.deepEqual(of(2), [{ kind: OBSERVATION.admin, detail: 1, status: 0, values: [60, 3, 0, 0, 0] }])
  assert.deepEqual(of(5), [
    { kind: OBSERVATION.report, detail: 2, status: 0, values: [60, 0.5, 100, 2, 0] },
    { kind: OBSERVATION.verdict, detail: 3, status: 6, values: [60, 59, 0.5, 2, 99] },
  ])
})

test('what a shard learns by itself is in its own picture before its turn ends', () => {
  const fleet = smallFleet()
  const view = adopted(fleet, 0)
  const voice = new FleetVoice(fleet, 0, view)
  voice.began(0, 0, 20)
  voice.answered(0, Object.assign(new Answer(), { status: 200, cost: 12 }))
  assert.deepEqual([view.cost[0], view.costAtMs[0]], [12, 20])
  voice.report(0, REPORT_SOURCE.header, Object.assign(new LoadReport(), { utilisation: 0.75 }))
  assert.deepEqual([view.utilisation[0], view.reportedAtMs[0]], [0.75, 20])
  voice.probed(0, 4, 5)
  assert.deepEqual([view.probedRif[0], view.probedLatencyMs[0], view.probeSeq[0]], [4, 5, 1])
  assert.equal(view.fold(21), 0, 'its own ring is not for itself')
})

test('age and loss are told to the observer: from the word to its use, and records of a ring that went round', () => {
  const fleet = smallFleet({ ringRecords: 32 })
  const [tally, seen] = [new Tally(), new Witness()]
  const view = adopted(fleet, 1, tally)
  const voice = new FleetVoice(fleet, 0)
  voice.began(0, 0, 100)
  voice.failed(0, FAULT.connect, 1, 1)
  voice.nowMs = 130
  voice.failed(0, FAULT.connect, 1, 1)
  view.fold(150)
  assert.deepEqual(tally.ages, [50_000, 20_000])
  for (let i = 0; i < 33; i++) voice.failed(0, FAULT.connect, 1, 40 + i)
  assert.equal(view.fold(160, seen), 0)
  assert.deepEqual([tally.lost, seen.lost], [[33], [0, 33]])
  assert.equal(view.cost[0], 72, 'read in the columns')
})

test('time of what is said never goes back, and is never the 0 that means never', () => {
  const fleet = smallFleet()
  const voice = new FleetVoice(fleet, 0)
  const view = adopted(fleet, 1)
  voice.began(0, 0, 0)
  voice.failed(0, FAULT.connect, 1, 1)
  view.fold(1)
  assert.ok(view.costAtMs[0]! > 0)
  voice.nowMs = 100
  voice.nowMs = 50
  assert.equal(voice.nowMs, 100)
})

test('a late word about an earlier tenant neither shows nor costs the later one what is known of it', () => {
  const fleet = smallFleet()
  const health = new HealthVoice(fleet)
  health.nowMs = 10
  const say = (generation: number, utilisation: number): void =>
    health.report({ slot: 0, generation }, Object.assign(new LoadReport(), { utilisation }))
  say(4, 0.1)
  say(5, 0.9)
  say(4, 0.2)
  const view = new FleetView(fleet, 0)
  view.adopt(0, 5, DECAY_MS)
  assert.equal(view.utilisation[0], 0.9)
  view.adopt(0, 6, DECAY_MS)
  assert.deepEqual([view.utilisation[0], view.reportedAtMs[0]], [0, -1])
})

test('what survives a dead shard is what it learned, not what it had under way', () => {
  const fleet = smallFleet()
  const view = adopted(fleet, 1)
  const voice = new FleetVoice(fleet, 0)
  pick(fleet, 0, 0, 1)
  voice.began(0, 0, 10)
  voice.failed(0, FAULT.silent, 5, 33)
  voice.flush(10)
  view.fold(11)
  assert.equal(view.inFlight[0], 1)
  pick(fleet, 0, 0, 1)
  voice.began(0, 0, 12)
  voice.flush(12)
  zeroStripe(fleet, 0)
  view.fold(13)
  assert.deepEqual([view.inFlight[0], view.startSum[0]], [0, 0])
  assert.equal(adopted(fleet, 0).cost[0], 33)
})

test('nobody hears of a slot that was forgotten', () => {
  const fleet = smallFleet()
  const view = adopted(fleet, 1)
  const voice = new FleetVoice(fleet, 0)
  view.forget(0)
  view.clearDirty()
  voice.began(0, 0, 10)
  voice.failed(0, FAULT.connect, 1, 1)
  view.fold(11)
  assert.equal(view.dirtyCount, 0)
})
