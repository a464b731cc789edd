/** The acceptor's door: listening sockets for the life of the process. */
import { workerData } from 'node:worker_threads'
import { listeners } from '../native/index.ts'
import { exposeActor } from '../src/actor/rpc.ts'
import { createAcceptor } from '../src/control/acceptor.ts'
import type { AcceptorSeed } from '../src/control/protocol.ts'
import { actorPort } from '../src/io/thread.ts'
import { startVitals } from '../src/io/vitals.ts'
import { openFleet } from '../src/shm/fleet.ts'

// Main and this thread are one program
const seed = workerData as AcceptorSeed
startVitals(openFleet(seed.fleet), 'acceptor')
exposeActor(actorPort(), 'acceptor', createAcceptor(listeners))
