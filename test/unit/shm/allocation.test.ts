import { test } from 'node:test'
import assert from 'node:assert/strict'
import { LoadReport } from '../../../src/shm/beliefs.ts'
import { FleetView } from '../../../src/shm/fleet-view.ts'
import { FAULT, REPORT_SOURCE } from '../../../src/shm/observation.ts'
import { Answer, FleetVoice } from '../../../src/shm/voice.ts'
import { rowWidths } from '../../../src/telemetry/catalogue.ts'
import { FoldRecorder } from '../../../src/telemetry/fold-recorder.ts'
import { bytesPerRun } from '../../support/allocation.ts'
import { smallFleet } from '../../support/fleet.ts'

const fleet = smallFleet({ widths: rowWidths(1) })
const view = new FleetView(fleet, 0, new FoldRecorder(fleet, 0))
view.adopt(1, 0, 1000)
const own = new FleetVoice(fleet, 0, view)
const other = new FleetVoice(fleet, 1)
const [answer, load] = [new Answer(), new LoadReport()]
answer.firstByteMs = 1.5
answer.cost = 2.5
load.utilisation = 0.5

/** Whole ms: a fraction would be boxed on its way to the voice, which is the caller's affair. */
let nowMs = 1

const SAID: Readonly<Record<string, (voice: FleetVoice) => void>> = {
  'the beginning and end of an exchange': (voice) => {
    voice.began(1, 0, nowMs)
    voice.ended(1, nowMs)
    voice.flush(nowMs)
  },
  'an answer': (voice) => voice.answered(1, answer),
  'a failure': (voice) => voice.failed(1, FAULT.reset, 0.5, 2.5),
  'a report': (voice) => voice.report(1, REPORT_SOURCE.header, load),
  'a probe': (voice) => voice.probed(1, 3, 0.75),
}

for (const [what, say] of Object.entries(SAID)) {
  test(`saying ${what}, to oneself too, and hearing it from another allocates nothing`, () => {
    const least = bytesPerRun(() => {
      nowMs++
      own.nowMs = nowMs
      other.nowMs = nowMs
      say(own)
      say(other)
      const heard = view.fold(nowMs)
      view.clearDirty()
      return heard
    })
    assert.ok(least < 1, `${least} bytes`)
  })
}
