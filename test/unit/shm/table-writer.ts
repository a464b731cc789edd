/** Thread: hammers a verdict row and an admin row until it is told to stop; every row is all of one number. */
import { workerData } from 'node:worker_threads'
import { openFleet } from '../../../src/shm/fleet.ts'
import type { FleetHandle } from '../../../src/shm/layout.ts'
import { Verdict } from '../../../src/shm/tables.ts'

export type TableWriterData = {
  readonly handle: FleetHandle
  /** Not 0: enough. */
  readonly stop: Int32Array
}

const { handle, stop } = workerData as TableWriterData
const { verdicts, admin } = openFleet(handle)
const verdict = new Verdict()
const word = { generation: 0, state: 0, weight: 0 }
for (let n = 1; Atomics.load(stop, 0) === 0; n++) {
  verdict.generation = verdict.state = verdict.reason = verdict.ejections = n
  verdict.sinceMs = n / 3
  verdict.ejectedUntilMs = -n
  verdict.share = 1 / n
  verdicts.write(1, verdict)
  word.generation = word.state = n
  word.weight = n * 1e300
  admin.write(1, word)
}
