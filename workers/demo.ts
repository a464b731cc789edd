/** The demo's backends, in a thread of their own. */
import { exposeActor } from '../src/actor/rpc.ts'
import { startDemoBackends } from '../src/control/demo-backends.ts'
import { actorPort } from '../src/io/thread.ts'

exposeActor(actorPort(), 'demo backends', { addresses: startDemoBackends })
