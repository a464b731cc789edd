import type { SimConnection } from './connection.ts'
import type { EngineCore } from './core.ts'

/** Input of a lingering connection that is read and thrown away; what comes beyond waits with its sender, until its FIN or the deadline. */
const LINGER_BYTES = 16 * 1_048_576
/** How long a peer may take to read our last words when no lingering was asked for. */
const FLUSH_MS = 1000
/** While output is queued, whether the peer takes of it is looked at this many times per linger. */
const LOOKS = 4

/** The handle is dead; what is queued is flushed, FIN sent, late input thrown away (RFC 9112 §9.6). */
export function startLinger(core: EngineCore, connection: SimConnection, lingerMs: number): void {
  connection.lingering = true
  connection.lingerMs = lingerMs
  connection.shutdown = true
  connection.lingerTaken = connection.progress
  connection.lingerUntilMs = core.clock.nowMs + patienceMs(connection)
  linger(core, connection)
  if (connection.lingering) planLook(core, connection)
}

function patienceMs({ lingerMs }: SimConnection): number {
  return lingerMs === 0 ? FLUSH_MS : lingerMs
}

function planLook(core: EngineCore, connection: SimConnection): void {
  const leftMs = connection.lingerUntilMs - core.clock.nowMs
  const lookMs = connection.out.length === 0 ? leftMs : Math.min(leftMs, patienceMs(connection) / LOOKS)
  connection.deadline = core.later(lookMs, () => look(core, connection))
}

/** Is the peer still taking what is queued, or its time over? */
function look(core: EngineCore, connection: SimConnection): void {
  if (connection.out.length > 0) {
    core.flush(connection)
    if (connection.progress !== connection.lingerTaken) {
      connection.lingerUntilMs = core.clock.nowMs + patienceMs(connection)
    }
    connection.lingerTaken = connection.progress
    linger(core, connection)
    if (!connection.lingering) return
  }
  if (core.clock.nowMs < connection.lingerUntilMs) return planLook(core, connection)
  core.count('lingerTimeouts')
  finish(core, connection)
}

/** The socket of a closed connection changed. */
export function linger(core: EngineCore, connection: SimConnection): void {
  const { socket } = connection
  const sentBefore = socket.finSent
  core.flush(connection)
  if (!sentBefore && socket.finSent) connection.lingerUntilMs = core.clock.nowMs + patienceMs(connection)
  if (socket.error !== 0 || connection.failure !== 0) return finish(core, connection)
  if (!socket.finSent) return
  const heard = connection.lingerMs === 0 || connection.ended || throwAway(core, connection)
  if (heard) finish(core, connection)
}

/** True if there is no need to wait any longer: the peer's FIN. */
function throwAway(core: EngineCore, connection: SimConnection): boolean {
  const scratch = new Uint8Array(core.options.readBytes)
  while (connection.lingerBytes < LINGER_BYTES || connection.socket.finArrived) {
    const count = connection.socket.read(scratch, 0, scratch.length)
    if (count <= 0) return count === 0
    connection.lingerBytes += count
    core.count('bytesIn', count)
  }
  return false
}

/** An orderly close if everything was sent, a reset otherwise. */
function finish(core: EngineCore, connection: SimConnection): void {
  connection.lingering = false
  if (connection.socket.finSent) connection.socket.close()
  core.discard(connection)
}
