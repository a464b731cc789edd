import { Connection } from '../../../src/io/connection.ts'
import type { BatchHandler } from '../../../src/io/engine.ts'
import type { Reactor } from '../../../src/io/reactor.ts'
import type { SimShard } from '../sim-shard.ts'

/** Thrown through a shard that dies in the midst of its work. */
export class Death extends Error {
  override readonly name: string = 'Death'
}

type Countdown = { left: number; onDeath: () => void }
/** The shard that handles a batch: only then it can die in the midst of something. */
let working: Reactor | undefined
const countdowns = new WeakMap<Reactor, Countdown>()

/** A moment at which a thread may end. */
const step = (reactor: Reactor): void => {
  const countdown = countdowns.get(reactor)
  if (countdown !== undefined && reactor === working && --countdown.left === 0)
    throw new Death('the thread ends here')
}

const OPS = [
  'send',
  'pause',
  'resume',
  'shutdown',
  'close',
  'reset',
  'relay',
  'relayStop',
  'handover',
] as const
const NOTES = ['openNote', 'noteRole', 'notePeer', 'endNote'] as const

/** `target[name]` with a moment before and one behind it. */
const between = (target: object, name: string, reactorOf: (self: unknown) => Reactor): void => {
  const plain: (...args: unknown[]) => unknown = Reflect.get(target, name)
  Reflect.set(target, name, function (this: unknown, ...args: unknown[]): unknown {
    step(reactorOf(this))
    const result = plain.apply(this, args)
    step(reactorOf(this))
    return result
  })
}

for (const name of NOTES) between(Connection.prototype, name, (self) => (self as Connection).reactor)

/** Make a shard mortal. Before it starts. */
export const makeMortal = ({ shard, engine }: Pick<SimShard, 'shard' | 'engine'>): void => {
  const { reactor } = shard
  const here = (): Reactor => reactor
  for (const name of OPS) between(reactor.ops, name, here)
  between(reactor.slabs, 'take', here)
  between(reactor, 'release', here)
  between(reactor, 'register', here)
  const start = engine.start.bind(engine)
  engine.start = (handler: BatchHandler): void => {
    start((rows) => {
      working = reactor
      try {
        return handler(rows)
      } catch (error) {
        if (!(error instanceof Death)) throw error
        countdowns.get(reactor)?.onDeath()
        return 0
      } finally {
        working = undefined
      }
    })
  }
}

/**
 * Its thread comes to a stand so many moments from now, in the midst of whatever it does then; 0: now, between two batches. Then `onDeath` runs: it is to end
 * the engine.
 */
export const killAfter = ({ shard, engine }: SimShard, moments: number, onDeath: () => void): void => {
  const die = (): void => {
    countdowns.delete(shard.reactor)
    engine.hang()
    onDeath()
  }
  if (moments === 0) die()
  else countdowns.set(shard.reactor, { left: moments, onDeath: die })
}

/** What was announced does not come. */
export const spare = ({ shard }: SimShard): void => void countdowns.delete(shard.reactor)
