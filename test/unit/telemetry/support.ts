import { seededRng } from '../../../src/base/random.ts'
import { openFleet } from '../../../src/shm/fleet.ts'
import type { Fleet } from '../../../src/shm/fleet.ts'
import { allocateFleet } from '../../../src/shm/layout.ts'
import { rowWidths } from '../../../src/telemetry/catalogue.ts'
import { ExchangeRecord } from '../../../src/telemetry/record.ts'
import { ShardRecorder } from '../../../src/telemetry/recorder.ts'

export const makeFleet = (shards: number = 2, logBytes: number = 1 << 16): Fleet =>
  openFleet(
    allocateFleet({
      shards,
      endpoints: 16,
      clusters: 4,
      listeners: 3,
      widths: rowWidths(19),
      clientBuckets: 64,
      logBytes,
      explainBytes: 0,
      fds: 64,
      ringRecords: 64,
    }),
  )

export const makeRecorder = (fleet: Fleet, shard: number = 0): ShardRecorder =>
  new ShardRecorder(fleet, shard, seededRng(1))

export const makeRecord = (facts: Partial<ExchangeRecord>): ExchangeRecord =>
  Object.assign(new ExchangeRecord(), facts)
