import { parentPort, workerData } from 'node:worker_threads'
import { createEngine, host } from '../native/index.ts'
import { exposeActor } from '../src/actor/rpc.ts'
import { systemClock, systemRng } from '../src/io/clock.ts'
import { PolicyLoader } from '../src/io/policy-loader.ts'
import { Reactor } from '../src/io/reactor.ts'
import { startVitals } from '../src/io/vitals.ts'
import type { Snapshot } from '../src/config/snapshot.ts'
import type { ShardSeed } from '../src/proxy/control.ts'
import { Shard } from '../src/proxy/shard.ts'
import { ENGINE_OPTIONS, SHARD_REACTOR } from '../src/proxy/shard-memory.ts'
import { openFleet } from '../src/shm/fleet.ts'

/** A shard's thread: the native engine, the shard over it, and its control port. */
const seed = workerData as ShardSeed
if (seed.cpu !== undefined) host.pin([seed.cpu]) // first of all: memory belongs to the node of who touches it first
const fleet = openFleet(seed.fleet)
startVitals(fleet, seed.shard, host)
const engine = createEngine({
  ...ENGINE_OPTIONS,
  shard: seed.shard,
  ownBytes: Reactor.ownBytes(SHARD_REACTOR),
  maxConnections: seed.maxConnections,
  stats: fleet.stripe(seed.shard).engine,
  memory: seed.memory,
  heartbeat: fleet.heartbeat(seed.shard),
})
const policies = new PolicyLoader()
const shard = new Shard({
  shard: seed.shard,
  engine,
  fleet,
  clock: systemClock,
  rng: systemRng(),
  hashKey: seed.hashKey,
  reactor: SHARD_REACTOR,
  maxConnections: seed.maxConnections,
  policies,
  say: (line) => process.stderr.write(`weir: shard ${seed.shard}: ${line}\n`),
  onError: (error) => {
    const story = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.stderr.write(
      `weir: shard ${seed.shard}: a bug was contained, one connection was reset: ${story}\n`,
    )
  },
})
exposeActor(parentPort!, `shard ${seed.shard}`, {
  async apply(snapshot: Snapshot) {
    await policies.load(snapshot)
    shard.apply(snapshot)
  },
  listen: shard.listen.bind(shard),
  unlisten: shard.unlisten.bind(shard),
  drain: shard.drain.bind(shard),
  census: shard.census.bind(shard),
  handOver: shard.handOver.bind(shard),
  inherit: shard.inherit.bind(shard),
  fault: shard.fault.bind(shard),
})
