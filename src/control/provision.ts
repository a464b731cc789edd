import { availableParallelism } from 'node:os'
import { SLOT_CAPACITY } from '../config/slots.ts'
import type { Snapshot } from '../config/snapshot.ts'
import { ENGINE_STATS } from '../io/engine.ts'
import type { Connections } from '../io/engine.ts'
import { RING_RECORDS } from '../shm/broadcast.ts'
import { openFleet } from '../shm/fleet.ts'
import { allocateFleet } from '../shm/layout.ts'
import { rowWidths } from '../telemetry/catalogue.ts'
import { wantedBindings } from './bindings.ts'
import { capacityOf, fdShortage } from './capacity.ts'
import { Refusal } from './failure.ts'
import type { Provision } from './program-context.ts'

/** Shards there may be later, by a reload: more than anybody wants, and no more than fits (23 MiB of address space each). */
const ROOM_PER_CORE = 4
const MOST_ROOM = 64
/** Of each shard: a quarter of a second at 60,000 requests/s, or four of 4,000 with long lines: a hiccup of the disk, or of a crowded core, costs no line. */
const LOG_RING_BYTES = 1 << 23
/** Of each shard: some hundred decision records, until telemetry takes them. */
const EXPLAIN_RING_BYTES = 1 << 20
/** Of the sketch of connections per client. Its error is open connections / buckets. */
const CLIENT_BUCKETS = 65_536

/**
 * The memory and the limits of a program, once for its life. All slots a configuration may ever use are laid out at once: pages nobody
 * touches cost address space only. Throws a Refusal where there are too few file descriptors.
 */
export function provide(snapshot: Snapshot, connections: Connections): Provision {
  const { shards, listeners } = snapshot
  const room = Math.max(shards, Math.min(MOST_ROOM, ROOM_PER_CORE * availableParallelism()))
  const fdLimit = connections.raiseFdLimit()
  const sockets = wantedBindings(listeners).length * shards
  const shortage = fdShortage(fdLimit, shards, sockets)
  if (shortage !== undefined) throw new Refusal([`weir: ${shortage}`])
  const handle = allocateFleet({
    shards: room,
    endpoints: SLOT_CAPACITY.endpoint,
    clusters: SLOT_CAPACITY.cluster,
    listeners: SLOT_CAPACITY.listener,
    widths: rowWidths(ENGINE_STATS.length),
    clientBuckets: CLIENT_BUCKETS,
    logBytes: LOG_RING_BYTES,
    explainBytes: EXPLAIN_RING_BYTES,
    fds: fdLimit,
    ringRecords: RING_RECORDS,
  })
  const fleet = openFleet(handle)
  fleet.shardCount = shards
  return { fleet, capacity: capacityOf(fdLimit, shards, sockets) }
}
