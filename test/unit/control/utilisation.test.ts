import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Utilisation } from '../../../src/control/utilisation.ts'
import { openFleet } from '../../../src/shm/fleet.ts'
import { allocateFleet } from '../../../src/shm/layout.ts'
import { SHARD_TABLE, rowWidths } from '../../../src/telemetry/catalogue.ts'

test('how busy a shard was: over the time since it was last asked, at least a second, always within 0…1', () => {
  const sizes = {
    endpoints: 1,
    clusters: 1,
    listeners: 1,
    clientBuckets: 16,
    logBytes: 0,
    explainBytes: 0,
    fds: 64,
    ringRecords: 64,
  }
  const fleet = openFleet(allocateFleet({ shards: 2, ...sizes, widths: rowWidths(1) }))
  const busy = (shard: number, ms: number): void => {
    fleet.stripe(shard).counters[SHARD_TABLE.column.busyMs]! += ms
  }
  const utilisation = new Utilisation(fleet, 1000)
  busy(0, 500)
  assert.deepEqual(utilisation.measure(3000), [0.25, 0])
  busy(1, 300)
  assert.deepEqual(utilisation.measure(3100)[1], 300 / 2100) // too soon after the last: the window before goes on
  busy(0, 2000)
  assert.deepEqual(utilisation.measure(4100), [1, 300 / 1100])
})
