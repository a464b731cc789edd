import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { host } from '../../native/index.ts'
import { startDataPlane } from '../../src/io/data-plane-process.ts'
import { until } from '../support/weir.ts'

const openFds = (): number => readdirSync('/proc/self/fd').length

test('a process that cannot be started leaves no descriptor behind, however that is told', async () => {
  const ends: (string | null)[] = []
  const start = (file: string): unknown =>
    startDataPlane(
      host,
      { command: [file], environment: {}, variable: 'X' },
      { onMessage: () => {}, onEnded: (_, signal) => void ends.push(signal) },
    )
  const before = openFds()
  start('/nowhere/weir')
  assert.throws(() => start('no\0name'), { code: 'ERR_INVALID_ARG_VALUE' })
  await until(() => ends.length > 0 && openFds() === before, 'all are closed')
  assert.equal(ends.length, 1)
  assert.match(ends[0] ?? '', /ENOENT/)
})
