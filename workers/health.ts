/** The health actor's door: probes, verdicts, limits. */
import { workerData } from 'node:worker_threads'
import { host } from '../native/index.ts'
import { exposeActor } from '../src/actor/rpc.ts'
import { Health } from '../src/control/health.ts'
import type { HealthSeed } from '../src/control/protocol.ts'
import { machineMs, systemRng } from '../src/io/clock.ts'
import { say } from '../src/io/stderr.ts'
import { actorPort } from '../src/io/thread.ts'
import { startVitals } from '../src/io/vitals.ts'
import { openFleet } from '../src/shm/fleet.ts'

// Main and this thread are one program
const seed = workerData as HealthSeed
const fleet = openFleet(seed.fleet)
startVitals(fleet, 'health', host)
const health = new Health({
  fleet,
  rng: systemRng(),
  nowMs: machineMs,
  watch: host.watch.bind(host),
  say,
})
exposeActor(actorPort(), 'health', {
  apply: health.apply.bind(health),
  stop: health.stop.bind(health),
  fault: health.fault.bind(health),
})
