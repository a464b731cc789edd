import assert from 'node:assert/strict'
import { test } from 'node:test'
import { post, restartShard, restartsOf } from '../support/storm-client/faults.ts'
import { insistOnCalm } from '../support/storm-client/laws.ts'
import { settled } from '../support/storm-client/remains.ts'
import { setStage } from '../support/storm-client/stage.ts'
import { CROWD } from '../support/storm-client/storm.ts'
import { until } from '../support/weir.ts'

const SEED = Number(process.env['WEIR_SEED'] ?? 1)

test('shards are restarted one by one under load: no request fails, no connection ends, tunnels go on', async (t) => {
  const stage = await setStage(t, { shards: 2 }, SEED)
  const crowd = { ...CROWD, postShare: 0.1 }
  const storm = stage.storm(crowd)
  await storm.begin()
  for (const shard of [0, 1, 0]) assert.ok(await restartShard(stage.weir, shard), `shard ${shard}`)
  await storm.end()
  insistOnCalm({ stage, storm, crowd })
  await settled(stage.weir)
})

test('the only shard is restarted under load: no request fails, no connection ends, tunnels go on', async (t) => {
  const stage = await setStage(t, { shards: 1 }, SEED)
  const storm = stage.storm(CROWD)
  await storm.begin()
  for (let round = 0; round < 2; round++) assert.ok(await restartShard(stage.weir, 0))
  await storm.end()
  insistOnCalm({ stage, storm, crowd: CROWD })
  await settled(stage.weir)
})

test('a rolling restart under load replaces every shard once, and no request fails', async (t) => {
  const stage = await setStage(t, { shards: 3 }, SEED)
  const crowd = { ...CROWD, postShare: 0.1 }
  const storm = stage.storm(crowd)
  await storm.begin()
  const answer = await post(stage.weir, '/api/v1/shards/restart')
  assert.ok(answer !== undefined && answer.status < 300, `${answer?.status} ${answer?.body}`)
  for (const shard of [0, 1, 2]) {
    await until(async () => (await restartsOf(stage.weir, shard)) === 1, `shard ${shard} was replaced`)
  }
  await storm.end()
  insistOnCalm({ stage, storm, crowd })
  await settled(stage.weir)
})
