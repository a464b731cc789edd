/** Thread of claim.test.ts: claims and releases at random, and keeps a count of its own of what is held by all. */
import { parentPort, workerData } from 'node:worker_threads'
import { seededRng } from '../../../src/base/random.ts'
import { SharedCount } from '../../../src/shm/claim.ts'
import { openFleet } from '../../../src/shm/fleet.ts'
import type { FleetHandle } from '../../../src/shm/layout.ts'

export type ClaimerData = {
  readonly handle: FleetHandle
  readonly shard: number
  readonly max: number
  readonly forMs: number
  /** [0] held by all now, [1] most ever held, [2] threads ready. */
  readonly witness: Int32Array
  readonly threads: number
}

const { handle, shard, max, forMs, witness, threads } = workerData as ClaimerData
const count = new SharedCount(openFleet(handle), 'listenerGauges', shard)
const rng = seededRng(shard + 1)
Atomics.add(witness, 2, 1)
while (Atomics.load(witness, 2) < threads); // begin together

let mine = 0
let granted = 0
const until = performance.now() + forMs
for (let round = 0; (round & 255) !== 0 || performance.now() < until; round++) {
  if (mine > 0 && rng.below(2) === 0) {
    Atomics.sub(witness, 0, 1)
    count.release(0)
    mine--
  } else if (count.claim(0, max)) {
    const held = Atomics.add(witness, 0, 1) + 1
    for (let most = Atomics.load(witness, 1); held > most; most = Atomics.load(witness, 1)) {
      Atomics.compareExchange(witness, 1, most, held)
    }
    if (held > max) throw new Error(`${held} held, ${max} allowed`)
    mine++
    granted++
  }
}
while (mine-- > 0) {
  Atomics.sub(witness, 0, 1)
  count.release(0)
}
parentPort!.postMessage(granted)
