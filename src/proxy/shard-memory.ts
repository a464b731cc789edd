import type { EngineOptions } from '../io/engine.ts'
import type { ReactorOptions } from '../io/reactor.ts'

// A file of its own, for main makes this memory: with the whole shard behind it, it would load 150 modules more than it uses.

/**
 * Buffers of a shard. The size classes: most heads fit the first, those with large cookies the second, and the third takes the largest
 * head a listener may allow (64 KiB) and one read behind it. All of it is address space; memory is what was touched.
 */
export const SHARD_REACTOR: ReactorOptions = {
  scratchBytes: 1024 * 1024,
  granularityMs: 50,
  slabs: [
    { bytes: 2048, count: 16_384 },
    { bytes: 8192, count: 4096 },
    { bytes: 98_304, count: 512 },
  ],
}

/** The native engine's share: 16 KiB a read, as TLS records will be; a queue that holds what one batch may overshoot by, and a relay's buffer. */
export const ENGINE_OPTIONS: Pick<
  EngineOptions,
  'arenaBytes' | 'readBytes' | 'queueCap' | 'eventRows' | 'opRows'
> = {
  arenaBytes: 1024 * 1024,
  readBytes: 16_384,
  queueCap: 1024 * 1024,
  eventRows: 1024,
  opRows: 4096,
}
