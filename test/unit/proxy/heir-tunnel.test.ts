/** A shard's thread ends, and another goes on with its tunnels. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bequest } from '../../../src/control/estate-plan.ts'
import { GAUGE } from '../../../src/shm/layout.ts'
import { sumGauge } from '../../../src/shm/fleet.ts'
import { openEstate, shareOut } from '../../support/estate/settle.ts'
import { get, ProxyRig } from '../../support/proxy-rig.ts'
import type { RigParts } from '../../support/proxy-rig.ts'
import { endpointSpec } from '../../support/specs.ts'
import type { SimPeer } from '../../support/sim/peer.ts'

const NONE = { adopted: 0, rescued: 0, answered: 0, reset: 0 }

/** The whole text of so many responses of `respond`. */
const got = (peer: SimPeer, body: string): boolean => peer.text.endsWith(body)

const inFlight = ({ shards }: ProxyRig): number[] =>
  (['listenerGauges', 'clusterGauges', 'endpointGauges'] as const).map((table) =>
    sumGauge(shards[0]!.fleet, table, 0, GAUGE.inFlight),
  )

const HANDSHAKE = get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n')
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: def\r\n\r\n'

const tunnel = (parts: RigParts = { shards: 2 }): { rig: ProxyRig; client: SimPeer; backend: SimPeer } => {
  const rig = new ProxyRig(parts)
  const backends = rig.backend(() => SWITCH)
  const client = rig.client(HANDSHAKE)
  rig.until(() => client.text.endsWith('\r\n\r\n'))
  const backend = backends[0]!
  backend.onData = null
  backend.onFin = null
  rig.pass(60)
  return { rig, client, backend }
}

test('a tunnel goes on, both ways, and ends as tunnels do', async () => {
  const { rig, client, backend } = tunnel()
  rig.kill(0)
  client.send('up')
  assert.deepEqual(await rig.settle(0), { ...NONE, adopted: 1 })
  assert.deepEqual(inFlight(rig), [1, 1, 1])
  backend.send('down')
  rig.until(() => got(client, 'down') && got(backend, 'up'))
  client.fin()
  rig.until(() => backend.finReceived)
  backend.send('late')
  backend.fin()
  rig.until(() => client.finReceived)
  assert.ok(got(client, 'late'))
  rig.pass(60)
  assert.deepEqual(rig.outcomes, { 'tunnel-closed': 1 })
  assert.deepEqual(inFlight(rig), [0, 0, 0])
  rig.conclude()
})

for (const [what, parts] of [
  ['endpoint', { cluster: { endpoints: [endpointSpec(1, '10.0.0.2:80')] } }],
  ['listener', { listener: { id: 1, name: 'other' } }],
  ['cluster', { cluster: { id: 1, name: 'other', endpoints: [endpointSpec(1, '10.0.0.1:80')] } }],
] as const) {
  test(`a tunnel whose ${what} left by a reload goes on with an heir that knew it, and with one that never did`, async () => {
    for (const heirsBefore of [true, false]) {
      const { rig, client, backend } = tunnel(heirsBefore ? { shards: 2 } : { shards: 1, room: 1 })
      rig.reload(parts)
      rig.kill(0)
      if (!heirsBefore) rig.join()
      client.send('up')
      assert.deepEqual(await rig.settle(0), { ...NONE, adopted: 1 })
      assert.deepEqual(inFlight(rig), [1, 1, 1])
      backend.send('down')
      rig.until(() => got(client, 'down') && got(backend, 'up'))
      client.fin()
      backend.fin()
      rig.until(() => client.finReceived && backend.finReceived)
      rig.pass(60)
      assert.deepEqual(inFlight(rig), [0, 0, 0])
      rig.conclude()
    }
  })
}

test('half a tunnel is reset alone: it is not tied to whoever comes next in the estate', async () => {
  const { rig, client, backend } = tunnel()
  const idle = [rig.client(), rig.client()]
  rig.pass(60)
  rig.kill(0)
  const [dead, heir] = rig.shards
  const plan = openEstate(rig.world, dead!)
  const pair = plan.units.find(({ kind }) => kind === 'tunnel')!
  const [{ fd, generation }] = pair.bequests as [Bequest]
  assert.ok(rig.world.process.resetOne(fd, generation)) // an heir took it, and died of it
  const { adopted, reset } = await shareOut(dead!, plan, [heir!])
  assert.deepEqual([adopted, reset], [2, 1])
  rig.until(() => backend.resetBy !== 0 && client.resetBy !== 0)
  for (const peer of idle) peer.send(HANDSHAKE)
  rig.until(() => idle.every((peer) => peer.text.includes(' 101 ')))
})

test('a tunnel that was half closed stays so with the heir', async () => {
  const { rig, client, backend } = tunnel()
  client.fin()
  rig.until(() => backend.finReceived)
  rig.pass(60)
  rig.kill(0)
  assert.deepEqual(await rig.settle(0), { ...NONE, adopted: 1 })
  backend.send('late')
  backend.fin()
  rig.until(() => client.finReceived)
  assert.ok(got(client, 'late'))
  rig.pass(60)
  assert.deepEqual(rig.outcomes, { 'tunnel-closed': 1 })
  rig.conclude()
})
