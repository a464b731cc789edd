import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Connection } from '../../../src/io/connection.ts'
import { EVENT, EVENT_WORDS, LIVE_WORDS, OP_WORDS } from '../../../src/io/engine.ts'
import type { BatchHandler, Engine } from '../../../src/io/engine.ts'
import { Reactor } from '../../../src/io/reactor.ts'
import type { ReactorHandler } from '../../../src/io/reactor-handler.ts'

const GRANULARITY_MS = 50
const REST_MS = 500

class Quiet extends Connection {
  onData(): void {}
  onTimer(): void {}
  onReset(): void {}
  onEnd(): void {}
  onConnected(): void {}
  onBlocked(): void {}
  onWritable(): void {}
  onRelayDone(): void {}
}

/** A reactor whose engine ticks as it is told. */
function world() {
  const clock = Float64Array.of(1000, 1e12)
  const events = new Int32Array(4 * EVENT_WORDS)
  const state = { tickMs: 0, restless: false, happened: [] as string[] }
  let handler: BatchHandler = () => 0
  const engine = {
    mem: new Uint8Array(131_072),
    arenaBytes: 65_536,
    events,
    ops: new Int32Array(4 * OP_WORDS),
    live: new Int32Array(LIVE_WORDS),
    clock,
    start: (given: BatchHandler) => (handler = given),
    tickEvery: (ms: number) => (state.tickMs = ms),
    flush: () => {},
  } as unknown as Engine
  const reports: ReactorHandler = {
    onAccepted: () => {},
    onWake: () => void state.happened.push('row'),
    onExhausted: () => {},
    onTakenOver: () => {},
    onError: () => {},
    onTurn: () => void state.happened.push('turn'),
    restless: () => state.restless,
    onBatchStart: () => 0,
    onBatchEnd: () => {},
  }
  const reactor = new Reactor(
    engine,
    { scratchBytes: 4096, slabs: [], granularityMs: GRANULARITY_MS },
    reports,
  )
  reactor.start()
  const batch = (rows: number, afterMs: number): void => {
    clock[0]! += afterMs
    for (let i = 0; i < rows; i++) events.set([EVENT.wake, 0, 0], i * EVENT_WORDS)
    handler(rows)
  }
  const tick = (times: number): void => {
    for (let i = 0; i < times; i++) batch(0, state.tickMs)
  }
  return { reactor, clock, state, batch, tick }
}

test('with nothing to do for twenty turns, turns become rare; who has something to do has every one', () => {
  const { reactor, state, tick } = world()
  assert.equal(state.tickMs, GRANULARITY_MS)
  tick(19)
  assert.equal(state.tickMs, GRANULARITY_MS)
  tick(1)
  assert.deepEqual([state.tickMs, reactor.atRest], [REST_MS, true])
  tick(3)
  assert.equal(state.tickMs, REST_MS)
  state.restless = true
  tick(1)
  assert.deepEqual([state.tickMs, reactor.atRest], [GRANULARITY_MS, false])
  tick(30)
  assert.equal(state.tickMs, GRANULARITY_MS)
  state.restless = false
  const connection = new Quiet(reactor, 5, 7)
  reactor.register(connection)
  tick(30)
  assert.equal(state.tickMs, GRANULARITY_MS, 'somebody is connected')
  reactor.forget(connection)
  reactor.wheel.arm(connection, reactor.nowMs + 40 * GRANULARITY_MS)
  tick(30)
  assert.equal(state.tickMs, GRANULARITY_MS, 'a timer is armed')
  tick(30)
  assert.equal(state.tickMs, REST_MS, 'it fired')
})

test('whatever comes ends the rest: a batch begins with the turn that was left out, a control message knows the time', () => {
  const { reactor, clock, state, batch, tick } = world()
  tick(20)
  state.happened = []
  batch(2, 300)
  assert.deepEqual(state.happened, ['turn', 'row', 'row'])
  assert.equal(state.tickMs, GRANULARITY_MS)
  tick(20)
  assert.equal(state.tickMs, REST_MS)
  const wallMs = clock[1]!
  reactor.stir(420)
  assert.deepEqual([reactor.nowMs, reactor.wallMs], [clock[0]! + 420, wallMs + 420])
  assert.equal(state.tickMs, GRANULARITY_MS)
  reactor.stir(10)
  assert.equal(reactor.nowMs, clock[0]! + 420, 'it never goes back')
})

test('who ticks at another pace while it has something to do keeps it', () => {
  const { reactor, state, tick } = world()
  tick(20)
  reactor.tickEvery(10)
  state.restless = true
  tick(40)
  assert.equal(state.tickMs, 10)
  reactor.tickEvery()
  assert.equal(state.tickMs, GRANULARITY_MS)
})
