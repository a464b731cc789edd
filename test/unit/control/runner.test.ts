import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '../../../src/base/random.ts'
import { TreeRunner } from '../../../src/control/runner.ts'
import type { Keeper, Life } from '../../../src/control/runner.ts'
import { treeOf } from '../../../src/control/tree.ts'
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

function setup(): Setup {
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
    farewell: async (id) => void log.push(`farewell ${id}`),
    onRestartIn: (id, delayMs) => void log.push(`${id} in ${delayMs <= 50 ? 'little' : 'more'}`),
    onChange: () => {},
  }
  const tree = new TreeRunner(treeOf(1), keeper, { timers, rng: seededRng(3) })
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
  assert.deepEqual(log.splice(0), ['shard 0 ended: by itself (unexpected)', 'shard 0 in little'])
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
    'shard 0 in little',
    'spawn shard 0',
    'shard 0 ended: could not be brought up: shard 0 cannot (unexpected)',
    'shard 0 in more',
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
