import { parentPort, workerData } from 'node:worker_threads'
import { host } from '../../../native/index.ts'
import { startVitals } from '../../../src/io/vitals.ts'
import { openFleet } from '../../../src/shm/fleet.ts'
import type { FleetHandle, OtherActor } from '../../../src/shm/layout.ts'

/** An actor that writes its vitals, and does what it is told: `spin 200` (ms), `litter` (make garbage until collected), `exit`, `throw`. */
const { handle, who } = workerData as { readonly handle: FleetHandle; readonly who: number | OtherActor }
startVitals(openFleet(handle), who, host)

const kept: unknown[] = []
parentPort!.on('message', (order: string) => {
  const [what, ms] = order.split(' ')
  if (what === 'exit') process.exit(3)
  if (what === 'throw') throw new Error('told to')
  const untilMs = performance.now() + Number(ms)
  while (performance.now() < untilMs) {
    if (what !== 'litter') continue
    kept.push(Array.from({ length: 1000 }, (_, i) => ({ i })))
    if (kept.length > 500) kept.length = 0
  }
  parentPort!.postMessage('done')
})
parentPort!.postMessage('up')
