import { test } from 'node:test'
import { killActor } from '../support/storm-client/drill.ts'
import { OTHER_ACTORS } from '../support/storm-client/faults.ts'
import { insistOnCalm } from '../support/storm-client/laws.ts'
import { settled } from '../support/storm-client/remains.ts'
import { setStage } from '../support/storm-client/stage.ts'
import { CROWD } from '../support/storm-client/storm.ts'

const SEED = Number(process.env['WEIR_SEED'] ?? 1)

test('actors that are no shards die under load', async (scope) => {
  const stage = await setStage(scope, { shards: 2 }, SEED)
  for (const actor of OTHER_ACTORS) {
    await scope.test(
      `${actor} dies, by throw, by a loop without end and by exit: no request fails`,
      async () => {
        const crowd = { ...CROWD, postShare: 0.1 }
        const storm = stage.storm(crowd)
        await storm.begin()
        await killActor(stage, actor, ['throw', 'spin', 'exit'])
        await storm.end()
        insistOnCalm({ stage, storm, crowd })
        await settled(stage.weir)
      },
    )
  }
})
