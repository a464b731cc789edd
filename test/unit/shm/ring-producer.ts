/** Thread of ring.test.ts: writes numbered records of varying length as fast as it can, dropping those that do not fit. */
import { parentPort, workerData } from 'node:worker_threads'
import { RingWriter } from '../../../src/shm/ring.ts'
import type { RingRegion } from '../../../src/shm/ring.ts'

const { region, records } = workerData as { region: RingRegion; records: number }
const writer = new RingWriter(region)
const nap = new Int32Array(new SharedArrayBuffer(4))
let dropped = 0
for (let sequence = 0; sequence < records; sequence++) {
  const length = 8 + ((sequence * 7) % 90)
  const at = writer.reserve(97)
  if (at < 0) {
    dropped++
    Atomics.wait(nap, 0, 0, 1) // let the reader catch up: most records shall come through
    continue
  }
  writer.words[at >> 2] = sequence
  writer.words[(at >> 2) + 1] = length
  for (let i = 8; i < length; i++) writer.bytes[at + i] = sequence + i
  writer.commit(length)
}
parentPort!.postMessage({ dropped })
