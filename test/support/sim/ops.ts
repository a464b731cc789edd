import { OP, OP_WORDS, RELAY } from '../../../src/io/engine.ts'
import { startLinger } from './closing.ts'
import type { SimConnection } from './connection.ts'
import type { EngineCore } from './core.ts'
import { startRelay } from './relay.ts'

const KINDS: ReadonlySet<number> = new Set(Object.values(OP))
/** Connections a process can have; beyond it no fd makes sense. */
const TABLE_SIZE = 1_048_576

/** The first `rows` rows of `words`. */
type OpTable = { readonly words: Int32Array; readonly rows: number }

/** Run the first `rows` rows of `ops`, in order; consecutive sends to one connection become one write. */
export function runOps(core: EngineCore, ops: Int32Array, rows: number): void {
  const table: OpTable = { words: ops, rows }
  let row = 0
  while (row < rows) {
    const at = row * OP_WORDS
    const fd = word(ops, at + 1)
    const connection = core.process.find(core, fd, word(ops, at + 2))
    if (!KINDS.has(word(ops, at)) || fd < 0 || fd >= TABLE_SIZE) {
      core.count('badOps')
      row += 1
    } else if (connection === null) {
      core.count('staleOps')
      core.clock.note(core.name, 'stale op', word(ops, at), word(ops, at + 1))
      row += 1
    } else if (ops[at] === OP.send) row = runSends(core, connection, table, row)
    else {
      core.clock.note(core.name, `op ${word(ops, at)}`, connection.fd, word(ops, at + 3))
      if (!runOp(core, connection, ops.subarray(at, at + OP_WORDS))) core.count('badOps')
      row += 1
    }
  }
}

/** Gather the sends to one connection that begin at `row`; returns the row after them. */
function runSends(core: EngineCore, connection: SimConnection, table: OpTable, first: number): number {
  const { words: ops, rows } = table
  const spans: Uint8Array[] = []
  let row = first
  for (; row < rows; row++) {
    const at = row * OP_WORDS
    if (ops[at] !== OP.send || ops[at + 1] !== connection.fd || ops[at + 2] !== connection.generation) break
    const offset = word(ops, at + 3)
    const length = word(ops, at + 4)
    if (offset < 0 || length < 0 || offset + length > core.mem.length || connection.shutdown)
      core.count('badOps')
    else spans.push(core.mem.subarray(offset, offset + length))
  }
  const bytes = spans.length === 1 ? (spans[0] ?? new Uint8Array(0)) : Buffer.concat(spans)
  core.clock.note(core.name, 'send', connection.fd, bytes.length)
  if (bytes.length > 0) {
    core.output(connection, bytes)
    core.reportBlocked(connection)
  }
  return row
}

/** One op on a live connection; false if its words make no sense. */
function runOp(core: EngineCore, connection: SimConnection, op: Int32Array): boolean {
  const a = word(op, 3)
  switch (op[0]) {
    case OP.pause:
      connection.paused = true
      if (connection.owesHangup) core.markReady(connection)
      return true
    case OP.resume:
      connection.paused = false
      core.markReady(connection)
      return true
    case OP.shutdown:
      connection.shutdown = true
      if (connection.out.length === 0 && !connection.connecting) connection.socket.shutdown()
      return true
    case OP.close:
      return close(core, connection, a)
    case OP.reset:
      core.kill(connection)
      core.discard(connection)
      return true
    case OP.relay:
      return relay(core, connection, op)
    case OP.relayStop:
      core.endRelay(connection, RELAY.stopped)
      return true
    case OP.handover:
      return handover(core, connection, a, word(op, 4))
    default:
      return false
  }
}

function close(core: EngineCore, connection: SimConnection, lingerMs: number): boolean {
  if (lingerMs < 0) return false
  core.kill(connection)
  if (connection.connecting || connection.failure !== 0) core.discard(connection)
  else startLinger(core, connection, lingerMs)
  return true
}

function relay(core: EngineCore, source: SimConnection, op: Int32Array): boolean {
  const low = word(op, 5)
  const high = word(op, 6)
  const bytes = low === -1 && high === -1 ? Infinity : (low >>> 0) + (high >>> 0) * 0x1_0000_0000
  if (source.relay !== null) return false
  const to = core.process.find(core, word(op, 3), word(op, 4))
  if (to === source || (to !== null && (to.feeder !== null || to.shutdown))) return false
  if (to === null) core.count('staleOps')
  if (to === null || to.failure !== 0) {
    source.paused = true
    core.reportRelay(source, RELAY.broken, 0)
  } else startRelay(core, source, to, bytes)
  return true
}

/** To an engine that does not exist: it comes back, under a new handle. */
function handover(core: EngineCore, connection: SimConnection, shard: number, tag: number): boolean {
  if (shard < 0 || shard > 255 || connection.connecting || connection.failure !== 0) return false
  if (connection.relay !== null || connection.feeder !== null) return false
  const member = core.process.members.get(shard)
  const target = member === undefined || member.stopped ? core : member
  const generation = core.process.nextOf(connection.generation)
  core.release(connection)
  target.adopt(connection, generation, tag)
  return true
}

function word(table: Int32Array, index: number): number {
  return table[index] ?? 0
}
