/** A thread that keeps all it makes, in one synchronous loop, behind a guarded heap. Started by engine-host.test.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { host } from '../../../native/index.ts'

const { alarm, extraBytes, kind } = workerData as {
  readonly alarm: Float64Array
  readonly extraBytes: number
  readonly kind: 'map' | 'arrays' | 'strings'
}
host.guardHeap(alarm, extraBytes)
let twice = ''
try {
  host.guardHeap(alarm, extraBytes)
} catch (error) {
  twice = (error as NodeJS.ErrnoException).code ?? ''
}
parentPort?.postMessage(twice)

const map = new Map<number, object>()
const kept: unknown[] = []
const keep = {
  map: (round: number) => map.set(round, { round }),
  arrays: (round: number) => kept.push(Array.from({ length: 100 }, () => round)),
  strings: (round: number) => kept.push(`${round} `.repeat(500).split('').join('-')),
}[kind]
setTimeout(() => {
  for (let round = 0; ; round++) keep(round)
}, 10)
