/**
 * A shard of the tests: echoes, hands over on `>n`, waits on `w`, ends on `!` (spins), `?` (throws) and `x` (exits), counts what it
 * hears of, and takes connections it is told to. Keeps the words of `LIVE` as the reactor and the op writer do.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { createEngine } from '../../../native/index.ts'
import { EVENT, EVENT_WORDS, LIVE, OP } from '../../../src/io/engine.ts'
import type { EngineMemory } from '../../../src/io/engine.ts'
import { engineOptions } from '../engine-rig.ts'

const { shard, listenerFds, memory, heartbeat, gate } = workerData as {
  readonly shard: number
  readonly listenerFds: readonly number[]
  readonly memory?: EngineMemory
  readonly heartbeat?: Float64Array
  /** Where `w` waits until it is 1. */
  readonly gate?: Int32Array
}
const [HANDOVER, SPIN, THROW, EXIT, WAIT] = Buffer.from('>!?xw')
const engine = createEngine(
  engineOptions({ shard, ...(memory ? { memory } : {}), ...(heartbeat ? { heartbeat } : {}) }),
)
const { mem, events, ops, live } = engine

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
      if (first === WAIT && gate !== undefined) {
        parentPort?.postMessage({ waiting: true })
        Atomics.wait(gate, 0, 0)
        return 0
      }
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
  for (let row = 0; row < count; row++) {
    live[LIVE.cursor] = row
    used += answer(row * EVENT_WORDS, used * EVENT_WORDS)
    live[LIVE.ops] = used
  }
  live[LIVE.rows] = 0 // before the cursor: a thread may end between any two stores
  live[LIVE.cursor] = -1
  return used
})
for (const fd of listenerFds) engine.listen(fd, shard)

type Message = { wake?: number; stop?: boolean; take?: readonly (readonly [number, number])[] }

/** Takes what a dead engine left and begins to read. */
function take(fd: number, generation: number): object {
  const taken = engine.take(fd, generation)
  if (taken === 0) return { fd, taken }
  const said = { fd, taken, peer: engine.peerOf(fd, taken), flags: engine.flagsOf(fd, taken) }
  ops.set([OP.resume, fd, taken, 0, 0, 0, 0, 0])
  engine.flush(1)
  return said
}

parentPort?.on('message', (message: Message) => {
  if (message.wake !== undefined) parentPort?.postMessage({ wakeResult: engine.wake(message.wake) })
  if (message.take !== undefined) {
    parentPort?.postMessage({ took: message.take.map(([fd, generation]) => take(fd, generation)) })
  }
  if (message.stop === true) {
    engine.stop()
    parentPort?.close()
  }
})
parentPort?.postMessage({ ready: true })
