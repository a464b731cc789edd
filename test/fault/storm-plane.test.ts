import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insistOnTruth } from '../support/storm-client/laws.ts'
import { killPlane } from '../support/storm-client/drill.ts'
import { settled } from '../support/storm-client/remains.ts'
import { setStage } from '../support/storm-client/stage.ts'
import { CROWD } from '../support/storm-client/storm.ts'

const SEED = Number(process.env['WEIR_SEED'] ?? 1)

test('the process of the data plane is killed (SIGKILL) under load: who is connected is reset, who comes waits, nobody is refused', async (t) => {
  const stage = await setStage(t, { shards: 2 }, SEED)
  const crowd = { ...CROWD, tunnels: 0, postShare: 0.1 }
  const storm = stage.storm(crowd)
  await storm.begin()
  const answered = (): number => storm.ledger.total('answered')
  for (let kill = 0; kill < 2; kill++) {
    await killPlane(stage.weir, answered)
  }
  await storm.end()
  insistOnTruth({ stage, storm, crowd })
  const { ledger } = storm
  const refused = ledger.total('502') + ledger.total('503') + ledger.total('504')
  assert.equal(refused, 0, `the new one says no\n${ledger.toString()}\n${ledger.story()}`)
  await settled(stage.weir)
})
