/** Thread: hammers one verdict row; every verdict is all of one number. */
import { workerData } from 'node:worker_threads'
import { openFleet } from '../../../src/shm/fleet.ts'
import type { FleetHandle } from '../../../src/shm/layout.ts'
import { Verdict } from '../../../src/shm/tables.ts'

const { handle, writes, done } = workerData as {
  handle: FleetHandle
  writes: number
  done: Int32Array
}
const { verdicts, admin } = openFleet(handle)
const verdict = new Verdict()
const word = { generation: 0, state: 0, weight: 0 }
for (let n = 1; n <= writes; n++) {
  verdict.generation = verdict.state = verdict.reason = verdict.ejections = n
  verdict.sinceMs = n / 3
  verdict.ejectedUntilMs = -n
  verdict.share = 1 / n
  verdicts.write(1, verdict)
  word.generation = word.state = n
  word.weight = n * 1e300
  admin.write(1, word)
}
Atomics.store(done, 0, 1)
