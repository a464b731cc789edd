/** A thread that watches, and tells when it looks; `alone`: it does nothing else. Told `throw`, its next look throws; `stop`: it looks no more; three numbers: the pace. */
import { parentPort, workerData } from 'node:worker_threads'
import { host } from '../../../native/index.ts'

const { pace, words, alone } = workerData as {
  readonly alone: boolean
  readonly pace: Float64Array
  readonly words: readonly (Int32Array | Float64Array)[]
}
let throws = false
const own = pace.slice()
const stop = host.watch(own, words, () => {
  if (throws) throw new Error('told to')
  parentPort!.postMessage(Number(process.hrtime.bigint()) / 1e6)
})
const obey = (order: string): void => {
  if (order === 'throw') throws = true
  else if (order === 'stop') stop()
  else own.set(order.split(' ').map(Number))
}
if (!alone) parentPort!.on('message', obey)
parentPort!.postMessage('up')
