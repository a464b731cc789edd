import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EVENT, EVENT_WORDS, LIVE_WORDS, OP_WORDS } from '../../../src/io/engine.ts'
import type { BatchHandler, Engine } from '../../../src/io/engine.ts'
import { Connection } from '../../../src/io/connection.ts'
import { Reactor } from '../../../src/io/reactor.ts'
import type { ReactorHandler } from '../../../src/io/reactor-handler.ts'
import { OP } from '../../../src/io/engine.ts'

/** Throws wherever it is told to; remembers how it ended. */
class Faulty extends Connection {
  endedWith = 0
  onData(): void {
    throw new Error('bug in onData')
  }
  onTimer(): void {
    throw new Error('bug in onTimer')
  }
  onReset(errno: number): void {
    this.endedWith = errno
  }
  onEnd(): void {}
  onConnected(): void {}
  onBlocked(): void {}
  onWritable(): void {}
  onRelayDone(): void {}
}

type Bench = {
  reactor: Reactor
  errors: unknown[]
  batch: (rows: readonly (readonly number[])[], nowMs: number) => number[][]
}

/** A reactor over an engine port whose batches the test hands in; returns the op rows of each. */
const bench = (onAccepted: () => void): Bench => {
  const clock = Float64Array.of(1000, 0)
  const events = new Int32Array(16 * EVENT_WORDS)
  const ops = new Int32Array(16 * OP_WORDS)
  let handler: BatchHandler = () => 0
  const engine = {
    mem: new Uint8Array(131_072),
    arenaBytes: 65_536,
    events,
    ops,
    live: new Int32Array(LIVE_WORDS),
    clock,
    start: (given: BatchHandler) => (handler = given),
    tickEvery: () => {},
    flush: () => {},
  } as unknown as Engine
  const errors: unknown[] = []
  const reports: ReactorHandler = {
    onAccepted,
    onWake: () => {},
    onExhausted: () => {},
    onTakenOver: () => {},
    onError: (error) => errors.push(error),
    onTurn: () => {},
    restless: () => false,
    onBatchStart: () => 0,
    onBatchEnd: () => {},
  }
  const reactor = new Reactor(engine, { scratchBytes: 4096, slabs: [], granularityMs: 50 }, reports)
  reactor.start()
  const batch = (rows: readonly (readonly number[])[], nowMs: number): number[][] => {
    clock[0] = nowMs
    for (const [i, row] of rows.entries()) events.set(row, i * EVENT_WORDS)
    const count = handler(rows.length)
    return Array.from({ length: count }, (_, i) => [...ops.subarray(i * OP_WORDS, i * OP_WORDS + 3)])
  }
  return { reactor, errors, batch }
}

test('a bug met while a row is handled breaks off that connection alone', () => {
  const { reactor, errors, batch } = bench(() => {})
  const bad = new Faulty(reactor, 5, 7)
  const good = new Faulty(reactor, 6, 8)
  reactor.register(bad)
  reactor.register(good)
  assert.deepEqual(batch([[EVENT.data, 5, 7, 0, 10]], 1000), [[OP.reset, 5, 7]])
  assert.equal(errors.length, 1)
  assert.ok(bad.dead && bad.endedWith > 0)
  assert.ok(!good.dead)
  assert.deepEqual([...reactor.connections()], [good])
})

test('a bug met by a timer breaks off its connection: it would have no clock any more', () => {
  const { reactor, errors, batch } = bench(() => {})
  const bad = new Faulty(reactor, 5, 7)
  reactor.register(bad)
  reactor.wheel.arm(bad, 1100)
  assert.deepEqual(batch([], 1300), [[OP.reset, 5, 7]])
  assert.equal(errors.length, 1)
  assert.ok(bad.dead && bad.endedWith > 0)
})

test('a bug met while a client is taken in leaves no descriptor behind', () => {
  const { errors, batch } = bench(() => {
    throw new Error('bug in onAccepted')
  })
  assert.deepEqual(batch([[EVENT.accepted, 9, 3, 0, 0, 0, 4711]], 1000), [[OP.reset, 9, 3]])
  assert.equal(errors.length, 1)
})
