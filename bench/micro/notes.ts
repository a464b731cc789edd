/** What it costs that a shard's connections can be gone on with when it dies: the notes of one request, and the words of `LIVE`: `node bench/micro.ts notes`. */
import { Connection } from '../../src/io/connection.ts'
import { LIVE_WORDS, OP_WORDS } from '../../src/io/engine.ts'
import type { Engine } from '../../src/io/engine.ts'
import { OpWriter } from '../../src/io/ops.ts'
import type { Reactor } from '../../src/io/reactor.ts'
import type { ClientConnection } from '../../src/downstream/client.ts'
import { noteExchange } from '../../src/proxy/exchange-note.ts'
import type { RequestSide } from '../../src/proxy/request-side.ts'
import type { ResponseSide } from '../../src/proxy/response-side.ts'
import type { Destination } from '../../src/proxy/routing.ts'
import { NOTE_WORDS, ROLE } from '../../src/shm/notes.ts'
import type { Row } from './support/loop.ts'

/** Connections of each side; their rows lie between those of another shard. */
const CONNECTIONS = 64

class Bare extends Connection {
  onData(): void {}
  onEnd(): void {}
  onReset(): void {}
  onConnected(): void {}
  onBlocked(): void {}
  onWritable(): void {}
  onRelayDone(): void {}
  onTimer(): void {}
}

const words = 4 * CONNECTIONS * NOTE_WORDS
const notes = new Int32Array(new SharedArrayBuffer(words * 4))
const reactor = { notes, nowMs: 1 } as unknown as Reactor
const clients = Array.from({ length: CONNECTIONS }, (_, n) => new Bare(reactor, 4 * n, n + 1))
const upstreams = Array.from({ length: CONNECTIONS }, (_, n) => new Bare(reactor, 4 * n + 2, n + 1))
for (const connection of [...clients, ...upstreams]) connection.openNote(ROLE.idle, 0, 0, 1)

const request = {
  start: 4096,
  length: 300,
  startedMs: 5,
  minor: 1,
  rescued: false,
  rescuable: true,
} as unknown as RequestSide
const response = { wantsKeepAlive: true, touched: false } as unknown as ResponseSide
const destination = { route: 0, cluster: { spec: { id: 0 } } } as unknown as Destination

const live = new Int32Array(new SharedArrayBuffer(LIVE_WORDS * 4))
const ops = new Int32Array(new SharedArrayBuffer(4096 * OP_WORDS * 4))
const writer = new OpWriter({ ops, live, flush: () => {} } as unknown as Engine, 0, 65_536)

export const rows: readonly Row[] = [
  [
    'notes: one request, both connections',
    (i) => {
      const client = clients[i % CONNECTIONS]!
      const up = upstreams[i % CONNECTIONS]!
      client.noteRole(ROLE.none)
      up.notePeer(ROLE.busy, client)
      noteExchange(client as unknown as ClientConnection, request, response, destination)
      client.noteRole(ROLE.responding)
      up.noteRole(ROLE.pooled)
      client.noteRole(ROLE.idle)
      return i
    },
  ],
  [
    'ops: one send, counted in LIVE',
    (i) => {
      writer.send(clients[i % CONNECTIONS]!, 64, 128)
      return i
    },
  ],
]
