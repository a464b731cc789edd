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
  /** Go on until all together were granted this many: however crowded the machine is, there is something to see. */
  readonly grants: number
  /** [0] held by all now, [1] most ever held, [2] threads ready, [3] granted to all. */
  readonly witness: Int32Array
  readonly threads: number
}

const { handle, shard, max, grants, witness, threads } = workerData as ClaimerData
const count = new SharedCount(openFleet(handle), 'listenerGauges', shard)
const rng = seededRng(shard + 1)
Atomics.add(witness, 2, 1)
while (Atomics.load(witness, 2) < threads); // begin together

let mine = 0
while (Atomics.load(witness, 3) < grants) {
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
    Atomics.add(witness, 3, 1)
  }
}
while (mine-- > 0) {
  Atomics.sub(witness, 0, 1)
  count.release(0)
}
parentPort!.postMessage('done')
