/** The door of discovery: what names mean. */
import { workerData } from 'node:worker_threads'
import { host } from '../native/index.ts'
import { connectActor, exposeActor } from '../src/actor/rpc.ts'
import { createDiscovery } from '../src/control/discovery.ts'
import type { DiscoverySeed, NamesControl } from '../src/control/discovery-protocol.ts'
import { systemRng, systemTimers } from '../src/io/clock.ts'
import { systemResolver } from '../src/io/dns.ts'
import { failOnPurpose } from '../src/io/fault.ts'
import { actorPort } from '../src/io/thread.ts'
import { startVitals } from '../src/io/vitals.ts'
import { openFleet } from '../src/shm/fleet.ts'

// Main and this thread are one program
const seed = workerData as DiscoverySeed
const discovery = createDiscovery({
  resolver: systemResolver(),
  timers: systemTimers,
  rng: systemRng(),
  main: connectActor<NamesControl>(seed.main, 'main', systemTimers),
  attend: (fleet) => startVitals(openFleet(fleet), 'discovery', host),
  fail: failOnPurpose,
})
exposeActor(actorPort(), 'discovery', discovery)
