import { test } from 'node:test'
import { FAULT_KINDS } from '../../src/proxy/control.ts'
import { killShards } from '../support/storm-client/drill.ts'
import { healed } from '../support/storm-client/faults.ts'
import { insistOnAdoption } from '../support/storm-client/laws.ts'
import { settled } from '../support/storm-client/remains.ts'
import { setStage } from '../support/storm-client/stage.ts'
import { CROWD } from '../support/storm-client/storm.ts'

const SEED = Number(process.env['WEIR_SEED'] ?? 1)

for (const kind of FAULT_KINDS) {
  test(`shards die (${kind}) under load: idle connections and tunnels go on, only what is in mid-response breaks, and the counts are true again`, async (t) => {
    const stage = await setStage(t, { shards: 2 }, SEED)
    const crowd = { ...CROWD, postShare: 0.1 }
    const storm = stage.storm(crowd)
    await storm.begin()
    await killShards(stage, [kind, kind], 400)
    await healed(stage.weir, 2)
    await storm.end()
    insistOnAdoption({ stage, storm, crowd })
    await settled(stage.weir)
  })
}

test('the only shard dies under load: who is connected waits for its successor, and is served by it', async (t) => {
  const stage = await setStage(t, { shards: 1 }, SEED)
  const storm = stage.storm(CROWD)
  await storm.begin()
  await killShards(stage, ['throw', 'exit'], 500)
  await healed(stage.weir, 1)
  await storm.end()
  insistOnAdoption({ stage, storm, crowd: CROWD })
  await settled(stage.weir)
})
