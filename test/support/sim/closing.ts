import type { SimConnection } from './connection.ts'
import type { EngineCore } from './core.ts'

/** Input of a lingering connection that is read and thrown away before the connection is cut off. */
const LINGER_BYTES = 1_048_576
/** How long a peer may take to read our last words. */
const FLUSH_MS = 1000

/** The handle is dead; what is queued is flushed, FIN sent, late input thrown away (RFC 9112 §9.6). */
export function startLinger(core: EngineCore, connection: SimConnection, lingerMs: number): void {
  connection.lingering = true
  connection.lingerMs = lingerMs
  connection.shutdown = true
  const finSent = connection.socket.finSent
  linger(core, connection)
  if (!connection.lingering) return
  if (finSent) expireAfter(core, connection, lingerMs)
  else if (!connection.socket.finSent) expireAfter(core, connection, FLUSH_MS)
}

/** The socket of a closed connection changed. */
export function linger(core: EngineCore, connection: SimConnection): void {
  const { socket } = connection
  const finSent = socket.finSent
  if (socket.connected) connection.connecting = false
  if (!connection.connecting) core.flush(connection)
  if (connection.lingerMs > 0) throwAway(core, connection)
  if (socket.error !== 0 || connection.failure !== 0) return finish(core, connection)
  if (!socket.finSent) return
  const heard = socket.finArrived && socket.inbox.length === 0
  if (heard || connection.lingerMs === 0 || connection.lingerBytes > LINGER_BYTES) finish(core, connection)
  else if (!finSent) expireAfter(core, connection, connection.lingerMs)
}

/** End this phase of the lingering (flushing, or reading on after the FIN) if it is not over by itself. */
function expireAfter(core: EngineCore, connection: SimConnection, delayMs: number): void {
  const { finSent } = connection.socket
  core.later(delayMs, () => {
    if (!connection.lingering || connection.socket.finSent !== finSent) return
    core.count('lingerTimeouts')
    finish(core, connection)
  })
}

function throwAway(core: EngineCore, connection: SimConnection): void {
  const scratch = new Uint8Array(core.options.readBytes)
  while (connection.lingerBytes <= LINGER_BYTES) {
    const count = connection.socket.read(scratch, 0, scratch.length)
    if (count <= 0) return
    connection.lingerBytes += count
  }
}

/** An orderly close if everything was sent, a reset otherwise. */
function finish(core: EngineCore, connection: SimConnection): void {
  connection.lingering = false
  if (connection.socket.finSent) connection.socket.close()
  core.discard(connection)
}
