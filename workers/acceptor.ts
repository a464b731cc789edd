/** The acceptor's door: listening sockets for the life of the process. */
import { listeners } from '../native/index.ts'
import { exposeActor } from '../src/actor/rpc.ts'
import { createAcceptor } from '../src/control/acceptor.ts'
import { actorPort } from '../src/io/thread.ts'

exposeActor(actorPort(), 'acceptor', createAcceptor(listeners))
