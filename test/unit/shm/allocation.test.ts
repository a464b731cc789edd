import { test } from 'node:test'
import assert from 'node:assert/strict'
import { LoadReport } from '../../../src/shm/beliefs.ts'
import { FleetView } from '../../../src/shm/fleet-view.ts'
import { FAULT, REPORT_SOURCE } from '../../../src/shm/observation.ts'
import { HealthVoice } from '../../../src/shm/other-voices.ts'
import { Verdict } from '../../../src/shm/tables.ts'
import { Answer, FleetVoice } from '../../../src/shm/voice.ts'
import { rowWidths } from '../../../src/telemetry/catalogue.ts'
import { FoldRecorder } from '../../../src/telemetry/fold-recorder.ts'
import { bytesPerRun } from '../../support/allocation.ts'
import { smallFleet } from '../../support/fleet.ts'

test('saying a turn’s facts and hearing those of others allocates nothing', () => {
  const fleet = smallFleet({ widths: rowWidths(1) })
  const views = [0, 1].map((shard) => new FleetView(fleet, shard, new FoldRecorder(fleet, shard)))
  for (const view of views) view.adopt(1, 0, 1000)
  const voices = views.map((view, shard) => new FleetVoice(fleet, shard, view))
  const health = new HealthVoice(fleet)
  const [answer, load, verdict] = [new Answer(), new LoadReport(), new Verdict()]
  answer.status = 200
  let nowMs = 1.5
  const least = bytesPerRun(() => {
    let heard = 0
    nowMs += 0.25
    for (let shard = 0; shard < 2; shard++) {
      const voice = voices[shard]!
      heard += views[shard]!.fold(nowMs)
      views[shard]!.clearDirty()
      voice.began(1, 0, nowMs)
      answer.cost = 1.5 + shard
      voice.answered(1, answer)
      voice.failed(1, FAULT.reset, 0.5, 2.5)
      load.utilisation = 0.5
      voice.report(1, REPORT_SOURCE.header, load)
      voice.probed(1, 3, 0.75)
      voice.ended(1, nowMs)
      voice.flush(nowMs)
    }
    health.nowMs = nowMs
    verdict.sinceMs = nowMs
    health.verdict(1, verdict)
    return heard
  })
  assert.ok(least < 1, `${least} bytes`)
})
