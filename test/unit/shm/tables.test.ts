import { test } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { openFleet } from '../../../src/shm/fleet.ts'
import { AdminWord, ClusterLimit, Verdict, VERDICT_WORDS, VerdictTable } from '../../../src/shm/tables.ts'
import { smallFleet, smallMemory } from '../../support/fleet.ts'
import type { TableWriterData } from './table-writer.ts'

test('rows hold what was written, and nothing where nothing was or where they were cleared', () => {
  const { verdicts, admin, limits } = smallFleet()
  const said = Object.assign(new Verdict(), {
    generation: 7,
    state: 3,
    reason: 4,
    sinceMs: 1.5,
    ejections: 2,
    ejectedUntilMs: 1e12 + 0.25,
    share: 0.125,
  })
  const read = new Verdict()
  assert.ok(!verdicts.read(0, read))
  verdicts.write(0, said)
  assert.ok(verdicts.read(0, read))
  assert.deepEqual(read, said)
  assert.ok(!verdicts.read(1, read), 'its neighbour')
  verdicts.clear(0)
  assert.ok(!verdicts.read(0, read))

  const word = Object.assign(new AdminWord(), { generation: 1, state: 2, weight: Number.NaN })
  const asked = Object.assign(new AdminWord(), { weight: 5 })
  admin.write(3, word)
  assert.ok(admin.read(3, asked))
  assert.deepEqual(asked, word)

  const limit = new ClusterLimit()
  limits.write(1, Object.assign(new ClusterLimit(), { max: 12.5 }))
  assert.ok(limits.read(1, limit) && limit.max === 12.5)
})

test('a writer that died in the midst is not believed nor waited for; its successor sets the row right', () => {
  const words = new Int32Array(new SharedArrayBuffer(VERDICT_WORDS * 4))
  const table = new VerdictTable(words)
  table.write(0, Object.assign(new Verdict(), { state: 1 }))
  words[0]!++
  const read = new Verdict()
  assert.ok(!table.read(0, read))
  table.write(0, Object.assign(new Verdict(), { state: 5 }))
  assert.ok(table.read(0, read))
  assert.equal(read.state, 5)
})

test('a row read while another thread hammers it is never torn', async () => {
  const handle = smallMemory()
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const workerData: TableWriterData = { handle, stop }
  const worker = new Worker(new URL('./table-writer.ts', import.meta.url), { workerData })
  const ended = once(worker, 'exit')
  const { verdicts, admin } = openFleet(handle)
  const [verdict, word] = [new Verdict(), new AdminWord()]
  const deadline = performance.now() + 30_000
  let last = 0
  let different = 0
  try {
    while (different < 20_000 && performance.now() < deadline) {
      if (verdicts.read(1, verdict)) {
        const n = verdict.generation
        if (n < last) assert.fail(`${n} after ${last}`)
        if (n > last) different++
        last = n
        const parts = [verdict.state, verdict.reason, verdict.ejections, -verdict.ejectedUntilMs]
        if (parts.some((part) => part !== n) || verdict.sinceMs !== n / 3 || verdict.share !== 1 / n)
          assert.fail(`torn: ${JSON.stringify(verdict)}`)
      }
      if (admin.read(1, word) && (word.state !== word.generation || word.weight !== word.state * 1e300))
        assert.fail(`torn: ${JSON.stringify(word)}`)
    }
  } finally {
    Atomics.store(stop, 0, 1)
    await ended
  }
  assert.equal(different, 20_000, 'rows seen while they were written')
})
