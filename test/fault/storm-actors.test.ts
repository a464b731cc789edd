import { test } from 'node:test'
import { killActor } from '../support/storm-client/drill.ts'
import { OTHER_ACTORS } from '../support/storm-client/faults.ts'
import { insistOnCalm } from '../support/storm-client/laws.ts'
import { settled } from '../support/storm-client/remains.ts'
import { setStage } from '../support/storm-client/stage.ts'
import { CROWD } from '../support/storm-client/storm.ts'

const SEED = Number(process.env['WEIR_SEED'] ?? 1)

for (const actor of OTHER_ACTORS) {
  test(`${actor} dies under load, by throw and by a loop without end: no request fails`, async (t) => {
    const stage = await setStage(t, { shards: 2 }, SEED)
    const crowd = { ...CROWD, postShare: 0.1 }
    const storm = stage.storm(crowd)
    await storm.begin()
    await killActor(stage, actor, ['throw', 'spin', 'exit'])
    await storm.end()
    insistOnCalm({ stage, storm, crowd })
    await settled(stage.weir)
  })
}
