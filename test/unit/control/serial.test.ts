import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Serial } from '../../../src/control/serial.ts'

test('tasks run one after the other, in order, whether they fail or not', async () => {
  const serial = new Serial()
  const log: string[] = []
  const task =
    (name: string, fails = false) =>
    async (): Promise<string> => {
      log.push(`${name} begins`)
      await new Promise(setImmediate)
      log.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    }
  const results = await Promise.allSettled([
    serial.run(task('a')),
    serial.run(task('b', true)),
    serial.run(task('c')),
  ])
  assert.deepEqual(log, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
})

test('who asks while the same change waits shares it; who asks while it runs gets another one', async () => {
  const serial = new Serial()
  const release = Promise.withResolvers<void>()
  let runs = 0
  const reload = async (): Promise<number> => {
    const run = ++runs
    await release.promise
    return run
  }
  const first = serial.share('reload', reload)
  await new Promise(setImmediate)
  const rest = Array.from({ length: 100 }, () => serial.share('reload', reload))
  release.resolve()
  assert.equal(await first, 1)
  assert.deepEqual(new Set(await Promise.all(rest)), new Set([2]))
})
