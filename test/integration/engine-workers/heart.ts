/** A thread that attends: waits, and works without a pause where it is told to. */
import { readlinkSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { host } from '../../../native/index.ts'

const { heartbeat, busy } = workerData as { readonly heartbeat: Float64Array; readonly busy: Float64Array }
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

function work(forMs: number): void {
  const beganMs = nowMs()
  parentPort!.postMessage({ beganMs })
  while (nowMs() < beganMs + forMs);
  parentPort!.postMessage({ endedMs: nowMs() })
}

const places = {
  message: work,
  timer: (ms: number) => void setTimeout(() => work(ms), 30),
  turn: (ms: number) => void setImmediate(() => work(ms)),
  promise: (ms: number) => void Promise.resolve().then(() => work(ms)),
} as const
host.attend(heartbeat, busy)
parentPort!.on('message', ({ where, ms }: { where: keyof typeof places; ms: number }) => places[where](ms))
parentPort!.postMessage({ tid: Number(readlinkSync('/proc/thread-self').split('/').at(-1)) })
