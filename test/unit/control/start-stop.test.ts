import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { BroadcastChannel } from 'node:worker_threads'
import { seededRng } from '../../../src/base/random.ts'
import { runForeground } from '../../../src/control/foreground.ts'
import type { Host, Signal } from '../../../src/control/foreground.ts'
import { Program } from '../../../src/control/program.ts'
import { fakeTimers } from '../../support/fake-timers.ts'
import type { FakeTimers } from '../../support/fake-timers.ts'

type Started = {
  readonly exitCode: Promise<number>
  readonly signal: (signal: Signal) => void
  readonly lines: readonly string[]
  readonly timers: FakeTimers
}

const CONFIG = `
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: [web.example:80] } }
`

/** Discovery that never answers, and says that it was asked at all. */
const MUTE = `
import { BroadcastChannel, parentPort } from 'node:worker_threads'
const channel = new BroadcastChannel('weir-test-mute')
parentPort.on('message', () => channel.postMessage('asked'))
`

/** A program that begins to start; nothing of it may be provided or spawned. */
function start(read: () => Promise<string>): Started {
  const lines: string[] = []
  const timers = fakeTimers()
  const say = (line: string): void => void lines.push(line)
  const beyond = (): never => assert.fail('the start went on')
  const program = new Program({
    version: 'test',
    source: { name: 'test.yaml', read },
    urls: {
      acceptor: new URL('none:'),
      telemetry: new URL('none:'),
      health: new URL('none:'),
      discovery: new URL(`data:text/javascript,${encodeURIComponent(MUTE)}`),
      shard: new URL('none:'),
    },
    connections: {
      raiseFdLimit: beyond,
      count: beyond,
      estate: beyond,
      resetOne: beyond,
      resetOwned: beyond,
    },
    timers,
    rng: seededRng(1),
    availableCores: 2,
    wallMs: () => 0,
    machineMs: () => 0,
    watch: () => () => {},
    entropy: () => 1,
    duplicate: beyond,
    closeFd: beyond,
    say,
    provide: beyond,
  })
  const handlers = new Map<Signal, () => void>()
  const host: Host = {
    on: (signal, handler) => void handlers.set(signal, handler),
    exit: beyond,
    nowMs: () => timers.nowMs(),
    say,
  }
  const exitCode = runForeground(program, host, beyond)
  return { exitCode, signal: (signal) => handlers.get(signal)?.(), lines, timers }
}

const DRAINING = ['weir: SIGTERM: draining, once more stops at once']

test('SIGTERM while the configuration is being read ends the start: exit 0, nothing runs, whatever comes of the reading', async () => {
  for (const text of [CONFIG, 'not: [a configuration', new Error('EIO')]) {
    const reading = Promise.withResolvers<string>()
    const { exitCode, signal, lines, timers } = start(() => reading.promise)
    await timers.advance(10)
    signal('SIGTERM')
    assert.equal(await exitCode, 0)
    if (typeof text === 'string') reading.resolve(text)
    else reading.reject(text)
    await timers.advance(60_000)
    assert.deepEqual(lines, DRAINING)
    assert.equal(timers.pending(), 0)
  }
})

test('SIGTERM while names are being resolved ends the start, at once', async () => {
  const channel = new BroadcastChannel('weir-test-mute')
  const { exitCode, signal, lines, timers } = start(() => Promise.resolve(CONFIG))
  await once(channel, 'message')
  channel.close()
  await timers.advance(100)
  signal('SIGTERM')
  assert.equal(await exitCode, 0)
  await timers.advance(60_000)
  assert.deepEqual(lines, DRAINING)
  assert.equal(timers.pending(), 0)
})
