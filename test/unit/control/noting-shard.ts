import { exposeActor } from '../../../src/actor/rpc.ts'
import { actorPort } from '../../../src/io/thread.ts'

/** A shard as main sees it, with nothing behind: does what it is told, notes whom it is to give to, and is done with that never. */
const heirLists: (readonly number[])[] = []
exposeActor(actorPort(), 'a shard', {
  apply: () => {},
  inherit: () => ({ adopted: 0, rescued: 0, answered: 0, reset: 0 }),
  handOver: async (heirs: readonly number[]) => {
    heirLists.push(heirs)
    await new Promise(() => {})
  },
  heirLists: () => heirLists,
})
