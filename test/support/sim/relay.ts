import { RELAY } from '../../../src/io/engine.ts'
import type { SimConnection } from './connection.ts'
import type { EngineCore } from './core.ts'
import { ERRNO } from './socket.ts'

const READS_PER_BATCH = 4

export function startRelay(core: EngineCore, source: SimConnection, to: SimConnection, bytes: number): void {
  source.relay = { to, left: bytes, moved: 0 }
  source.paused = false
  to.feeder = source
  core.clock.note(core.name, 'relay', source.fd, to.fd)
  core.markReady(source)
}

/** Move what can be moved now; the destination's queue must be empty before more is read from the source. */
export function pumpRelay(core: EngineCore, source: SimConnection): void {
  const broken = source.failure || source.socket.error
  if (source.paused && broken !== 0) return core.breakUp(source, broken)
  core.reportHangup(source)
  const scratch = new Uint8Array(core.options.readBytes)
  for (let reads = 0; source.relay !== null && !source.paused; reads++) {
    const { relay } = source
    if (relay.left === 0) return core.endRelay(source, RELAY.complete)
    if (source.ended) return core.endRelay(source, RELAY.ended)
    if (relay.to.out.length > 0 || relay.to.connecting) {
      if (broken !== 0) core.breakUp(source, broken) // nobody reads what came before it
      return
    }
    if (reads === READS_PER_BATCH) return core.markReady(source)
    const count = source.socket.read(scratch, 0, Math.min(scratch.length, relay.left, core.options.queueCap))
    if (count === -ERRNO.EAGAIN) return
    if (count < 0) return core.breakUp(source, source.failure === 0 ? -count : source.failure)
    if (count === 0) {
      source.ended = true
      continue
    }
    source.bytesIn += count
    relay.moved += count
    relay.left -= count
    core.count('bytesIn', count)
    core.count('bytesRelayed', count)
    core.output(relay.to, scratch.subarray(0, count))
  }
}
