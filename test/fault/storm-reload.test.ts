import assert from 'node:assert/strict'
import { test } from 'node:test'
import { healed } from '../support/storm-client/faults.ts'
import { insistOnCalm } from '../support/storm-client/laws.ts'
import { settled } from '../support/storm-client/remains.ts'
import { setStage, stormText } from '../support/storm-client/stage.ts'
import { CROWD } from '../support/storm-client/storm.ts'
import { until } from '../support/weir.ts'

const SEED = Number(process.env['WEIR_SEED'] ?? 1)

test('reloads under load change the number of shards (2, 3, 1, 2) and the listeners: no request fails, WebSockets live on (caddy #5471, pingora #690)', async (t) => {
  const stage = await setStage(t, { shards: 2 }, SEED)
  const { weir, addresses } = stage
  const crowd = { ...CROWD, postShare: 0.1 }
  const storm = stage.storm(crowd)
  await storm.begin()
  const { tunnels } = storm.standing
  const web = weir.addresses().get('web') ?? ''
  const settings = [
    { shards: 3, listeners: ', more: { bind: 127.0.0.1:0 }' },
    { shards: 1, listeners: ', more: { bind: 127.0.0.1:0 }, most: { bind: 127.0.0.1:0 }' },
    { shards: 2 },
  ]
  for (const setting of settings) {
    const said = await weir.reload(stormText(addresses, setting))
    assert.match(said, /^weir: reloaded/, weir.lines.join('\n'))
    assert.equal(weir.addresses().get('web'), web)
    await healed(weir, setting.shards)
    const goal = storm.ledger.total('answered') + 200
    await until(() => storm.ledger.total('answered') > goal, 'load goes on')
  }
  assert.equal(storm.standing.tunnels, tunnels)
  await storm.end()
  insistOnCalm({ stage, storm, crowd })
  await settled(weir)
})
