import { BroadcastChannel, workerData } from 'node:worker_threads'
import type { ShardSeed } from '../../../src/proxy/control.ts'

export const MORTALITY = 'weir-test-mortality'

/** How an actor is to end: `exit` its thread, or `throw` out of its event loop. */
export type Doom = {
  readonly actor: 'acceptor' | 'telemetry' | 'health' | 'discovery' | 'shard'
  readonly shard?: number
  readonly how: 'exit' | 'throw'
}

/** Let this thread die on demand. */
export function mortal(actor: Doom['actor']): void {
  const channel = new BroadcastChannel(MORTALITY)
  channel.addEventListener('message', (event) => {
    const doom = (event as unknown as { data: Doom }).data
    if (doom.actor !== actor) return
    if (actor === 'shard' && (workerData as ShardSeed).shard !== doom.shard) return
    if (doom.how === 'exit') process.exit(7)
    setImmediate(() => {
      throw new Error('doomed by a test')
    })
  })
}
