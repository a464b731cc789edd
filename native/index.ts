/**
 * The native engine's typed face; nothing else touches the addon. Linux x64 and arm64.
 * `WEIR_ENGINE` names another build of the addon (the sanitizers' one).
 */
import { createRequire } from 'node:module'
import { ENGINE_STATS, ESTATE_WORDS, EVENT, EVENT_WORDS, LIVE_WORDS, OP, OP_WORDS } from '../src/io/engine.ts'
import type { Connections, Engine, EngineOptions, Listeners } from '../src/io/engine.ts'
import type { Host } from '../src/io/host.ts'

type Addon = {
  readonly createEngine: (options: EngineOptions) => Engine
  readonly listeners: Listeners
  readonly connections: Connections
  readonly host: Host
  readonly version: string
  /** The protocol's numbers as the addon was compiled with them. */
  readonly layout: {
    readonly stats: readonly string[]
    readonly eventWords: number
    readonly opWords: number
    readonly liveWords: number
    readonly estateWords: number
    readonly lastEvent: number
    readonly lastOp: number
  }
}

const addon = createRequire(import.meta.url)(
  process.env['WEIR_ENGINE'] ?? './build/Release/engine.node',
) as Addon

/** All that is called; one that is missing here does not compile. */
const METHODS: {
  readonly listeners: Readonly<Record<keyof Listeners, 'function'>>
  readonly connections: Readonly<Record<keyof Connections, 'function'>>
  readonly host: Readonly<Record<keyof Host, 'function'>>
} = {
  listeners: {
    open: 'function',
    close: 'function',
    inherit: 'function',
    extend: 'function',
    steer: 'function',
  },
  connections: {
    raiseFdLimit: 'function',
    count: 'function',
    resetOwned: 'function',
    estate: 'function',
    resetOne: 'function',
  },
  host: {
    pin: 'function',
    guardHeap: 'function',
    attend: 'function',
    hear: 'function',
    watch: 'function',
    notify: 'function',
    sendFds: 'function',
    receiveFds: 'function',
    socketPair: 'function',
    keepOnExec: 'function',
    closeFd: 'function',
  },
}

function hasMethods(part: 'listeners' | 'connections' | 'host'): boolean {
  return Object.entries(METHODS[part]).every(([name, type]) => typeof Reflect.get(addon[part], name) === type)
}

/** An addon built from other sources than these would misread every row: better not to start. */
function assertSameProtocol({ layout }: Addon): void {
  const same =
    hasMethods('listeners') &&
    hasMethods('connections') &&
    hasMethods('host') &&
    layout.stats.join() === ENGINE_STATS.join() &&
    layout.eventWords === EVENT_WORDS &&
    layout.opWords === OP_WORDS &&
    layout.liveWords === LIVE_WORDS &&
    layout.estateWords === ESTATE_WORDS &&
    layout.lastEvent === Math.max(...Object.values(EVENT)) &&
    layout.lastOp === Math.max(...Object.values(OP))
  if (!same) throw new Error('the native engine was built from other sources: run `npm ci`')
}

assertSameProtocol(addon)

/** One engine for this thread. Throws a RangeError for options out of range, an Error where the shard index is taken. */
export const createEngine: (options: EngineOptions) => Engine = addon.createEngine
export const listeners: Listeners = addon.listeners
export const connections: Connections = addon.connections
export const host: Host = addon.host
/** The package's version that the addon was built from. */
export const engineVersion: string = addon.version
