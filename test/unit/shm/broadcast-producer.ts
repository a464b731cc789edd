/** Thread: publishes numbered records whose fields check one another on one broadcast ring, in bursts as fast as it can. */
import { workerData } from 'node:worker_threads'
import { BroadcastWriter } from '../../../src/shm/broadcast.ts'
import type { BroadcastRegion } from '../../../src/shm/broadcast.ts'

export type BroadcastProducerData = {
  readonly region: BroadcastRegion
  readonly records: number
  /** [0] readers that began, of `readers`; [1] producers that finished. */
  readonly witness: Int32Array
  readonly readers: number
}

/** Between bursts readers may catch up: without, a machine with few cores would show laps only. */
const BURST = 8192
const nap = new Int32Array(new SharedArrayBuffer(4))

const { region, records, witness, readers } = workerData as BroadcastProducerData
const writer = new BroadcastWriter(region)
const { doubles } = writer
for (let begun = 0; begun < readers; begun = Atomics.load(witness, 0)) Atomics.wait(witness, 0, begun, 50)

for (let n = 0; n < records; n++) {
  const at = writer.reserve(n | 0, ~n, n * 31)
  doubles[at + 2] = n
  doubles[at + 3] = n + 0.5
  doubles[at + 4] = -n
  doubles[at + 5] = n * 1e9
  doubles[at + 6] = n ** 2 + n
  writer.publish()
  if (n % BURST === BURST - 1) Atomics.wait(nap, 0, 0, 1)
}
Atomics.add(witness, 1, 1)
Atomics.notify(witness, 1)
