import { EVENT_WORDS, LIVE_WORDS, OP_WORDS } from './engine.ts'
import type { EngineMemory, EngineOptions } from './engine.ts'

const PAGE = 4096

/** Fresh memory for one life of an engine. Address space, mostly: pages cost nothing until touched. */
export function allocateEngineMemory(
  options: Pick<EngineOptions, 'arenaBytes' | 'ownBytes' | 'eventRows' | 'opRows'>,
): EngineMemory {
  const sizes = [
    options.arenaBytes + options.ownBytes,
    options.eventRows * EVENT_WORDS * 4,
    options.opRows * OP_WORDS * 4,
    LIVE_WORDS * 4,
  ]
  let end = 0
  const [mem = 0, events = 0, ops = 0, live = 0] = sizes.map((size) => {
    const at = end
    end += Math.ceil(size / PAGE) * PAGE
    return at
  })
  return { buffer: new SharedArrayBuffer(end), mem, events, ops, live }
}
