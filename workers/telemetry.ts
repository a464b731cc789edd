/** Telemetry's door: metrics, access log, admin API. */
import { workerData } from 'node:worker_threads'
import { host } from '../native/index.ts'
import { connectActor, exposeActor } from '../src/actor/rpc.ts'
import type { MainControl, TelemetrySeed } from '../src/control/protocol.ts'
import { Telemetry } from '../src/control/telemetry.ts'
import { machineMs, systemClock, systemTimers } from '../src/io/clock.ts'
import { say } from '../src/io/stderr.ts'
import { actorPort } from '../src/io/thread.ts'
import { startVitals } from '../src/io/vitals.ts'
import { openFleet } from '../src/shm/fleet.ts'

// Main and this thread are one program
const seed = workerData as TelemetrySeed
const fleet = openFleet(seed.fleet)
startVitals(fleet, 'telemetry', host)
const telemetry = new Telemetry({
  fleet,
  main: connectActor<MainControl>(seed.main, 'main', systemTimers),
  timers: systemTimers,
  watch: host.watch.bind(host),
  clock: { machineMs, wallMs: () => systemClock.wallMs() },
  say,
})
exposeActor(actorPort(), 'telemetry', telemetry)
