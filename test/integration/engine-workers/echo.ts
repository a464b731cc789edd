/** A shard of the tests: echoes, hands over on `>n`, spins on `!`, counts what it hears of. Started by engine-threads.test.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { createEngine } from '../../../native/index.ts'
import { EVENT, EVENT_WORDS, OP } from '../../../src/io/engine.ts'
import { engineOptions } from '../engine-rig.ts'

const { shard, listenerFds } = workerData as {
  readonly shard: number
  readonly listenerFds: readonly number[]
}
const [HANDOVER, SPIN, THROW, EXIT] = Buffer.from('>!?x')
const engine = createEngine(engineOptions({ shard }))
const { mem, events, ops } = engine

/** The op row that answers one event row; 0 for none. */
function answer(row: number, op: number): number {
  const [kind = 0, fd = 0, generation = 0, a = 0, b = 0] = events.subarray(row, row + EVENT_WORDS)
  const put = (...words: number[]): number => {
    ops.set([...words, 0, 0, 0, 0].slice(0, EVENT_WORDS), op)
    return 1
  }
  switch (kind) {
    case EVENT.data: {
      const first = mem[a]
      if (first === SPIN) for (;;);
      if (first === THROW) throw new Error('asked to')
      if (first === EXIT) process.exit(3)
      if (first === HANDOVER) return put(OP.handover, fd, generation, (mem[a + 1] ?? 0) - 48, 1000 + shard)
      return put(OP.send, fd, generation, a, b)
    }
    case EVENT.takenOver:
      parentPort?.postMessage({ takenOver: a, flags: b })
      return put(OP.resume, fd, generation)
    case EVENT.wake:
      parentPort?.postMessage({ woken: true })
      return 0
    case EVENT.end:
      return put(OP.close, fd, generation, 1000)
    default:
      return 0
  }
}

engine.start((count) => {
  let used = 0
  for (let row = 0; row < count; row++) used += answer(row * EVENT_WORDS, used * EVENT_WORDS)
  return used
})
for (const fd of listenerFds) engine.listen(fd, shard)
parentPort?.on('message', (message: { wake?: number; stop?: boolean }) => {
  if (message.wake !== undefined) parentPort?.postMessage({ wakeResult: engine.wake(message.wake) })
  if (message.stop === true) {
    engine.stop()
    parentPort?.close()
  }
})
parentPort?.postMessage({ ready: true })
