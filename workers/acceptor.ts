/** The acceptor's door: listening sockets for the life of the process, and an eye on the shards. */
import { workerData } from 'node:worker_threads'
import { host, listeners } from '../native/index.ts'
import { connectActor, exposeActor } from '../src/actor/rpc.ts'
import type { Remote } from '../src/actor/rpc.ts'
import { Acceptor } from '../src/control/acceptor.ts'
import type { AcceptorSeed, WatchControl } from '../src/control/protocol.ts'
import { ShardWatch } from '../src/control/shard-watch.ts'
import { machineMs, systemTimers } from '../src/io/clock.ts'
import { say } from '../src/io/stderr.ts'
import { actorPort } from '../src/io/thread.ts'
import { startVitals } from '../src/io/vitals.ts'
import { openFleet } from '../src/shm/fleet.ts'

// Main and this thread are one program
const seed = workerData as AcceptorSeed
const fleet = openFleet(seed.fleet)
startVitals(fleet, 'acceptor', host)
const main: Remote<WatchControl> = connectActor<WatchControl>(seed.main, 'main', systemTimers).call
const watch = new ShardWatch(fleet, {
  stuck: (shard) => void main.stuck(shard),
  recovered: (shard) => void main.recovered(shard),
  heapFull: (shard) => void main.heapFull(shard),
})
exposeActor(actorPort(), 'acceptor', new Acceptor(listeners, watch, say))
host.watch(watch.pace, watch.words, () => watch.look(machineMs()))
