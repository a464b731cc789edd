import { Worker, parentPort } from 'node:worker_threads'
import type { Transferable } from 'node:worker_threads'
import { connectActor } from '../actor/rpc.ts'
import type { ActorRef, RpcPort } from '../actor/rpc.ts'
import { systemTimers } from './clock.ts'
import { nativeMetrics } from './vitals.ts'

/** One life of an actor in a thread of its own. */
export type Thread<T> = {
  readonly ref: ActorRef<T>
  /** Resolves with the reason when the thread is over and nothing of it runs any more. Its pending calls are rejected by then. */
  readonly ended: Promise<string>
  /** End it now, whatever it is doing. `ended` tells when it has. */
  readonly terminate: () => void
}

export type ThreadSpec = {
  readonly name: string
  readonly url: URL
  /** `workerData`. */
  readonly seed: unknown
  readonly transfer?: readonly Transferable[]
  /** MiB of objects beyond which it is ended; absent: as the runtime has it. */
  readonly heapMb?: number
}

export function startThread<T extends object>(spec: ThreadSpec): Thread<T> {
  nativeMetrics()
  const { name, url, seed, transfer = [], heapMb } = spec
  const resourceLimits = heapMb === undefined ? {} : { maxOldGenerationSizeMb: heapMb }
  const worker = new Worker(url, { name, workerData: seed, transferList: [...transfer], resourceLimits })
  const ref = connectActor<T>(worker, name, systemTimers)
  const ended = Promise.withResolvers<string>()
  let thrown: unknown
  worker.once('error', (error) => (thrown = error))
  worker.once('exit', (code) => {
    const reason = thrown === undefined ? `exit code ${code}` : describe(thrown)
    ref.die(reason)
    ended.resolve(reason)
  })
  return { ref, ended: ended.promise, terminate: () => void worker.terminate() }
}

/** The whole story for the log: an actor's death is a bug of ours. */
function describe(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}

/** From within an actor's thread: the port its parent calls it through. */
export function actorPort(): RpcPort {
  if (parentPort === null) throw new Error('this is an actor: main starts it')
  return parentPort
}
