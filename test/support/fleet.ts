import { openFleet } from '../../src/shm/fleet.ts'
import type { Fleet } from '../../src/shm/fleet.ts'
import { allocateFleet } from '../../src/shm/layout.ts'
import type { FleetHandle, FleetShape } from '../../src/shm/layout.ts'

const SMALL: FleetShape = {
  shards: 2,
  endpoints: 4,
  clusters: 2,
  listeners: 1,
  widths: { engine: 0, shard: 0, listener: 0, cluster: 0, histograms: 0, endpoint: 0 },
  clientBuckets: 1,
  logBytes: 0,
  explainBytes: 0,
  fds: 64,
  ringRecords: 64,
}

/** The memory of a fleet as small as can be, but for what is said. */
export const smallMemory = (shape: Partial<FleetShape> = {}): FleetHandle =>
  allocateFleet({ ...SMALL, ...shape })

export const smallFleet = (shape: Partial<FleetShape> = {}): Fleet => openFleet(smallMemory(shape))
