import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChildSpec } from '../../../src/actor/child.ts'
import { seededRng } from '../../../src/base/random.ts'
import { TreeRunner } from '../../../src/control/runner.ts'
import type { Keeper, Life } from '../../../src/control/runner.ts'
import { shardSpec } from '../../../src/control/tree.ts'
import { fakeTimers } from '../../support/fake-timers.ts'
import type { FakeTimers } from '../../support/fake-timers.ts'

type Setup = {
  readonly tree: TreeRunner
  readonly timers: FakeTimers
  readonly log: string[]
  /** End the living life of a child by itself. */
  readonly die: (id: string) => void
  /** Its next bring-up fails. */
  readonly failing: Set<string>
}

const CHILDREN = ['acceptor', 'telemetry', 'health', 'shard 0'].map((id, stage): ChildSpec => ({
  id,
  stage,
  restart: 'permanent',
  group: 'all',
}))

function setup(maxRestarts = 100): Setup {
  const limits = { maxRestarts, withinMs: 60_000, backoff: { firstMs: 50, maxMs: 1000 } }
  const timers = fakeTimers()
  const log: string[] = []
  const failing = new Set<string>()
  const ends = new Map<string, (reason: string) => void>()
  const keeper: Keeper = {
    spawn(id): Life {
      log.push(`spawn ${id}`)
      const ended = Promise.withResolvers<string>()
      ends.set(id, ended.resolve)
      return { ended: ended.promise, terminate: () => ended.resolve('terminated') }
    },
    async bringUp(id) {
      if (failing.delete(id)) throw new Error(`${id} cannot`)
    },
    onEnded: (id, reason, expected) =>
      void log.push(`${id} ended: ${reason}${expected ? '' : ' (unexpected)'}`),
    farewell: async (id, why) => void log.push(`farewell ${id}${why === 'stop' ? '' : ` (${why})`}`),
    onRestartIn: (id, delayMs) => void log.push(`${id} in ${delayMs <= 1000 ? 'a while' : 'ages'}`),
    onChange: () => {},
  }
  const tree = new TreeRunner({ children: CHILDREN, limits }, keeper, { timers, rng: seededRng(3) })
  return { tree, timers, log, failing, die: (id) => ends.get(id)?.('by itself') }
}

test('start and stop: in order, in reverse, with a farewell; no timer is left', async () => {
  const { tree, timers, log } = setup()
  await tree.start()
  assert.deepEqual(log.splice(0), ['spawn acceptor', 'spawn telemetry', 'spawn health', 'spawn shard 0'])
  await tree.stop()
  assert.deepEqual(log, [
    'farewell shard 0',
    'shard 0 ended: terminated',
    'farewell health',
    'health ended: terminated',
    'farewell telemetry',
    'telemetry ended: terminated',
    'farewell acceptor',
    'acceptor ended: terminated',
  ])
  assert.equal(timers.pending(), 0)
})

test('a life that ends is buried before its successor is spawned, when the back-off is over', async () => {
  const { tree, timers, log, die } = setup()
  await tree.start()
  log.length = 0
  die('shard 0')
  await timers.advance(0)
  assert.deepEqual(log.splice(0), ['shard 0 ended: by itself (unexpected)', 'shard 0 in a while'])
  await timers.advance(50)
  assert.deepEqual(log.splice(0), ['spawn shard 0'])
  assert.deepEqual(
    tree.children().map(({ phase, restarts }) => `${phase} ${restarts}`),
    ['up 0', 'up 0', 'up 0', 'up 1'],
  )
  await tree.stop()
})

test('a bring-up that fails at the first start fails the start with its reason, everything stopped', async () => {
  const { tree, timers, log, failing } = setup()
  failing.add('telemetry')
  await assert.rejects(tree.start(), /telemetry cannot/)
  assert.deepEqual(log, [
    'spawn acceptor',
    'spawn telemetry',
    'telemetry ended: could not be brought up: telemetry cannot',
    'farewell acceptor',
    'acceptor ended: terminated',
  ])
  assert.equal(timers.pending(), 0)
})

test('a bring-up that fails later is a death like any other', async () => {
  const { tree, timers, log, failing, die } = setup()
  await tree.start()
  log.length = 0
  failing.add('shard 0')
  die('shard 0')
  await timers.advance(1000)
  assert.deepEqual(log, [
    'shard 0 ended: by itself (unexpected)',
    'shard 0 in a while',
    'spawn shard 0',
    'shard 0 ended: could not be brought up: shard 0 cannot (unexpected)',
    'shard 0 in a while',
    'spawn shard 0',
  ])
  await tree.stop()
})

test('stop in the midst of a start: the start is given up, everything ends', async () => {
  const { tree, timers } = setup()
  const started = tree.start()
  const stopped = tree.stop()
  await assert.rejects(started, /stopped before/)
  await stopped
  assert.equal(timers.pending(), 0)
})

test('a planned restart: a farewell, the life ended, its successor up when it is answered; no pause', async () => {
  const { tree, timers, log } = setup()
  await tree.start()
  log.length = 0
  await tree.restart('shard 0')
  assert.deepEqual(log, ['farewell shard 0 (replace)', 'shard 0 ended: terminated', 'spawn shard 0'])
  assert.equal(timers.pending(), 0)
  await assert.rejects(tree.restart('shard 7'), /shard 7 is unknown/)
  await tree.stop()
})

test('children are added and removed while it runs; each is answered when done, or rejected when all stops', async () => {
  const { tree, log, die } = setup()
  await tree.start()
  log.length = 0
  await tree.add(shardSpec(1))
  assert.equal(tree.children().length, 5)
  await tree.remove('shard 1')
  assert.deepEqual(log, ['spawn shard 1', 'farewell shard 1 (remove)', 'shard 1 ended: terminated'])
  assert.equal(tree.children().length, 4)
  die('shard 0')
  await new Promise(setImmediate)
  await assert.rejects(tree.restart('shard 0'), /shard 0 is waiting/)
  const added = assert.rejects(tree.add(shardSpec(1)), /the program stops/) // it is not up before the stop
  await tree.stop()
  await added
})

test('a child that is removed while it is being replaced: whoever waits for its successor hears that there will be none', async () => {
  const { tree, log } = setup()
  await tree.start()
  log.length = 0
  const replaced = assert.rejects(tree.restart('shard 0'), /shard 0 is not wanted any more/)
  await tree.remove('shard 0')
  await replaced
  assert.deepEqual(log, ['farewell shard 0 (replace)', 'shard 0 ended: terminated'])
  await tree.stop()
})

test('a killed life counts as dead, for the reason given', async () => {
  const { tree, log } = setup()
  await tree.start()
  log.length = 0
  tree.kill('shard 0', 'stuck for 2 s')
  await new Promise(setImmediate)
  assert.deepEqual(log, ['shard 0 ended: stuck for 2 s (unexpected)', 'shard 0 in a while'])
  assert.equal(tree.children().at(-1)?.deaths, 1)
  await tree.stop()
})

test('one death too many: it gives up and stops the others', async () => {
  const { tree, timers, log, die } = setup(0)
  await tree.start()
  log.length = 0
  die('shard 0')
  assert.equal(await tree.gaveUp, 'shard 0')
  await tree.stop()
  assert.deepEqual(log, [
    'shard 0 ended: by itself (unexpected)',
    'farewell health',
    'health ended: terminated',
    'farewell telemetry',
    'telemetry ended: terminated',
    'farewell acceptor',
    'acceptor ended: terminated',
  ])
  assert.equal(timers.pending(), 0)
})
