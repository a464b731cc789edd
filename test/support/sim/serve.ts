import { EVENT } from '../../../src/io/engine.ts'
import type { SimConnection } from './connection.ts'
import type { EngineCore } from './core.ts'
import { pumpRelay } from './relay.ts'
import { ERRNO } from './socket.ts'

/** No fewer rows are free when a connection gets its turn: connected, blocked or writable, relayDone twice, hangup, data, end or reset. */
export const ROWS_PER_CONNECTION = 8

/** Where the next span of the batch goes. */
export type ArenaCursor = { at: number }

/** Give one ready connection its turn in the batch being built. */
export function serve(core: EngineCore, connection: SimConnection, arena: ArenaCursor): void {
  if (connection.connecting && !establish(core, connection)) return
  if (connection.failure === ERRNO.ENOBUFS) return core.breakUp(connection, connection.failure)
  if (connection.out.length > 0) drain(core, connection)
  if (connection.relay !== null) pumpRelay(core, connection)
  else receive(core, connection, arena)
}

/** A connect under way: false while it is, or when it failed. */
function establish(core: EngineCore, connection: SimConnection): boolean {
  const errno = connection.failure || connection.socket.error
  if (errno !== 0) {
    core.breakUp(connection, errno)
    return false
  }
  if (!connection.socket.connected) return false
  connection.connecting = false
  core.emit(EVENT.connected, connection)
  if (connection.feeder !== null) core.markReady(connection.feeder)
  core.flush(connection)
  core.reportBlocked(connection)
  return true
}

/** The socket may take output again. */
function drain(core: EngineCore, connection: SimConnection): void {
  core.flush(connection)
  if (connection.out.length > 0 || connection.failure !== 0) return
  if (connection.blocked) {
    connection.blocked = false
    core.emit(EVENT.writable, connection)
  }
  if (connection.feeder !== null) core.markReady(connection.feeder)
}

/** At most one read, and what the kernel says besides: the end, the break. */
function receive(core: EngineCore, connection: SimConnection, arena: ArenaCursor): void {
  const { socket } = connection
  const errno = connection.failure || socket.error
  if (connection.paused || socket.inbox.length === 0) {
    if (errno !== 0) return core.breakUp(connection, errno)
    core.reportHangup(connection)
    if (!connection.paused && socket.finArrived && !connection.ended) {
      connection.ended = true
      core.emit(EVENT.end, connection)
    }
    return
  }
  readSpan(core, connection, arena)
  if (!socket.hasInput) return
  const { chance, profile } = core.clock
  if (socket.inbox.length === 0 && chance.happens(profile.coalesce)) receive(core, connection, arena)
  else core.markReady(connection)
}

function readSpan(core: EngineCore, connection: SimConnection, arena: ArenaCursor): void {
  const { chance, profile } = core.clock
  const offset = arena.at + Math.floor(chance.between(profile.arenaGap))
  const available = Math.min(
    core.options.arenaBytes - offset,
    core.options.readBytes,
    connection.socket.inbox.length,
  )
  if (available <= 0) return
  const wanted = chance.happens(profile.shortRead) ? 1 + chance.below(available) : available
  const count = connection.socket.read(core.mem, offset, wanted)
  arena.at = offset + count
  connection.bytesIn += count
  core.count('bytesIn', count)
  core.emit(EVENT.data, connection, [offset, count])
}
