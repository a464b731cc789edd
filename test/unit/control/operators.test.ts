import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Snapshot } from '../../../src/config/snapshot.ts'
import { Operators } from '../../../src/control/operators.ts'
import type { PatchOrder } from '../../../src/control/protocol.ts'
import { FleetView } from '../../../src/shm/fleet-view.ts'
import { clusterSpec, endpointSpec } from '../../support/specs.ts'
import { makeFleet } from '../telemetry/support.ts'

const snapshot = {
  clusters: [
    clusterSpec({
      name: 'web',
      endpoints: [
        endpointSpec(3, '127.0.0.1:9001', { weight: 2 }),
        endpointSpec(4, '10.0.0.1:80', { configured: 'backend.internal:80' }),
        endpointSpec(5, '10.0.0.2:80', { configured: 'backend.internal:80' }),
      ],
    }),
    clusterSpec({ id: 1, name: 'none' }),
  ],
} as unknown as Snapshot

const order = (patch: PatchOrder['patch'], address = '127.0.0.1:9001', cluster = 'web'): PatchOrder => ({
  cluster,
  address,
  patch,
  peer: '127.0.0.1:51234',
})

test('every change is audited in one line: what, from, to, by whom; a patch that changes nothing says nothing', () => {
  const lines: string[] = []
  const operators = new Operators(makeFleet(), { machineMs: () => 1, say: (line) => lines.push(line) })
  operators.patch(snapshot, order({ admin: 'drain' }))
  operators.patch(snapshot, order({ admin: 'drain' }))
  operators.patch(snapshot, order({ weight: 5 }))
  operators.patch(snapshot, order({ admin: 'ready', weight: null }))
  assert.deepEqual(lines, [
    'weir: audit: web 127.0.0.1:9001 admin ready → drain by 127.0.0.1:51234',
    'weir: audit: web 127.0.0.1:9001 weight 2 (configured) → 5 by 127.0.0.1:51234',
    'weir: audit: web 127.0.0.1:9001 admin drain → ready, weight 5 → 2 (configured) by 127.0.0.1:51234',
  ])
  assert.deepEqual(operators.patches, { applied: 3, idle: 1, refused: 0 })
  assert.equal(operators.overlays, 0)
})

test('a shard that folds main’s ring sees a patch at once, with its weight, and its end', () => {
  const fleet = makeFleet()
  const view = new FleetView(fleet, 0)
  view.adopt(3, 0, 10_000)
  const operators = new Operators(fleet, { machineMs: () => 7, say: () => {} })
  operators.patch(snapshot, order({ admin: 'down', weight: 0 }))
  view.fold(8)
  assert.deepEqual([view.admin[3], view.adminWeight[3]], [2, 0])
  operators.patch(snapshot, order({ admin: 'ready', weight: null }))
  view.fold(9)
  assert.deepEqual([view.admin[3], view.adminWeight[3]], [0, Number.NaN])
})

test('who is not there is told who is; a name is told its addresses', () => {
  const operators = new Operators(makeFleet(), {
    machineMs: () => 1,
    say: () => assert.fail('nothing is done'),
  })
  const refused = (address: string, cluster = 'web'): string => {
    const result = operators.patch(snapshot, order({ admin: 'down' }, address, cluster))
    assert.ok(!result.ok)
    return result.detail
  }
  assert.match(refused('127.0.0.1:9001', 'nope'), /^No such cluster/)
  assert.equal(
    refused('127.0.0.1:9999'),
    'No such endpoint in cluster web; there are 127.0.0.1:9001, 10.0.0.1:80, 10.0.0.2:80.',
  )
  assert.equal(refused('backend.internal:80'), 'That is a name; it stands for 10.0.0.1:80, 10.0.0.2:80.')
  assert.equal(refused('x', 'none'), 'Cluster none has no endpoints.')
  assert.equal(operators.patches.refused, 4)
})
