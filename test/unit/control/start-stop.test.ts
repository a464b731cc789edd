import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '../../../src/base/random.ts'
import { runForeground } from '../../../src/control/foreground.ts'
import type { Host, Signal } from '../../../src/control/foreground.ts'
import { Program } from '../../../src/control/program.ts'
import type { Resolver } from '../../../src/io/dns.ts'
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

/** A program that begins to start; nothing of it may be provided or spawned. */
function start(read: () => Promise<string>, resolver: Resolver): Started {
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
    resolver,
    availableCores: 2,
    wallMs: () => 0,
    machineMs: () => 0,
    entropy: () => 1,
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
    const asked: string[] = []
    const reading = Promise.withResolvers<string>()
    const resolve = (host: string): Promise<never> => {
      asked.push(host)
      return Promise.withResolvers<never>().promise
    }
    const { exitCode, signal, lines, timers } = start(() => reading.promise, { resolve })
    await timers.advance(10)
    signal('SIGTERM')
    assert.equal(await exitCode, 0)
    if (typeof text === 'string') reading.resolve(text)
    else reading.reject(text)
    await timers.advance(60_000)
    assert.deepEqual(lines, DRAINING)
    assert.equal(timers.pending(), 0)
    assert.equal(asked.length, text === CONFIG ? 1 : 0)
  }
})

test('SIGTERM while names are being resolved ends the start, at once', async () => {
  const answer = Promise.withResolvers<never>()
  const { exitCode, signal, lines, timers } = start(() => Promise.resolve(CONFIG), {
    resolve: () => answer.promise,
  })
  await timers.advance(100)
  signal('SIGTERM')
  assert.equal(await exitCode, 0)
  answer.reject(new Error('no such name'))
  await timers.advance(60_000)
  assert.deepEqual(lines, DRAINING)
  assert.equal(timers.pending(), 0)
})
