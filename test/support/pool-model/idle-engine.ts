import assert from 'node:assert/strict'
import { EVENT_WORDS, LIVE_WORDS, OP_WORDS } from '../../../src/io/engine.ts'
import type { BatchHandler, Engine } from '../../../src/io/engine.ts'
import { Reactor } from '../../../src/io/reactor.ts'

const ECONNREFUSED = 111
const ROWS = 64

/** An engine for what is decided above it: it hands out connections to nowhere and keeps the time it is given. */
export class IdleEngine implements Engine {
  readonly mem: Uint8Array = new Uint8Array(8192)
  readonly arenaBytes: number = 1024
  readonly events: Int32Array = new Int32Array(ROWS * EVENT_WORDS)
  readonly ops: Int32Array = new Int32Array(ROWS * OP_WORDS)
  readonly live: Int32Array = new Int32Array(LIVE_WORDS)
  readonly clock: Float64Array = new Float64Array([1, 1])
  /** Addresses that refuse. */
  readonly refusing: Set<string> = new Set()
  readonly woken: number[] = []
  #fds = 0
  #handler: BatchHandler | undefined

  /** So long later: a batch without events. */
  pass(ms: number): void {
    this.clock[0] = (this.clock[0] ?? 0) + ms
    this.#handler?.(0)
  }

  start(handler: BatchHandler): void {
    this.#handler = handler
  }

  connect(address: string): number {
    return this.refusing.has(address) ? -ECONNREFUSED : this.#fds++
  }

  generationOf(): number {
    return 1
  }

  wake(shard: number): boolean {
    this.woken.push(shard)
    return true
  }

  progress(): number {
    return 0
  }

  queued(): number {
    return 0
  }

  flush(): void {}
  tickEvery(): void {}
  listen(): void {}
  unlisten(): void {}

  /** Nobody left anything here. */
  take(): number {
    return 0
  }

  flagsOf(): number {
    return 0
  }

  peerOf(): string | undefined {
    return undefined
  }

  stop(): void {}
}

/** A reactor over it, of a shard that does nothing else. */
export const quietReactor = (engine: IdleEngine): Reactor => {
  const options = { scratchBytes: 4096, slabs: [], granularityMs: 10 }
  return new Reactor(engine, options, {
    onAccepted: () => {},
    onWake: () => {},
    onExhausted: () => {},
    onTakenOver: () => {},
    onTurn: () => {},
    restless: () => false,
    onBatchStart: () => 0,
    onBatchEnd: () => {},
    onError: (error) => assert.fail(String(error)),
  })
}
