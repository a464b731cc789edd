import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateMeter } from '../../../src/control/shard-rates.ts'
import { ENGINE_STATS } from '../../../src/io/engine.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import { VITAL } from '../../../src/shm/vitals.ts'
import { LISTENER_TABLE, rowWidths } from '../../../src/telemetry/catalogue.ts'
import { smallFleet } from '../../support/fleet.ts'

const aFleet = (): Fleet => smallFleet({ widths: rowWidths(ENGINE_STATS.length) })

/** As it is heard. */
const busy = (fleet: Fleet, shard: number, [ms, atMs]: readonly [number, number]): void => {
  const row = fleet.vitals(shard)
  row[VITAL.busyMs]! += ms
  row[VITAL.busyAt] = atMs
}

test('how busy a shard was: over the time since it was last asked, at least a second, always within 0…1', () => {
  const fleet = aFleet()
  const meter = new RateMeter(fleet, 1000)
  busy(fleet, 0, [500, 3000])
  busy(fleet, 1, [0, 3000])
  assert.deepEqual(meter.measure(3000).utilisation, [0.25, 0])
  busy(fleet, 1, [300, 3100])
  assert.equal(meter.measure(3100).utilisation[1], 300 / 2100) // too soon after the last: the window before goes on
  busy(fleet, 0, [2000, 4100])
  busy(fleet, 1, [0, 4100])
  assert.deepEqual(meter.measure(4100).utilisation, [1, 300 / 1100])
})

test('a shard that begins a new life does not look below nothing', () => {
  const fleet = aFleet()
  busy(fleet, 0, [100, 1000])
  const meter = new RateMeter(fleet, 1000)
  const row = fleet.vitals(0)
  row[VITAL.busyMs] = 1
  row[VITAL.busyAt] = 5000
  assert.equal(meter.measure(5000).utilisation[0], 0)
  assert.equal(meter.measure(5000).utilisation[1], 0, 'a shard that never lived')
})

test('requests and bytes per second, by shard', () => {
  const fleet = aFleet()
  const meter = new RateMeter(fleet, 0)
  const { column } = LISTENER_TABLE
  fleet.stripe(0).listeners[column.exchanges]! += 600
  fleet.stripe(0).listeners[column.exchanges + 2]! += 400
  fleet.stripe(1).engine[ENGINE_STATS.indexOf('bytesIn')] = 4000
  fleet.stripe(1).engine[ENGINE_STATS.indexOf('bytesOut')] = 6000
  const { requests, bytes } = meter.measure(2000)
  assert.deepEqual(
    [requests, bytes],
    [
      [500, 0],
      [0, 5000],
    ],
  )
})
